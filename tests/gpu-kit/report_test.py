"""Tests of tools/gpu-kit/report on invented results: complete, incomplete, malformed, simulated, compared."""
import copy
import html.parser
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
KIT = os.path.join(HERE, '..', '..', 'tools', 'gpu-kit')
sys.dont_write_bytecode = True
sys.path[:0] = [KIT, os.path.join(HERE, 'fixtures')]

import invented_results  # noqa: E402
from sagekit import bounds, compare, markdown, page, plots, svg, tables  # noqa: E402
from sagekit.peers import every_peer  # noqa: E402
from sagekit.results import Case as ReadCase  # noqa: E402
from sagekit.results import Results  # noqa: E402
from sagekit.statistics import Ratio, Times, quantile  # noqa: E402

FILES = ('run.json', 'device.json', 'conformance.json', 'machine.json', 'attention.json', 'peers.json', 'clocks.csv')


def rendered(*directories):
    """(HTML, Markdown) of the page, made in this process."""
    sets = [Results(directory) for directory in directories]
    groups = [('' if len(sets) == 1 else r.label, r, tables.sections(r)) for r in sets]
    groups += [('compared', None, [compare.compare(sets[0], other)]) for other in sets[1:]]
    return page.render('t', groups), markdown.render('t', [(n, s) for n, _, s in groups])


def table_of(section, title):
    return next(b for b in section.blocks if isinstance(b, tables.Table) and b.title.startswith(title))


class Balance(html.parser.HTMLParser):
    """Fails on a tag that is closed without being open, or left open."""
    VOID = {'meta', 'br'}

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError('</%s> closes nothing' % tag)


