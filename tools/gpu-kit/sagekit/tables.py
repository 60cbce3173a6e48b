"""What the report says, as sections of notes, lists, tables and pictures; page.py makes HTML of it and markdown.py
Markdown. Sections of one result set are here, the comparison of two in compare.py."""
from . import bounds, plots
from .results import number, text
from .statistics import NOISE_RULE, Ratio, Times

SIMULATED = 'simulated'
METRICS = ('cosine', 'relative_l1', 'rmse')
HOST_BOUND = ' †'
HOST_NOTE = ('† host-bound: the device had passed the first event before the call was queued in half of the calls or '
             'more, so the time may hold some of the host\'s.')


class Cell:
    """A table's text with a kind: good, bad, warn or dim. Plain strings do where there is none."""

    def __init__(self, text, kind):
        self.text, self.kind = text, kind

    def __str__(self):
        return self.text


class Table:
    """`folded` tables lie behind a click in HTML and are left out of the Markdown."""

    def __init__(self, headers, rows, title='', folded=False):
        self.headers, self.rows, self.title, self.folded = headers, rows, title, folded


class Picture:
    def __init__(self, html):
        self.html = html


class Section:
    def __init__(self, title, *blocks):
        self.title = title
        self.blocks = [block for block in blocks if block is not None and block != []]


def status_cell(status):
    kinds = {'ok': 'good', 'passed': 'good', 'failed': 'bad', 'timeout': 'bad', 'partial': 'bad',
             'interrupted': 'bad', 'skipped': 'dim'}
    return Cell(status, kinds.get(status, 'warn'))


def figure(value, form=''):
    value = number(value)
    if value is None:
        return '–'
    return (form or ('%.0f' if 1e4 <= abs(value) < 1e9 else '%.4g')) % value


def tops_text(results, time, operations):
    if time is None:
        return '–'
    return SIMULATED if results.simulated else marked('%.0f' % time.tops(operations), time)


def marked(figure, time):
    return figure + (HOST_BOUND if time.host_bound else '')


def host_note(times):
    """What the mark means, where one of the times has it."""
    return HOST_NOTE if any(time and time.host_bound for time in times) else None


# --- what failed ---

def failures(results):
    """One sentence for each thing that went wrong, the gravest first."""
    found = ['stage %s: %s%s' % (s['name'], s['status'] or '?', s['reason'] and ' (%s)' % s['reason'])
             for s in results.stages if s['status'] not in ('ok', 'skipped')]
    for case in results.conformance:
        found += ['conformance, %s: %s %s' % (case['name'], check['what'], text(check.get('detail')) or 'failed')
                  for check in case['checks'] if check.get('status') == 'failed']
    found += ['benchmark, %s %s: %s' % (c.who, c.key, c.reason or 'failed') for c in results.attention
              if c.status == 'failed']
    found += ['%s %s: its result is wrong' % (by, g['dtype']) for by, gemms in
              (('benchmark, GEMM', results.gemm), ('PyTorch, GEMM', results.peer_gemm)) for g in gemms
              if g['verified'] is False]
    found += ['measurement %s: %s' % (m['name'], m['failed'] or 'its result is wrong') for m in results.machine
              if m['verified'] is False and not m['skipped']]
    found += ['peer %s, %s: %s' % (c.who, c.key, c.reason or 'failed') for c in results.peers if c.status == 'failed']
    return [line[:400] for line in found]


def status(results):
    rows = [[s['name'], status_cell(s['status'] or '?'), figure(s['seconds'], '%.1f'), figure(s['limit'], '%.0f'),
             s['reason']] for s in results.stages]
    bad = failures(results)
    return Section('Stages', ('failures', bad) if bad else 'Nothing failed in what was run.',
                   ('problems', results.problems) if results.problems else None,
                   Table(['stage', 'status', 'seconds', 'limit', 'reason'], rows) if rows else None)


# --- speed ---

def ratio_cell(ours, peer):
    if ours is None or peer is None:
        return '–'
    ratio = Ratio(ours, peer.kernel)
    words = '%.2f (%.2f–%.2f)' % (ratio.value, ratio.low, ratio.high)
    if ours.host_bound or peer.kernel.host_bound:  # who is faster without the host's time is not known
        return words + HOST_BOUND
    return Cell(words, 'dim' if not ratio.differs else ('good' if ratio.value > 1 else 'bad'))


