"""The report's sections as one HTML page that needs nothing else: style and pictures are inside, there is no script."""
import re
from html import escape

from .tables import Cell, Picture, Table, failures

STYLE = '''
:root { color-scheme: light dark; --ground: #fcfcfb; --card: #ffffff; --ink: #16181d; --soft: #5b616b; --rule: #dfe2e6;
  --good: #1a7f37; --bad: #c2272d; --warn: #9a6700; --band: #eef1f5; --throttle: #d9822b;
  --s1: #2a78d6; --s2: #d9480f; --s3: #12876b; --s4: #7a3fc4; --s5: #b07d00; --s6: #c2255c; --s7: #0b7285; --s8: #5c6b1d;
  --s9: #8d5a3b; --s10: #4c5fd5; --s11: #a0228e; --s12: #4f5b66; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14161a; --card: #1b1e24; --ink: #e8eaed; --soft: #a2a9b4; --rule: #333842; --good: #4ac26b;
    --bad: #ff7b72; --warn: #d9a53a; --band: #23272f; --throttle: #e0913f;
    --s1: #5ea1f2; --s2: #ff8a5b; --s3: #3cc79c; --s4: #b38bf0; --s5: #e0b03c; --s6: #f277a4; --s7: #4cc3d9; --s8: #b3c55e;
    --s9: #d3a07f; --s10: #98a5ff; --s11: #e58ad8; --s12: #b4bfca; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1220px; margin: 0 auto; padding: 28px 24px 60px; }
h1 { font-size: 25px; margin: 0 0 4px; } h2 { font-size: 20px; margin: 40px 0 8px; }
h2.set { border-top: 3px solid var(--s1); padding-top: 12px; } h3 { font-size: 17px; margin: 28px 0 6px; }
p { margin: 6px 0 10px; max-width: 100ch; } .soft, .note { color: var(--soft); } .note { font-size: 13.5px; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 18px 0; }
.tile { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 10px 16px; min-width: 150px; }
.tile b { display: block; font-size: 22px; line-height: 1.3; } .tile span { color: var(--soft); font-size: 13px; }
.banner { border-left: 4px solid var(--warn); background: var(--card); padding: 10px 16px; margin: 14px 0; }
.failures { border-left: 4px solid var(--bad); background: var(--card); padding: 8px 16px; margin: 12px 0; }
.problems, .warnings { border-left: 4px solid var(--warn); background: var(--card); padding: 8px 16px; margin: 12px 0; }
.failures b { color: var(--bad); } .problems b, .warnings b { color: var(--warn); } ul { margin: 4px 0; padding-left: 20px; }
li { overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 8px 0 16px; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 4px 14px 4px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
td { white-space: nowrap; } td.long { white-space: normal; min-width: 24ch; } th { color: var(--soft); font-weight: 600; }
th { vertical-align: bottom; } td.num { text-align: right; } caption { text-align: left; font-weight: 600; padding: 8px 0 4px; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); } .dim { color: var(--soft); }
details { margin: 8px 0 16px; } summary { cursor: pointer; color: var(--soft); }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 500px), 1fr)); gap: 16px; }
figure { margin: 0 0 12px; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 10px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 10px 0; font-size: 13.5px; }
.item { display: inline-flex; align-items: center; gap: 6px; } .item svg { width: 38px; height: 16px; flex: none; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
svg text { fill: var(--ink); } svg .tick, svg .label { fill: var(--soft); } svg .title { font-weight: 600; font-size: 14px; }
svg .boundlabel { fill: var(--soft); font-size: 11px; paint-order: stroke; stroke: var(--card); stroke-width: 3px; }
.grid { stroke: var(--rule); } .axis { stroke: var(--soft); } .bound { stroke: var(--soft); stroke-dasharray: 2 3; fill: none; }
polyline { fill: none; stroke: var(--c); stroke-linejoin: round; } .ours { stroke-width: 2.6; }
.peer { stroke-width: 1.6; stroke-dasharray: 6 4; } .thin { stroke-width: 1.4; }
.full { fill: var(--c); stroke: var(--card); } .hollow { fill: var(--card); stroke: var(--c); stroke-width: 1.7; }
.band { fill: var(--band); } .odd { opacity: .45; } .throttle { fill: var(--throttle); }
''' + ''.join('.s%d { --c: var(--s%d); } ' % (i, i) for i in range(1, 13)) + '''
@media print { figure, table { break-inside: avoid; } }
'''

