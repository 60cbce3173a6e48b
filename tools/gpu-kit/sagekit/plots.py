"""The pictures of the report: TOPS against N, roofline, clocks. Each takes Results and returns HTML, or '' where there
is nothing to draw. Figures of a simulated device are never drawn."""
from html import escape

from . import bounds
from .statistics import LEAST_DIFFERENCE
from .svg import MARKERS, Drawing, Plot, spread_labels

COLOURS = 12

# Bits of nvmlClocksEventReasons, as nvidia-smi prints them; idle is no throttling.
REASONS = ((0x2, 'application clocks'), (0x4, 'power cap'), (0x8, 'hardware slowdown'), (0x10, 'sync boost'),
           (0x20, 'thermal, software'), (0x40, 'thermal, hardware'), (0x80, 'power brake'), (0x100, 'display clocks'))


class Series:
    """The look of one line: ours solid and full, peers dashed and hollow. A name looks the same in every plot."""

    def __init__(self, name, index, ours):
        self.name, self.ours = name, ours
        self.colour = 's%d' % (index % COLOURS + 1)
        self.shape = MARKERS[(index + index // COLOURS) % len(MARKERS)]
        self.line = '%s %s' % (self.colour, 'ours' if ours else 'peer')
        self.mark = '%s %s' % (self.colour, 'full' if ours else 'hollow')


def series_of(results):
    """Ours first, then the peers, in the order of the files."""
    ours = list(dict.fromkeys(case.who for case in results.attention))
    peers = list(dict.fromkeys(case.who for case in results.peers))
    names = [(name, True) for name in ours] + [(name, False) for name in peers]
    return {(name, mine): Series(name, index, mine) for index, (name, mine) in enumerate(names)}


def timed(cases):
    return [case for case in cases if case.status == 'ok' and case.kernel]


def legend(series):
    items = []
    for one in series:
        sample = Drawing(38, 16, one.name)
        sample.path([(2, 8), (36, 8)], one.line)
        sample.marker(19, 8, one.shape, one.mark)
        items.append('<span class="item">%s%s</span>' % (sample, escape(one.name)))
    return '<div class="legend">%s</div>' % ''.join(items)


def _bound_lines(plot, found):
    """Dashed lines with a label; equal bounds share one. Those above the plot are named over it."""
    merged = {}
    for label, value in found:
        merged.setdefault(round(value), []).append(label)
    labels = {value: '%s: %d' % (' = '.join(names), value) for value, names in sorted(merged.items())}
    inside = [value for value in labels if value <= plot.y.high]
    at = spread_labels([plot.y(v) - 5 for v in inside], 13, plot.top, plot.bottom)
    for value, y in zip(inside, at):
        plot.line(plot.left, plot.y(value), plot.right, plot.y(value), 'bound')
        plot.text(plot.right, y, labels[value], 'end', 'boundlabel')
    above = [labels[value] for value in labels if value > plot.y.high]
    if above:
        plot.text(plot.right, 18, '↑ ' + ', '.join(above), 'end', 'boundlabel')


def _top(best, found):
    """High enough for the data and for the lowest bound above it; higher ones would only flatten the lines."""
    above = [value for _, value in found if value >= best]
    return max(best, min(above, default=best)) * 1.1


def _panel(results, head_dim, mask, looks, groups, span):
    cases = [c for group in groups.values() for c in group]
    types = list(dict.fromkeys(bounds.config_types(c.who) for c in cases if (c.who, True) in looks and c.bits is None))
    if any('fp8' in c.who and c.bits == 8 for c in cases):
        types.append(('s8', 'e4m3'))
    found = bounds.of_device(results, head_dim, types)
    top = _top(max(c.kernel.tops(c.key.operations) for c in cases), found)
    title = 'D %d, %s' % (head_dim, 'no mask' if mask == 'none' else mask)
    plot = Plot(560, 400, 'TOPS against N, ' + title, (span[0] / 1.15, span[1] * 1.15, True), (0, top, False),
                'N (tokens)', 'TOPS', sorted({c.key.tokens for c in cases}), title)
    _bound_lines(plot, found)
    for identity, group in reversed(list(groups.items())):  # ours last, on top
        look = looks[identity]
        group.sort(key=lambda case: case.key.tokens)
        points = [(plot.x(c.key.tokens), plot.y(c.kernel.tops(c.key.operations))) for c in group]
        plot.path(points, look.line)
        for case, (x, y) in zip(group, points):
            tip = '%s, %s: %.0f TOPS, median %.1f µs' % (look.name, case.key, case.kernel.tops(case.key.operations),
                                                         case.kernel.median)
            tip += ', host-bound' if case.kernel.host_bound else ''
            plot.marker(x, y, look.shape, look.mark, tip)
    return '<figure>%s</figure>' % plot


def speed(results):
    """One panel for each head dim and mask: kernel-only TOPS of ours and of the peers, and the bounds."""
    if results.simulated:
        return ''
    looks = series_of(results)
    panels = {}
    for mine, cases in ((True, results.attention), (False, results.peers)):
        for case in timed(cases):
            if case.shape == 'grid' and case.key.mask in ('none', 'causal'):
                panel = panels.setdefault((case.key.head_dim, case.key.mask), {})
                panel.setdefault((case.who, mine), []).append(case)
    if not panels:
        return ''
    tokens = [c.key.tokens for groups in panels.values() for group in groups.values() for c in group]
    drawn = {identity for groups in panels.values() for identity in groups}
    out = legend([look for identity, look in looks.items() if identity in drawn])
    order = sorted(panels, key=lambda p: (p[0], p[1] != 'none', p[1]))
    return out + '<div class="panels">%s</div>' % ''.join(
        _panel(results, d, mask, looks, panels[d, mask], (min(tokens), max(tokens))) for d, mask in order)


# Peers whose timed call is handed Q, K and V in 8 bits. The others take f16, whatever they multiply in.
READS_8_BITS = ('flash-attn-3-fp8',)


def intensity(case):
    """Operations per byte that must cross memory at least once: Q, K, V in, O out, in the types of the timed call."""
    key = case.key
    if case.bits is None:
        qk, v = (2 if dtype == 'f16' else 1 for dtype in bounds.config_types(case.who))
    else:
        qk = v = 1 if case.who in READS_8_BITS else 2
    per_token = key.query_heads * (qk + 2) + key.key_heads * (qk + v)
    return key.operations / (key.batch * key.tokens * key.head_dim * per_token)


def measured(results, group):
    """[(name, value, unit)] of the machine measurements of a group that have a value and came out right."""
    return [(m['name'], m['value'], m['unit']) for m in results.machine
            if m['group'] == group and m['verified'] is True and (m['value'] or 0) > 0]


SUSTAINED = '.sustained'
OF_ARCH = ' (arch)'


def is_theory(roof):
    return roof.endswith(OF_ARCH)


def peaks(results):
    """[(name, TOPS)] of the tensor cores: of each type the highest measured peak of `mma` and of `wgmma` that the
    device sustains, one of them where they are the same; where none was measured, those of the arch. Products of f16
    with sums in f16 are a type of their own, which no config uses."""
    clock, _ = results.clock_under_load()
    highest = {}
    for name, value, unit in measured(results, 'mma'):
        dtype = next((t for t in ('bf16', 'f16', 'e4m3', 's8') if t in name), None)
        if unit != 'TOPS' or not dtype or 'f16-f16' in name or not name.endswith(SUSTAINED):
            continue
        instructions = highest.setdefault(dtype, {})
        instruction = name.partition('.')[0]
        if value > instructions.get(instruction, ('', 0))[1]:
            instructions[instruction] = (name[:-len(SUSTAINED)], value)
    found = [roof for instructions in highest.values() for roof in instructions.values()
             if roof == max(instructions.values(), key=lambda r: r[1])
             or roof[1] * (1 + LEAST_DIFFERENCE) < max(value for _, value in instructions.values())]
    known = bounds.rates(results.arch) or {}
    theory = [(dtype + OF_ARCH, bounds.rate_tops(results.arch, dtype, results.multiprocessors, clock))
              for dtype in known]
    return sorted(found or [(name, value) for name, value in theory if value], key=lambda roof: roof[1])


def bandwidth(results):
    """Measured bandwidth of device memory in GB/s, with its name: the fastest of reads and copies, caches left out."""
    factors = (('TB/s', 1000.0), ('GB/s', 1.0), ('MB/s', 1e-3))
    found = []
    for name, value, unit in measured(results, 'memory'):
        factor = next((f for text, f in factors if text in unit), None)
        if factor and not any(word in name.lower() for word in ('l2', 'l1', 'shared', 'smem')):
            found.append((value * factor, name))
    return max(found) if found else None


def _roofs(plot, roofs, memory):
    """Roofs with their names to the right of the plot, where no marker is, and the slope of the memory."""
    at = spread_labels([plot.y(value) + 4 for _, value in roofs], 13, plot.top, plot.bottom)
    for (name, value), y in zip(roofs, at):
        start = max(plot.x.low, value * 1e3 / memory[0]) if memory else plot.x.low
        plot.line(plot.x(start), plot.y(value), plot.right, plot.y(value), 'bound')
        plot.text(plot.right + 6, y, '%s: %.0f' % (name, value), 'start', 'boundlabel')
    if memory and roofs:
        corner = min(roofs[-1][1] * 1e3 / memory[0], plot.x.high)
        low = max(plot.x.low, plot.y.low * 1e3 / memory[0])
        plot.path([(plot.x(x), plot.y(x * memory[0] / 1e3)) for x in (low, corner)], 'bound')
        plot.text(plot.x(low) + 10, plot.top + 12, '%s: %.0f GB/s' % (memory[1], memory[0]), 'start', 'boundlabel')


def roofline(results):
    ours = timed(results.attention)
    best = [results.best_peer(key, bits) for key in {c.key for c in ours} for bits in (16, 8)]
    cases = [(c, False) for c in best if c] + [(c, True) for c in ours]
    if results.simulated or not ours:
        return ''
    looks = series_of(results)
    tops = [c.kernel.tops(c.key.operations) for c, _ in cases]
    xs = [intensity(c) for c, _ in cases]
    roofs, memory = peaks(results), bandwidth(results)
    high = max(tops + [value for _, value in roofs])
    x_low, x_high = min(xs) / 2, max(xs) * 2
    if memory and roofs:
        x_low = min(x_low, roofs[0][1] * 1e3 / memory[0] / 3)
    plot = Plot(1130, 440, 'Roofline', (x_low, x_high, True), (min(tops) / 2, high * 1.5, True),
                'operations per byte of device memory (each tensor once)', 'TOPS', title='Roofline',
                margins=(56, 210, 34, 46))
    _roofs(plot, roofs, memory)
    for (case, mine), x, y in zip(cases, xs, tops):  # ours last, on top
        look = looks[case.who, mine]
        plot.marker(plot.x(x), plot.y(y), look.shape, look.mark, '%s, %s: %.0f TOPS' % (look.name, case.key, y))
    drawn = {(case.who, mine) for case, mine in cases}
    return legend([look for identity, look in looks.items() if identity in drawn]) + '<figure>%s</figure>' % plot


def reasons_of(mask):
    return [text for bit, text in REASONS if int(mask or 0) & bit]


def _strip(plot, row_y, spans, x, style, name):
    plot.text(plot.left - 7, row_y + 9, name, 'end', 'tick')
    for start, stop in spans:
        plot.rect(x(start), row_y, x(stop) - x(start), 11, style, name)


def _spans(samples, holds):
    """[start, stop] of the stretches of time in which `holds` is true of the samples."""
    spans, begin = [], None
    for sample, after in zip(samples, samples[1:] + [None]):
        if holds(sample) and begin is None:
            begin = sample['time']
        if begin is not None and (after is None or not holds(after)):
            spans.append((begin, (after or sample)['time']))
            begin = None
    return spans


def clocks(results):
    """SM clock and power over time, one above the other, the stages behind and the throttle reasons below."""
    samples = sorted((c for c in results.clocks if c['sm'] is not None), key=lambda c: c['time'])
    if len(samples) < 2:
        return ''
    start, stop = samples[0]['time'], samples[-1]['time']
    active = [text for _, text in REASONS if any(text in reasons_of(c['reasons']) for c in samples)]
    out = []
    for field, title, limit in (('sm', 'SM clock, MHz', 'max_sm'), ('power', 'power, W', 'power_limit')):
        points = [(c['time'] - start, c[field]) for c in samples if c[field] is not None]
        if not points:
            continue
        ceiling = max((c[limit] for c in samples if c[limit]), default=None)
        last = field == 'power'
        strips = active if last else []
        plot = Plot(1130, 210 + 16 * len(strips), title, (0, stop - start, False),
                    (0, max([y for _, y in points] + [ceiling or 0]) * 1.1, False), 'seconds', '', title=title,
                    margins=(130, 16, 44, 44 + 16 * len(strips)))
        _stage_bands(plot, results.stages, start, stop)
        if ceiling:
            plot.line(plot.left, plot.y(ceiling), plot.right, plot.y(ceiling), 'bound')
            plot.text(plot.right, plot.y(ceiling) - 4, 'limit %d' % ceiling, 'end', 'boundlabel')
        plot.path([(plot.x(x), plot.y(y)) for x, y in points], 's1 thin')
        for row, text in enumerate(strips):
            spans = _spans(samples, lambda c, text=text: text in reasons_of(c['reasons']))
            _strip(plot, plot.bottom + 42 + 16 * row, spans, lambda t: plot.x(t - start), 'throttle', text)
        out.append('<figure>%s</figure>' % plot)
    return ''.join(out)


def _stage_bands(plot, stages, start, stop):
    for index, stage in enumerate(stages):
        begin, seconds = stage['start'], stage['seconds']
        if begin is None or seconds is None:
            continue
        low, high = max(begin, start), min(begin + seconds, stop)
        if high <= low:
            continue
        x, width = plot.x(low - start), plot.x(high - start) - plot.x(low - start)
        plot.rect(x, plot.top, width, plot.bottom - plot.top, 'band' if index % 2 else 'band odd', stage['name'])
        if width > 7 * len(stage['name']):
            plot.text(x + width / 2, plot.top - 5, stage['name'], 'middle', 'tick')