def by_shape(results):
    """[(shape's text, key, {config: case})], the grid first, then the models' shapes."""
    shapes = {}
    for case in sorted(results.attention, key=lambda c: (c.shape != 'grid', c.shape, c.key)):
        label = '%s%s' % (case.key, '' if case.shape == 'grid' else ' · ' + case.shape)
        shapes.setdefault((label, case.key), {})[case.who] = case
    return [(label, key, cases) for (label, key), cases in shapes.items()]


def both_tops(results, case):
    if case is None:
        return '–'
    if case.status != 'ok':
        return status_cell(case.status)
    kernel, whole = (tops_text(results, time, case.key.operations) for time in (case.kernel, case.end_to_end))
    return kernel if whole in ('–', SIMULATED) else '%s / %s' % (kernel, whole)


def tops_table(results, configs):
    rows = []
    for label, key, cases in by_shape(results):
        peers = ['–' if results.simulated else peer_text(results.best_peer(key, bits)) for bits in (16, 8)]
        rows.append([label] + [both_tops(results, cases.get(config)) for config in configs] + peers)
    headers = ['shape'] + configs + ['best 16-bit peer', 'best 8-bit peer']
    return Table(headers, rows, 'TOPS: kernel alone / end to end with quantisation')


def ratio_table(results, configs):
    rows = []
    for label, key, cases in by_shape(results):
        peer = results.best_peer(key, 16)
        if peer is None:
            continue
        valid = [cases[c] if c in cases and cases[c].status == 'ok' else None for c in configs]
        rows.append([label, peer.who] + [ratio_cell(case and time(case), peer) for case in valid
                                         for time in (lambda c: c.kernel, lambda c: c.end_to_end)])
    headers = ['shape', '16-bit peer'] + [config + what for config in configs for what in ('', ', end to end')]
    return Table(headers, rows, 'Ratio to the best 16-bit peer') if rows and not results.simulated else None


def peer_text(peer):
    if not peer:
        return '–'
    return marked('%s %.0f' % (peer.who, peer.kernel.tops(peer.key.operations)), peer.kernel)


def clock_text(results, case):
    return figure(results.clock_between(case.began, case.ended), '%.0f')


def speed(results):
    note = ('TOPS = 4·B·H·N²·D / median time, half for causal; shapes are B×H×N×D (query/key heads). Ratios: time of '
            'the peer over ours, above 1 we are faster; in brackets the range by the quartiles; grey: inside the '
            'noise. The plots show our kernel alone; 8-bit peers quantise inside the call, so compare those with our '
            'end to end.')
    if results.simulated:
        note = ('This device is simulated: its times say nothing of speed, so the tables say “simulated” in their '
                'place, and the plots are left out.')
    clock, origin = results.clock_under_load()
    bound = 'Bounds: %s ' % bounds.FORMULA
    if clock and bounds.rates(results.arch):
        bound += 'Here %s SMs and %.0f MHz, %s.' % (figure(results.multiprocessors), clock, origin)
    else:
        bound += 'None drawn: clock, SM count or the rates of “%s” are not known.' % (results.arch or 'this arch')
    configs = list(dict.fromkeys(case.who for case in results.attention))
    peers = [[c.who, figure(c.bits, '%d'), str(c.key),
              tops_text(results, c.kernel, c.key.operations) if c.status == 'ok' else status_cell(c.status),
              figure((c.check or {}).get('relative_l1')), clock_text(results, c), c.reason]
             for c in sorted(results.peers, key=lambda c: (c.who, c.key))]
    return Section('Speed', note, None if results.simulated else bound, Picture(plots.speed(results)),
                   tops_table(results, configs) if configs else 'No benchmark case.', ratio_table(results, configs),
                   None if results.simulated else host_note(
                       time for c in results.attention + results.peers for time in (c.kernel, c.end_to_end)),
                   Table(['peer', 'bits', 'shape', 'TOPS', 'relative L1', 'SM clock, MHz', 'reason'], peers,
                         'Every peer', True) if peers else 'No peer was timed.',
                   ('peers', ['%s: %s' % pair for pair in results.peers_skipped]) if results.peers_skipped else None)