HEADS = {'failures': 'Failed', 'problems': 'Missing or malformed', 'peers': 'Peers that did not run',
         'warnings': 'Mind'}


NUMBER = re.compile(r'^–$|^-?\d[\d.,e+-]*( %)?( / [\d.]+)?( \([\d.]+–[\d.]+\))?( †)?$')


def td(value, numbers=True):
    kind = value.kind if isinstance(value, Cell) else ''
    words = str(value)
    if len(words) > 44:
        kind += ' long'
    elif numbers and NUMBER.match(words):
        kind += ' num'
    return '<td%s>%s</td>' % (' class="%s"' % kind.strip() if kind else '', escape(words))


def table(block):
    head = ''.join('<th>%s</th>' % escape(h) for h in block.headers)
    rows = ''.join('<tr>%s</tr>' % ''.join(td(value, any(block.headers)) for value in row) for row in block.rows)
    head = '<thead><tr>%s</tr></thead>' % head if any(block.headers) else ''
    caption = '<caption>%s</caption>' % escape(block.title) if block.title and not block.folded else ''
    html = '<div class="scroll"><table>%s%s<tbody>%s</tbody></table></div>' % (caption, head, rows)
    return '<details><summary>%s</summary>%s</details>' % (escape(block.title), html) if block.folded else html


def block_html(block):
    if isinstance(block, Picture):
        return block.html
    if isinstance(block, Table):
        return table(block)
    if isinstance(block, tuple):
        kind, lines = block
        items = ''.join('<li>%s</li>' % escape(line) for line in lines[:60])
        if len(lines) > 60:
            items += '<li>… and %d more</li>' % (len(lines) - 60)
        head = '<b>%s (%d)</b>' % (HEADS[kind], len(lines)) if kind in HEADS else ''
        return '<div class="%s">%s<ul>%s</ul></div>' % (kind, head, items)
    return '<p class="note">%s</p>' % escape(block)


def tiles(results):
    """The figures that a reader wants first."""
    checks = [check.get('status') for case in results.conformance for check in case['checks']]
    cards = [('%d / %d' % (checks.count('ok'), len(checks) - checks.count('skipped')), 'conformance checks passed'),
             (str(len(failures(results))), 'failures')]
    timed = [c for c in results.attention if c.status == 'ok' and c.kernel]
    if timed and not results.simulated:
        best = max(timed, key=lambda c: c.kernel.tops(c.key.operations))
        cards.append(('%.0f TOPS' % best.kernel.tops(best.key.operations), 'best kernel: %s, %s' % (best.who, best.key)))
    return '<div class="tiles">%s</div>' % ''.join(
        '<div class="tile"><b>%s</b><span>%s</span></div>' % (escape(a), escape(b)) for a, b in cards)


def heading(results):
    line = ' · '.join(part for part in (results.name, results.arch, results.commit[:12], results.date) if part)
    banner = ('<div class="banner">This device is <b>simulated</b>. Results are checked; times are not shown, since they '
              'are those of the simulator.</div>' if results.simulated else '')
    return '<p class="soft">%s</p>%s%s' % (escape(line), banner, tiles(results))


def render(title, groups):
    """`groups`: [(heading or '', Results or None, [Section])]."""
    body = []
    for name, results, sections in groups:
        if name:
            body.append('<h2 class="set">%s</h2>' % escape(name))
        if results:
            body.append(heading(results))
        level = 'h3' if name else 'h2'
        for section in sections:
            body.append('<section><%s>%s</%s>%s</section>' % (level, escape(section.title), level,
                                                              ''.join(map(block_html, section.blocks))))
    return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
            'content="width=device-width, initial-scale=1"><title>%s</title><style>%s</style></head>\n<body><main>'
            '<h1>%s</h1>\n%s\n</main></body></html>\n' % (escape(title), STYLE, escape(title), '\n'.join(body)))
