"""Two result sets side by side: what changed by more than the noise, in speed, in checks, in the machine itself."""
from .results import text
from .statistics import NOISE_RULE, Ratio, Times
from .tables import Cell, Section, Table, figure, host_note, marked

CLOCK_DIFFERENCE = 0.01
TORCH_GEMM = 'GEMM, PyTorch'


def compare(old, new):
    note = '%s → %s. %s A change is the time of %s over that of %s: above 1, the latter is faster.' % (
        old.label, new.label, NOISE_RULE, old.label, new.label)
    blocks = [note]
    if old.simulated or new.simulated:
        blocks.append('One of the two devices is simulated: times are not compared.')
    else:
        moved = warnings(old, new)
        blocks += [('warnings', moved) if moved else None] + speed_tables(old, new)
    blocks.append(checks_table(old, new))
    return Section('Comparison', *blocks)


def warnings(old, new):
    """What else than the commit differs between the runs: what was asked, what is installed, the machine itself."""
    found = []
    if old.name != new.name:
        found.append('the devices differ: %s and %s' % (old.name, new.name))
    found += installed(old, new)
    clocks = [results.clock_under_load()[0] for results in (old, new)]
    if all(clocks) and abs(clocks[1] / clocks[0] - 1) > CLOCK_DIFFERENCE:
        found.append('the SM clocks under load differ: %.0f and %.0f MHz' % tuple(clocks))
    return found + moved_products(old, new) + moved_peaks(old, new)


def installed(old, new):
    """One line for each of mode, driver and package that differs; a run that does not name it says nothing of it."""
    pairs = [('modes', *('--' + mode if mode else '' for mode in (text(r.run.get('mode')) for r in (old, new)))),
             ('drivers', *(text(results.facts.get('driver')) for results in (old, new))),
             ('CUDA versions of the drivers', *(figure(results.device.get('driver'), '%d') for results in (old, new)))]
    if old.versions and new.versions:
        pairs += [('versions of %s' % name, *(results.versions.get(name, 'none') for results in (old, new)))
                  for name in sorted({*old.versions, *new.versions})]
    return ['the %s differ: %s and %s' % pair for pair in pairs
            if pair[1] != pair[2] and not {'', '–'} & {pair[1], pair[2]}]


def moved_products(old, new):
    """PyTorch's GEMMs that moved. Ours are compiled by the commit under test: they say nothing of the machine."""
    torch = [(results.versions.get('torch'), results.versions.get('cuda')) for results in (old, new)]
    if torch[0] != torch[1] or not torch[0][0]:
        return []
    found = []
    before, after = ({key: time for key, time in _indexed(results).items() if key[1] == TORCH_GEMM}
                     for results in (old, new))
    for key in before:
        ratio = Ratio(after[key], before[key]) if key in after else None
        if ratio and ratio.differs:
            found.append('the yardstick moved: PyTorch’s %s GEMM takes %.1f %% %s time, so the machine itself is not '
                         'the same' % (key[0], 100 * abs(1 / ratio.value - 1), 'less' if ratio.value > 1 else 'more'))
    return found


def moved_peaks(old, new):
    """One line on the tensor-core peaks of bench-machine, whose instructions are the same in every commit."""
    shared = [(name, before, after) for name, before, after in _measured_twice(old, new)
              if name.endswith(('.short', '.sustained')) and before['verified'] is after['verified'] is True]
    moved = [(name, ratio.value - 1) for name, ratio in ((name, _change(*entries)) for name, *entries in shared)
             if ratio and ratio.differs]
    if not moved:
        return []
    name, change = max(moved, key=lambda pair: abs(pair[1]))
    return ['the machine itself is not the same: %d of %d peaks of its tensor cores differ, %s the most, by %+.1f %%'
            % (len(moved), len(shared), name, 100 * change)]