class Case(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.directory = self.invent('invented')

    def invent(self, name, **options):
        path = os.path.join(self.scratch.name, name)
        invented_results.write(path, **options)
        return path

    def path(self, name):
        return os.path.join(self.directory, name)

    def load(self, name):
        with open(self.path(name), encoding='utf-8') as file:
            return json.load(file)

    def save(self, name, content):
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(content if isinstance(content, str) else json.dumps(content))

    def assertWhole(self, text):
        balance = Balance()
        balance.feed(text)
        self.assertEqual(balance.open, [])


class Complete(Case):
    def test_program_writes_page_and_markdown(self):
        out = [os.path.join(self.scratch.name, name) for name in ('r.html', 'r.md')]
        command = [sys.executable, os.path.join(KIT, 'report'), self.directory, '-o', out[0], '--markdown', out[1]]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, '', ''))
        for path in out:
            with open(path, encoding='utf-8') as file:
                self.assertIn('INVENTED GPU', file.read())

    def test_no_such_directory_is_one_line(self):
        done = subprocess.run([sys.executable, os.path.join(KIT, 'report'), '/nowhere'], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (1, "report: '/nowhere' is no directory\n"))

    def test_page_is_whole_and_self_contained(self):
        text, _ = rendered(self.directory)
        self.assertWhole(text)
        for outside in ('<script', '<link', '<img', 'src=', 'url(', 'href=', '@import'):
            self.assertNotIn(outside, text)

    def test_every_section_is_there_with_its_figures(self):
        text, short = rendered(self.directory)
        for title in ('Stages', 'Speed', 'Roofline', 'Accuracy', 'GEMM', 'Machine', 'Clocks and power', 'Versions'):
            self.assertRegex(text, '<h2>' + title)
            self.assertRegex(short, '## ' + title)
        for panel in ('D 64, no mask', 'D 64, causal', 'D 128, no mask', 'D 128, causal'):
            self.assertIn('TOPS against N, ' + panel, text)
        self.assertIn('power cap', text)
        self.assertIn('matmul INT8 + FP16', text)

    def test_says_what_bits_were_compared_with(self):
        self.assertIn('compared with those of sim:sm_90a.', rendered(self.directory)[0])

    def test_roofline_stands_on_measured_roofs(self):
        results = Results(self.directory)
        self.assertEqual(plots.bandwidth(results), (2950, 'memory.loads.dram'))
        wide = ['wgmma.%s-n256-shared' % dtype for dtype in ('s8', 'f16', 'e4m3')]
        self.assertEqual({name for name, _ in plots.peaks(results)}, {'mma.s8', 'mma.f16', *wide})
        drawn = plots.roofline(results)
        for name, value in (('mma.s8', 952), ('wgmma.s8-n256-shared', 1512), ('memory.loads.dram', 2950)):
            self.assertIn('>%s: %d' % (name, value), drawn)
        self.assertIn('over about 100 ms', tables.roofline(results).blocks[-1])

    def test_roofs_of_one_type_that_are_the_same_are_one(self):
        machine = self.load('machine.json')
        for m in machine['measurements']:
            if m['name'] == 'mma.f16.sustained':
                m['value'] = 930 * 0.8 * 0.99
            if m['name'] == 'mma.s8.sustained':
                m['value'] = 1890 * 0.8 * 1.01
        self.save('machine.json', machine)
        self.assertEqual([name for name, _ in plots.peaks(Results(self.directory))],
                         ['wgmma.f16-n256-shared', 'wgmma.e4m3-n256-shared', 'mma.s8'])

    def test_arch_has_roofs_where_none_was_measured(self):
        machine = self.load('machine.json')
        machine['measurements'] = [m for m in machine['measurements'] if not m['name'].endswith('.sustained')]
        self.save('machine.json', machine)
        results = Results(self.directory)
        self.assertEqual([name for name, _ in plots.peaks(results)], ['f16 (arch)', 's8 (arch)', 'e4m3 (arch)'])
        note, _ = tables.roofline(results).blocks
        self.assertIn('the roofs are those of the arch', note)

    def test_labels_of_roofs_lie_beside_the_plot(self):
        drawn = plots.roofline(Results(self.directory))
        marks = [float(x) for x in re.findall(r'<circle [^>]*cx="([\d.]+)"', drawn[drawn.index('<figure>'):])]
        labels = [(float(x), float(y)) for x, y in
                  re.findall(r'<text class="boundlabel" x="([\d.]+)" y="([\d.]+)" text-anchor="start">w?g?mma', drawn)]
        self.assertEqual(len(labels), 5)
        self.assertGreater(min(x for x, _ in labels), max(marks))
        heights = sorted(y for _, y in labels)
        self.assertGreaterEqual(min(b - a for a, b in zip(heights, heights[1:])), 12)

    def test_intensity_counts_what_a_kernel_reads_and_writes(self):
        def intensity(who, peer=None, bits=None, **heads):
            shape = dict({'batch': 3, 'query_heads': 2, 'key_heads': 2, 'tokens': 100, 'head_dim': 64}, **heads)
            time = {'times_us': [1.0]}
            if peer is None:
                return plots.intensity(ReadCase(dict(shape, config=who, kernel=time), 'config'))
            return plots.intensity(ReadCase(dict(shape, peer=peer, bits=bits, time=time), 'peer'))
        # 4·2·100²·64 operations a batch. Q, K, V and O have 12800 elements each, with 4 query and 2 key heads Q and O
        # twice that.
        self.assertEqual(intensity('flash'), 5120000 / (4 * 25600))
        self.assertEqual(intensity('sage-b'), 5120000 / (2 * 12800 + 2 * 25600))
        self.assertEqual(intensity('', 'sdpa-cudnn', 16), 5120000 / (4 * 25600))
        self.assertEqual(intensity('', 'sage-int8-fp8', 8), 5120000 / (4 * 25600))
        self.assertEqual(intensity('', 'flash-attn-3-fp8', 8), 5120000 / (3 * 12800 + 25600))
        self.assertEqual(intensity('sage-b', query_heads=4), 10240000 / (25600 + 12800 + 25600 + 51200))
        self.assertIn('flash-attn-3-fp8', [peer.name for peer in every_peer()])

    def test_unverified_figures_are_shown_but_are_no_yardstick(self):
        other = Results(self.invent('other', speed=1.5))
        machine, peers = self.load('machine.json'), self.load('peers.json')
        for m in machine['measurements']:
            if m['name'] in ('wgmma.s8-n256-shared.sustained', 'memory.loads.dram'):
                m['verified'] = False
        for gemm in peers['gemm'][:2]:
            gemm['verified'] = False
        self.save('machine.json', machine)
        self.save('peers.json', peers)
        results = Results(self.directory)
        self.assertIsNone(plots.bandwidth(results))
        self.assertEqual(dict(plots.peaks(results)).get('mma.s8'), 1190 * 0.8)
        moved = [w.split()[4] for w in compare.warnings(results, other) if 'GEMM' in w]
        self.assertEqual(moved, ['int8', 'fp8'])
        section = tables.gemm(results).blocks[1]
        self.assertEqual([str(row[-1]) for row in section.rows[2:4]], ['wrong result'] * 2)
        verdicts = {str(row[0]): str(row[-1]) for row in compare.machine_table(results, other).rows}
        self.assertEqual(verdicts['memory.loads.dram'], 'unverified')

    def test_host_bound_times_have_a_mark_and_a_footnote(self):
        def marked(name, list_of, who, timing):
            """The page and the Markdown when the times of one kernel say so."""
            content = self.load(name)
            for entry in content[list_of]:
                if entry.get(timing) and who in entry.values():
                    entry[timing]['host_bound'] = True
            path = self.invent('host-bound')
            with open(os.path.join(path, name), 'w', encoding='utf-8') as file:
                json.dump(content, file)
            return rendered(path)
        self.assertNotIn('†', rendered(self.directory)[0])
        for place, seen in ((('peers.json', 'cases', 'sdpa-cudnn', 'time'), r'<td[^>]*>\d+ †</td>'),
                            (('attention.json', 'cases', 'sage-b', 'kernel'), r'<td[^>]*>\d+ † / \d+</td>'),
                            (('attention.json', 'cases', 'flash', 'end_to_end'), r'<td[^>]*>\d+ / \d+ †</td>'),
                            (('attention.json', 'gemm', 'i8', 'time'), r'8192</td><td[^>]*>\d+ †</td>'),
                            (('peers.json', 'gemm', 'int8', 'time'), r'8192</td><td[^>]*>\d+ †</td>')):
            text, short = marked(*place)
            self.assertRegex(text, seen)
            self.assertIn('† host-bound', short)
            ratio = re.search(r'<td([^>]*)>[\d.]+ \([\d.]+–[\d.]+\) †</td>', text)
            self.assertEqual(ratio and ratio.group(1), None if 'gemm' in place else ' class="num"')
        text, short = rendered(self.directory, os.path.join(self.scratch.name, 'host-bound'))
        self.assertRegex(text, r'\) †</td>')
        self.assertIn('† host-bound', short[short.index('## Comparison'):])

    def test_clock_is_that_of_the_cases_where_they_say_when_they_ran(self):
        stage, origin = Results(self.directory).clock_under_load()
        self.assertIn('kept the device busy', origin)
        attention = self.load('attention.json')
        began = next(s['start'] for s in self.load('run.json')['stages'] if s['name'] == 'attention')
        with open(self.path('clocks.csv'), encoding='utf-8') as file:
            rows = [row.split(', ') for row in file.read().splitlines()]
        for row in rows[1:]:
            if row[0].startswith('2025/11/21 18:02:0'):
                row[1] = '1234 MHz'
        self.save('clocks.csv', '\n'.join(', '.join(row) for row in rows))
        attention['cases'][0].update(began=began + 17, ended=began + 20)
        self.save('attention.json', attention)
        results = Results(self.directory)
        self.assertEqual(tables.clock_text(results, results.attention[1]), '–')
        clock, origin = results.clock_under_load()
        self.assertEqual((clock, tables.clock_text(results, results.attention[0])), (1234, '1234'))
        self.assertIn("benchmark's cases", origin)
        self.assertIn('Clock of every case', rendered(self.directory)[0])

    def test_clocks_of_an_idle_device_do_not_count(self):
        rows = ['timestamp, clocks.current.sm [MHz], utilization.gpu [%]']
        for second, clock, load in ((1, 1900, 100), (2, 1700, 50), (3, 210, 49), (4, 210, 0)):
            rows.append('2025/11/21 18:00:0%d.000, %d MHz, %d %%' % (second, clock, load))
        self.save('clocks.csv', '\n'.join(rows))
        start = invented_results.START
        self.assertEqual(Results(self.directory).clock_between(start, start + 9), 1800)
        self.assertIsNone(Results(self.directory).clock_between(start + 3, start + 9))

    def test_rate_of_a_product_is_that_at_its_own_clock(self):
        def rows():
            return [[str(cell) for cell in row[4:6]] for row in tables.gemm(Results(self.directory)).blocks[1].rows]
        attention, start = self.load('attention.json'), invented_results.START
        self.save('clocks.csv', 'timestamp, clocks.max.sm [MHz], clocks.current.sm [MHz], utilization.gpu [%]\n'
                                '2025/11/21 18:00:01.000, 2000, 1000, 100\n')
        attention['gemm'][0].update(began=start + 0.5, ended=start + 1.5)
        tops = Times(attention['gemm'][0]['time']['times_us']).tops(2 * 8192 ** 3)
        self.save('attention.json', attention)
        self.assertEqual(rows()[0], ['1000', '%.0f %%' % (100 * tops / (8192 * 132 * 1000 / 1e6))])
        attention['gemm'][0].update(began=start + 2, ended=start + 3)
        self.save('attention.json', attention)
        self.assertEqual(rows()[0], ['2000 (as for the bounds)', '%.0f %%' % (100 * tops / (8192 * 132 * 2000 / 1e6))])

    def test_every_check_has_its_bounds(self):
        every = table_of(tables.accuracy(Results(self.directory)), 'Every check')
        cells = {(row[0].split()[0], row[1]): row[-2] for row in every.rows}
        self.assertEqual((cells['sage-b', 'accuracy'], cells['flash', 'accuracy'], cells['sage-b', 'repeat_bits']),
                         ('cosine ≥ 0.9998, relative L1 ≤ 0.02', 'cosine ≥ 0.99999, relative L1 ≤ 0.001', '–'))

    def test_failed_case_of_a_peer_has_no_speed(self):
        peers = self.load('peers.json')
        peers['cases'][0].update(status='failed', reason='relative L1 0.7, more than 0.005')
        self.save('peers.json', peers)
        every = table_of(tables.speed(Results(self.directory)), 'Every peer')
        self.assertEqual(str(next(row for row in every.rows if row[-1].startswith('relative L1'))[3]), 'failed')

    def test_partial_stage_is_a_failure(self):
        run = self.load('run.json')
        run['stages'][2].update(status='partial', reason='stopped by its time limit; 2 cases done')
        self.save('run.json', run)
        self.assertIn('stage machine: partial (stopped by its time limit; 2 cases done)', rendered(self.directory)[0])

    def test_failures_stand_above_the_stage_table(self):
        text, _ = rendered(self.directory)
        self.assertLess(text.index('first at [0, 1, 17, 5]'), text.index('<th>stage</th>'))
        self.assertIn('stage peers: timeout', text)
        self.assertIn('peer flex, 12×64×197×64: RuntimeError: invented', text)

    def test_ratio_is_the_best_valid_16_bit_peer_over_ours(self):
        results = Results(self.directory)
        case = next(c for c in results.attention if c.who == 'sage-b' and c.key.tokens == 8192)
        valid = [p for p in results.peers if p.key == case.key and p.bits == 16 and p.status == 'ok']
        best = min(p.kernel.median for p in valid)
        row = next(r for r in tables.ratio_table(results, ['sage-b']).rows if r[0] == str(case.key))
        self.assertTrue(str(row[2]).startswith('%.2f ' % (best / case.kernel.median)))

    def test_names_of_others_are_no_markup(self):
        peers = self.load('peers.json')
        peers['cases'][0]['peer'] = '<script>alert(1)</script>|'
        self.save('peers.json', peers)
        text, short = rendered(self.directory)
        self.assertNotIn('<script', text)
        self.assertWhole(text)
        self.assertNotIn('</script>|', short.replace('\\|', ''))