def roofline(results):
    picture = plots.roofline(results)
    if not picture:
        return None
    memory, measured = plots.bandwidth(results), not any(plots.is_theory(name) for name, _ in plots.peaks(results))
    note = ('Intensity counts each tensor once (Q, K, V read, O written, in the types that the timed call reads). ' +
            ('' if memory else 'No memory bandwidth was measured, so there is no slope. ') +
            ('' if measured else 'No MMA peak was measured: the roofs are those of the arch.'))
    above = ('The roofs are what the tensor cores sustain over about 100 ms, under the power limit; a kernel that is '
             'shorter need not meet that limit, and may lie above.')
    return Section('Roofline', note, Picture(picture), above if measured else None)


# --- accuracy ---

def conformance_summary(results):
    rows = []
    names = list(dict.fromkeys((text(c.get('config'), '?'), check['what'])
                               for c in results.conformance for check in c['checks']))
    for config, what in names:
        checks = [check for c in results.conformance if text(c.get('config'), '?') == config
                  for check in c['checks'] if check['what'] == what]
        count = {s: sum(check.get('status') == s for check in checks) for s in ('ok', 'failed', 'skipped')}
        rows.append([config, what, str(count['ok']), Cell(str(count['failed']), 'bad' if count['failed'] else 'dim'),
                     str(count['skipped'])] + worst(checks))
    return rows


def worst(checks):
    """The worst of each metric over some checks, as texts."""
    values = {m: [v for v in (number(c.get(m)) for c in checks if c) if v is not None] for m in METRICS}
    return [figure(min(values[m]) if m == 'cosine' else max(values[m]), '%.6f' if m == 'cosine' else '%.3g')
            if values[m] else '–' for m in METRICS]


def bound_text(bound):
    """What an output was asked for: {"cosine", "relative_l1"}."""
    limits = [number(bound.get(name)) for name in ('cosine', 'relative_l1')] if isinstance(bound, dict) else [None]
    return '–' if None in limits else 'cosine ≥ %g, relative L1 ≤ %g' % tuple(limits)


def accuracy(results):
    every = [[c['name'], check['what'], status_cell(text(check.get('status'), '?'))] + worst([check]) +
             [bound_text(check.get('bound')), text(check.get('detail'))[:200]] for c in results.conformance
             for check in c['checks']]
    inside = []
    for kind, cases in (('ours', results.attention), ('peer', results.peers)):
        for who in dict.fromkeys(c.who for c in cases):
            checks = [c.check for c in cases if c.who == who and c.check]
            inside.append([who, kind, '%d of %d' % (len(checks), sum(c.who == who for c in cases))] + worst(checks))
    metrics = ['cosine', 'relative L1', 'RMSE']
    bits = 'Bits were compared with those of %s.' % results.twin if results.twin else 'Bits were compared with nothing.'
    if results.simulated:
        bits += ' That is this very simulator: only a GPU can differ.'
    note = 'Against exact attention in double precision; the worst value of each metric is shown. ' + bits
    return Section('Accuracy', note,
                   Table(['config', 'check', 'ok', 'failed', 'skipped'] + metrics, conformance_summary(results),
                         'Conformance') if results.conformance else 'No conformance case.',
                   Table(['kernel', '', 'cases checked'] + metrics, inside, 'Checks in the benchmark itself')
                   if inside else None,
                   Table(['case', 'check', 'status'] + metrics + ['bound', 'detail'], every,
                         'Every check (%d)' % len(every), True) if every else None)


# --- the machine ---

def machine(results):
    rows = []
    for m in sorted(results.machine, key=lambda m: m['group']):
        value = figure(m['value'])
        if results.simulated and value != '–':
            value = SIMULATED
        state = (Cell('skipped: ' + m['skipped'], 'dim') if m['skipped'] else
                 Cell('failed: ' + m['failed'], 'bad') if m['failed'] else
                 Cell('ok', 'good') if m['verified'] is True else Cell('wrong result', 'bad'))
        rows.append([m['group'], m['name'], value, m['unit'], state, m['what']])
    return Section('Machine', Table(['group', 'measurement', 'value', 'unit', 'result', 'what'], rows) if rows else
                   'No machine measurement.')