def _indexed(results):
    """{(kernel, what, shape): Times} of everything timed whose result is right, GEMMs included."""
    found = {}
    for case in results.attention:
        for what, time in (('kernel', case.kernel), ('end to end', case.end_to_end)):
            if case.status == 'ok' and time:
                found[case.who, what, str(case.key)] = time
    for case in results.peers:
        if case.status == 'ok' and case.kernel:
            found[case.who, 'peer', str(case.key)] = case.kernel
    for what, gemms in (('GEMM', results.gemm), (TORCH_GEMM, results.peer_gemm)):
        for g in (g for g in gemms if g['verified'] is True):
            found[g['dtype'], what, '%d×%d×%d' % tuple(g['size'])] = g['time']
    return found


def speed_tables(old, new):
    before, after = _indexed(old), _indexed(new)
    rows, groups = [], {}
    for key in before:
        if key not in after:
            continue
        ratio = Ratio(after[key], before[key])
        verdict = ratio.verdict()
        groups.setdefault(key[:2], []).append((ratio.value, verdict))
        kind = {'faster': 'good', 'slower': 'bad'}.get(verdict, 'dim')
        rows.append(list(key) + [time_text(before[key]), time_text(after[key]),
                                 '%.3f (%.3f–%.3f)' % (ratio.value, ratio.low, ratio.high), Cell(verdict, kind)])
    only = ['only in %s: %s %s %s' % ((label,) + key) for label, mine, other in
            ((old.label, before, after), (new.label, after, before)) for key in mine if key not in other]
    verdicts = ('faster', 'slower', 'none (noise)')
    summary = [list(group) + [str(sum(v == verdict for _, v in found)) for verdict in verdicts] +
               ['%.3f' % Times([value for value, _ in found]).median] for group, found in groups.items()]
    headers = ['kernel', 'what', 'shape', 'µs before (q1–q3)', 'µs after (q1–q3)', 'change', 'difference']
    if not rows:
        return ['No timing is in both.']
    return [Table(['kernel', 'what', 'faster', 'slower', 'no difference', 'median change'], summary, 'Summary'),
            host_note([*before.values(), *after.values()]),
            Table(headers, rows, 'Every timing (%d)' % len(rows), True), ('list', only) if only else None,
            machine_table(old, new)]


def time_text(time):
    return marked('%.1f (%.1f–%.1f)' % (time.median, time.q1, time.q3), time)


def _measured_twice(old, new):
    """[(name, entry before, entry after)] of the measurements of the machine that have a value in both."""
    before = {m['name']: m for m in old.machine if m['value'] is not None}
    return [(m['name'], before[m['name']], m) for m in new.machine if m['name'] in before and m['value'] is not None]


def _change(before, after):
    """How many times the second of two measurements is the first; None where their raw values cannot tell."""
    spans = [Times(entry['raw']) for entry in (before, after)]
    return None if any(len(s.raw) < 2 or s.median <= 0 or s.q1 <= 0 for s in spans) else Ratio(*spans)


def machine_table(old, new):
    """Measurements of the machine: what is better depends on the unit, so only "differs" is said."""
    rows = []
    for name, before, after in _measured_twice(old, new):
        change = _change(before, after)
        if not before['verified'] is after['verified'] is True:
            verdict = Cell('unverified', 'bad')
        elif change is None:
            verdict = Cell('no raw values', 'dim')
        else:
            verdict = Cell('differs', 'warn') if change.differs else Cell('none (noise)', 'dim')
        rows.append([name, figure(before['value']), figure(after['value']), after['unit'], verdict])
    return Table(['measurement', 'before', 'after', 'unit', 'difference'], rows, 'Machine') if rows else None


def checks_table(old, new):
    states = [{(c['name'], check['what']): text(check.get('status'), '?') for c in results.conformance
               for check in c['checks']} for results in (old, new)]
    changed = [[key[0], key[1], states[0][key], Cell(states[1][key], 'good' if states[1][key] == 'ok' else 'bad')]
               for key in states[0] if key in states[1] and states[0][key] != states[1][key]]
    both = sum(key in states[1] for key in states[0])
    if not changed:
        return 'Conformance: %d checks in both, none changed.' % both
    return Table(['case', 'check', 'before', 'after'], changed, 'Checks that changed, of %d in both' % both)