class Incomplete(Case):
    def test_each_missing_file_is_named(self):
        for name in FILES:
            with self.subTest(name):
                self.directory = self.invent('without-' + name)
                os.remove(self.path(name))
                text, short = rendered(self.directory)
                self.assertIn(name + ' is missing', text)
                self.assertIn(name + ' is missing', short)

    def test_empty_directory(self):
        empty = os.path.join(self.scratch.name, 'empty')
        os.mkdir(empty)
        text, _ = rendered(empty)
        self.assertWhole(text)
        self.assertIn('Missing or malformed</b>'.replace('</b>', ''), text)

    def test_malformed_files_are_named(self):
        for content in ('', '{', '[]', '3', '"x"', '{"format": 1, "cases": [', '[' * 100000, '{"format": 9}',
                        '\x00\xff'):
            for name in FILES[:-1]:
                self.save(name, content)
            text, _ = rendered(self.directory)
            for name in FILES[:-1]:
                with self.subTest(name=name, content=content[:20]):
                    self.assertRegex(text, name + ' (cannot be read|is of format)')

    def test_stopped_program_is_told(self):
        attention = self.load('attention.json')
        attention['complete'] = False
        self.save('attention.json', attention)
        self.assertIn('attention.json is incomplete', rendered(self.directory)[0])

    def test_bad_case_is_named_and_left_out(self):
        attention = self.load('attention.json')
        attention['cases'][0]['kernel']['times_us'][3] = -1
        attention['cases'][1]['tokens'] = 'many'
        self.save('attention.json', attention)
        results = Results(self.directory)
        self.assertEqual(len(results.attention), len(attention['cases']) - 2)
        self.assertEqual(len([p for p in results.problems if 'attention.json: case' in p]), 2)

    def test_clocks_with_odd_cells(self):
        rows = ('timestamp, clocks.current.sm [MHz], power.draw [W], clocks_event_reasons.active\n'
                '2025/11/21 18:00:00.100, [N/A], [Unknown Error], Not Active\n\n,,,\n'
                '2025/11/21 18:00:00.300, 1980 MHz, 300.1.2 W, 0x4\n2025/11/21 18:00:00.500, 1980 MHz\n')
        self.save('clocks.csv', rows)
        self.assertIn('clocks.csv: 1 of', rendered(self.directory)[0])

    def test_no_mutation_of_a_value_breaks_the_page(self):
        chance = random.Random(5)
        odd = (None, True, -1, 0, 1e-9, 1e14, 1e308, float('nan'), 10 ** 400, 'x', '', [], {}, [None], [[]], {'a': 1},
               [{'name': 3}])
        originals = {name: self.load(name) for name in FILES[:-1]}
        for name, original in originals.items():
            if 'cases' in original:
                original['cases'] = original['cases'][:5]
            self.save(name, original)
        self.save('clocks.csv', '')
        for name, original in originals.items():
            for _ in range(80):
                mutant = copy.deepcopy(original)
                mutate(mutant, chance, odd)
                self.save(name, mutant)
                self.assertWhole(rendered(self.directory, self.directory)[0])
            self.save(name, original)