GEMM_TYPES = {'i8': 's8', 'int8': 's8', 'fp8': 'e4m3', 'bf16': 'f16'}


def gemm_row(results, origin, product):
    """The arch's rate is that at the clock during this product: it may differ from that of the attention kernels."""
    clock = share = '–'
    noise = SIMULATED
    if not results.simulated:
        own = results.clock_between(product['began'], product['ended'])
        mhz = own or results.clock_under_load()[0]
        dtype = GEMM_TYPES.get(product['dtype'], product['dtype'])
        peak = bounds.rate_tops(results.arch, dtype, results.multiprocessors, mhz)
        noise = '%.1f %%' % (100 * product['time'].spread())
        clock = figure(mhz, '%.0f') + ('' if own or not mhz else ' (as for the bounds)')
        share = '%.0f %%' % (100 * product['time'].tops(product['operations']) / peak) if peak else '–'
    right = (Cell('ok', 'good') if product['verified'] is True else
             Cell('wrong result' if product['verified'] is False else 'unverified', 'bad'))
    return [origin, product['dtype'], '%d×%d×%d' % tuple(product['size']),
            tops_text(results, product['time'], product['operations']), clock, share, noise, right]


def gemm(results):
    rows = [gemm_row(results, origin, product) for origin, found in (('ours', results.gemm),
                                                                     ('PyTorch', results.peer_gemm))
            for product in found]
    headers = ['by', 'type', 'm×n×k', 'TOPS', 'SM clock, MHz', 'of the arch’s rate', 'quartile spread', 'result']
    note = 'PyTorch’s are the yardstick of this machine; ours are compiled by the commit that is measured.'
    return Section('GEMM', note, Table(headers, rows) if rows else 'No GEMM was timed.',
                   None if results.simulated else host_note(g['time'] for g in results.gemm + results.peer_gemm))


def clocks(results):
    picture = plots.clocks(results)
    busy = [c for c in results.clocks if (c['load'] or 0) >= 50]
    rows = []
    for field, name in (('sm', 'SM clock, MHz'), ('power', 'power, W'), ('temperature', 'temperature, °C')):
        values = Times([c[field] for c in busy if c[field] is not None])
        if values.raw:
            rows.append([name, '%.0f' % min(values.raw), '%.0f' % values.median, '%.0f' % max(values.raw)])
    each = [row for row in ([c.who, str(c.key), clock_text(results, c)] for c in results.attention + results.peers)
            if row[-1] != '–']
    seen = [(text, sum(text in plots.reasons_of(c['reasons']) for c in busy)) for _, text in plots.REASONS]
    seen = ['%s: %.0f %% of the samples under load' % (name, 100 * n / len(busy)) for name, n in seen if n]
    return Section('Clocks and power', Picture(picture) if picture else 'No clocks were sampled.',
                   Table(['under load', 'least', 'median', 'most'], rows) if rows else None,
                   Table(['kernel', 'shape', 'SM clock, MHz'], each, 'Clock of every case', True) if each else None,
                   ('list', seen) if seen else ('No throttle reason under load.' if busy else None))


def versions(results):
    facts = [('result set', results.label), ('device', results.name), ('arch', results.arch),
             ('multiprocessors', figure(results.multiprocessors, '%d')),
             ('driver', text(results.facts.get('driver')) or figure(results.device.get('driver'), '%d')),
             ('commit', results.commit + (' (with changes)' if results.run.get('dirty') is True else '')),
             ('date', results.date), ('mode', text(results.run.get('mode')))]
    facts += [(k, text(results.facts.get(k))) for k in ('cpu', 'kernel', 'glibc', 'system')]
    facts += sorted(results.versions.items())
    return Section('Versions', Table(['', ''], [[k, v] for k, v in facts if v and v != '–']))


def sections(results):
    """All sections of one result set, in the order in which a reader asks."""
    made = [status(results), speed(results), roofline(results), accuracy(results), gemm(results), machine(results),
            clocks(results), versions(results)]
    return [section for section in made if section]


__all__ = ['Cell', 'NOISE_RULE', 'Picture', 'Section', 'Table', 'failures', 'sections']