def mutate(value, chance, odd):
    """Replaces one value somewhere inside."""
    while True:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = chance.choice(list(keys))
        if not isinstance(value[key], (dict, list)) or not value[key] or chance.random() < 0.2:
            value[key] = chance.choice(odd)
            return
        value = value[key]


class Simulated(Case):
    def test_times_are_never_shown(self):
        for name in ('conformance.json', 'machine.json', 'attention.json'):
            content = self.load(name)
            content['device'] = dict(content['device'], name='simulated device', simulated=True)
            self.save(name, content)
        text, short = rendered(self.directory)
        self.assertIn('simulated', text)
        self.assertNotIn('aria-label="TOPS', text)
        self.assertNotIn('aria-label="Roofline"', text)
        tops = {'%.0f' % c.kernel.tops(c.key.operations) for c in Results(self.directory).attention}
        speed = short[short.index('## Speed'):short.index('## Accuracy')]
        cells = {cell for row in speed.splitlines() for cell in row.replace('/', '|').replace(' ', '').split('|')}
        self.assertFalse(tops & cells)

    def test_are_not_compared(self):
        attention = self.load('attention.json')
        attention['device']['simulated'] = True
        self.save('attention.json', attention)
        text, _ = rendered(self.directory, self.invent('other', seed=2))
        self.assertIn('times are not compared', text)
        self.assertNotIn('median change', text)


class Compared(Case):
    def verdicts(self, **options):
        old, new = Results(self.directory), Results(self.invent('other', **options))
        every = table_of(compare.compare(old, new), 'Every timing')
        return [str(row[-1]) for row in every.rows]

    def test_same_speed_is_no_difference(self):
        verdicts = self.verdicts(seed=2)
        self.assertGreater(verdicts.count('none (noise)'), 0.85 * len(verdicts))

    def test_three_percent_are_seen(self):
        self.assertEqual(set(self.verdicts(seed=2, speed=1.03)), {'faster'})
        self.assertEqual(set(self.verdicts(seed=2, speed=0.97)), {'slower'})

    def test_identical_sets_do_not_differ_at_all(self):
        self.assertEqual(set(self.verdicts()), {'none (noise)'})

    def warnings(self, change=lambda name, content: None, **options):
        """What a comparison says of the machine when `change` was done to each file of the newer set."""
        self.directory, older = self.invent('other', **options), self.directory
        for name in FILES[:-1]:
            content = self.load(name)
            change(name, content)
            self.save(name, content)
        newer, self.directory = self.directory, older
        return compare.warnings(Results(older), Results(newer))

    def test_only_what_no_commit_changes_speaks_of_the_machine(self):
        def changed(name, entries, chosen):
            def change(file, content):
                for entry in content[entries] if file == name else ():
                    if chosen(entry):
                        times = entry.get('time') or {'times_us': entry['raw']}
                        times['times_us'][:] = [t * 1.05 for t in times['times_us']]
            return change

        def ours(entry): return entry['dtype'] == 'i8'
        def theirs(entry): return entry['dtype'] == 'f16'
        def peak(entry): return entry['name'] == 'mma.s8.sustained'
        def rate(entry): return entry['name'] == 'rate.i2fp'
        for found in (self.warnings(), self.warnings(changed('attention.json', 'gemm', ours)),
                      self.warnings(changed('machine.json', 'measurements', rate))):
            self.assertEqual(found, [])
        self.assertEqual(self.warnings(changed('peers.json', 'gemm', theirs)),
                         ['the yardstick moved: PyTorch’s f16 GEMM takes 5.0 % more time, so the machine itself is not '
                          'the same'])
        self.assertEqual(self.warnings(changed('machine.json', 'measurements', peak)),
                         ['the machine itself is not the same: 1 of 12 peaks of its tensor cores differ, '
                          'mma.s8.sustained the most, by +5.0 %'])

        def all_peaks(entry): return entry['name'].endswith(('.short', '.sustained'))
        def all_faster_and_two_wrong(file, content):
            changed('machine.json', 'measurements', all_peaks)(file, content)
            for _ in range(2):
                changed('machine.json', 'measurements', peak)(file, content)
            for entry in content.get('measurements', ()):
                if entry['name'] in ('mma.s8.short', 'mma.f16.short'):
                    entry['verified'] = False
        self.assertEqual([w.split(': ')[1] for w in self.warnings(all_faster_and_two_wrong)],
                         ['10 of 10 peaks of its tensor cores differ, mma.s8.sustained the most, by +15.8 %'])

        def moved_and_newer(file, content):
            changed('peers.json', 'gemm', theirs)(file, content)
            if file == 'peers.json':
                content['versions']['torch'] = '9.9'
        self.assertEqual(self.warnings(moved_and_newer), ['the versions of torch differ: 0.0 (invented) and 9.9'])

    def test_what_was_asked_and_installed_is_told_where_it_differs(self):
        def change(name, content):
            content.update({'run.json': {'mode': 'quick'}, 'device.json': {'driver': '999.00'}}.get(name, {}))
            if name == 'peers.json':
                content['versions'].update(sageattention='0.1', xformers='1.0')
        self.assertEqual(self.warnings(change),
                         ['the modes differ: --full and --quick', 'the drivers differ: 000.00 (invented) and 999.00',
                          'the versions of sageattention differ: 0.0 and 0.1',
                          'the versions of xformers differ: none and 1.0'])

        def forget(name, content):
            for field in ('mode', 'versions') if name != 'device.json' else ('driver',):
                content.pop(field, None)
        self.assertEqual(self.warnings(forget), [])

    def test_clocks_count_as_different_above_one_percent(self):
        found = []
        for clock in (1980, 2000, 2010):
            self.save('clocks.csv', 'timestamp, clocks.max.sm [MHz]\n2025/11/21 18:00:00.100, %d\n' % clock)
            older, self.directory = self.directory, self.invent('base')
            self.save('clocks.csv', 'timestamp, clocks.max.sm [MHz]\n2025/11/21 18:00:00.100, 1985\n')
            found += compare.warnings(Results(self.directory), Results(older))
            self.directory = older
        self.assertEqual(found, ['the SM clocks under load differ: 1985 and 2010 MHz'])

    def test_changed_check_is_listed(self):
        other = self.invent('other')
        self.directory = other
        conformance = self.load('conformance.json')
        conformance['cases'][0]['checks'][0]['status'] = 'failed'
        self.save('conformance.json', conformance)
        text, _ = rendered(os.path.join(self.scratch.name, 'invented'), other)
        self.assertIn('Checks that changed', text)


class Parts(unittest.TestCase):
    def test_bounds_are_those_of_the_design(self):
        self.assertEqual(round(bounds.matmul('sm_90a', ('s8', 'e4m3'), 132, 1830)), 1979)
        self.assertEqual(round(bounds.matmul('sm_90a', ('s8', 'f16'), 132, 1830)), 1319)
        self.assertEqual(round(bounds.exp2(128, 132, 1830)), 1979)
        self.assertEqual(round(bounds.exp2(64, 132, 1830)), 989)
        self.assertIsNone(bounds.matmul('sm_70', ('s8', 'f16'), 80, 1500))

    def test_quartiles_lie_between_neighbours(self):
        self.assertEqual([quantile([4, 1, 3, 2], f) for f in (0, 0.25, 0.5, 1)], [1, 1.75, 2.5, 4])

    def test_touching_quartiles_are_noise(self):
        self.assertEqual(Ratio(Times([], 10, 9, 11), Times([], 13, 11, 14)).verdict(), 'none (noise)')
        self.assertEqual(Ratio(Times([], 10, 9, 11), Times([], 13, 11.1, 14)).verdict(), 'faster')
        self.assertEqual(Ratio(Times([], 13, 11.1, 14), Times([], 10, 9, 11)).verdict(), 'slower')

    def test_less_than_two_percent_are_noise(self):
        def verdict(new, old):
            return Ratio(Times([], new, new, new), Times([], old, old, old)).verdict()
        self.assertEqual((verdict(100, 101.9), verdict(101.9, 100)), ('none (noise)',) * 2)
        self.assertEqual((verdict(100, 102.1), verdict(102.1, 100)), ('faster', 'slower'))

    def test_labels_do_not_touch(self):
        placed = svg.spread_labels([50, 51, 52, 200, 203], 12, 0, 205)
        for low, high in zip(placed, placed[1:]):
            self.assertGreaterEqual(high - low, 12)
        self.assertLessEqual(max(placed), 205)

    def test_figures_have_digits_and_no_exponents(self):
        self.assertEqual([tables.figure(v) for v in (129055.57, 10140, 2.4, 0.000321, None)],
                         ['129056', '10140', '2.4', '0.000321', '–'])

    def test_text_is_anchored_where_it_is_asked_for(self):
        plot = svg.Plot(500, 300, 'p', (0, 10, False), (0, 10, False), 'x', '')
        plot.text(5, 6, 'to the left', 'end')
        self.assertIn('x="5.0" y="6.0" text-anchor="end">to the left<', str(plot))
        self.assertRegex(str(plot), r'class="tick" x="49.0" y="[\d.]+" text-anchor="end">10<')
        self.assertRegex(str(plot), r'class="tick" x="484.0" y="[\d.]+" text-anchor="middle">10<')

    def test_ticks_are_round_and_inside(self):
        self.assertEqual(svg.Scale(0, 1040, 0, 100).ticks(), [0, 200, 400, 600, 800, 1000])
        self.assertEqual(svg.Scale(30, 700, 0, 100, True).ticks(), [50, 100, 200, 500])

    def test_throttle_reasons_have_names(self):
        self.assertEqual(plots.reasons_of(0x4 | 0x20), ['power cap', 'thermal, software'])
        self.assertEqual(plots.reasons_of(0x1), [])


if __name__ == '__main__':
    unittest.main()
