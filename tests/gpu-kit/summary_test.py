"""Tests of kit-summary on invented results: its figures are the report's, and no damage to a file stops it.

summary_test.py KIT-SUMMARY
"""
import copy
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(HERE, '..', '..', 'tools', 'gpu-kit'), os.path.join(HERE, 'fixtures')]

import invented_results  # noqa: E402
from sagekit.results import Results  # noqa: E402

PROGRAM = os.path.abspath(sys.argv.pop(1))
FILES = ('run.json', 'conformance.json', 'machine.json', 'attention.json', 'peers.json')


class Summary(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name
        invented_results.write(self.directory)

    def load(self, name):
        with open(os.path.join(self.directory, name), encoding='utf-8') as file:
            return json.load(file)

    def save(self, name, content):
        with open(os.path.join(self.directory, name), 'w', encoding='utf-8') as file:
            file.write(content if isinstance(content, str) else json.dumps(content))

    def summary(self):
        done = subprocess.run([PROGRAM, self.directory], capture_output=True, text=True, timeout=20)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        lines = done.stdout.splitlines()
        self.assertEqual([line for line in lines[:-1] if len(line) > 79 or line.endswith(' ')], [])
        return done.stdout

    def test_figures_are_those_of_the_report(self):
        text = self.summary()
        results = Results(self.directory)
        case = next(c for c in results.attention if c.who == 'sage-b' and c.key.tokens == 8192)
        peer = results.best_peer(case.key, 16)
        tops = [time.tops(case.key.operations) for time in (case.kernel, case.end_to_end)]
        expected = '%.0f/%.0f %.2fx' % (*tops, peer.kernel.median / case.end_to_end.median)
        row = next(line for line in text.splitlines() if line.startswith('  4x32x8192x64  '))
        self.assertTrue(row.endswith(expected), (row, expected))

    def test_models_have_their_names(self):
        text = self.summary()
        for label in ('2x30x17776x64 CogVideoX', '4x32x1536x128 causal Llama2', '12x64x197x64 TIMM'):
            self.assertRegex(text, r'\n  %s +\d+/\d+ \d\.\d\dx' % label)

    def test_peer_of_a_ratio_is_named_where_it_is_not_the_usual_one(self):
        self.assertNotIn('(sdpa', self.summary())
        self.assertIn('\n(of sdpa-cudnn, where no other is named)\n', self.summary())
        peers = self.load('peers.json')
        for case in peers['cases']:
            if case['peer'] == 'sdpa-cudnn' and case['tokens'] == 8192:
                case['status'] = 'skipped'
        self.save('peers.json', peers)
        rows = self.summary().replace('\n      (', ' (').splitlines()
        named = [row.split()[0] for row in rows if row.endswith(' (sdpa-flash)')]
        self.assertEqual(named, ['4x32x8192x64', '4x32x8192x64', '4x32x8192x128', '4x32x8192x128'])

    def test_failed_peers_are_counted_with_the_first_reason(self):
        peers = self.load('peers.json')
        for case in peers['cases']:
            if case['peer'] == 'sdpa-flash' and case['tokens'] >= 8192:
                case.update(status='failed', reason='%d tokens' % case['tokens'])
        self.save('peers.json', peers)
        self.assertEqual([line for line in self.summary().splitlines() if line.startswith('Peer ')],
                         ['Peer flex: 1 of 29 cases failed, the first: RuntimeError: invented',
                          'Peer sdpa-flash: 13 of 29 cases failed, the first: 8192 tokens'])

    def test_no_such_directory_is_an_error(self):
        done = subprocess.run([PROGRAM, '/nowhere'], capture_output=True, text=True, timeout=20)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (1, '', "kit-summary: '/nowhere' is no directory\n"))

    def test_large_figures_have_all_their_digits(self):
        machine = self.load('machine.json')
        machine['measurements'][0]['value'] = 412345.6
        self.save('machine.json', machine)
        self.assertIn(' 412346 lane operations', self.summary())

    def test_kernels_that_spill_are_named(self):
        self.assertNotIn('Spills', self.summary())
        content = self.load('attention.json')
        content['cases'][1].update(name='sage-b D 64 N 8192', registers=255, local_bytes=24)
        content['cases'][2].update(name='flash D 64 N 8192', registers=255, local_bytes=0)
        self.save('attention.json', content)
        self.assertEqual([line for line in self.summary().splitlines() if 'Spills' in line],
                         ['Spills: sage-b D 64 N 8192, 24 bytes of local memory a thread'])

    def test_host_bound_times_are_marked(self):
        self.assertNotIn('*', self.summary())
        row = r'\n  4x32x8192x64 .* \d+/\d+ \d\.\d\dx\*\n'
        for name, list_of, who, timing, seen in (
                ('attention.json', 'cases', 'sage-b', 'kernel', row),
                ('attention.json', 'cases', 'sage-b', 'end_to_end', row),
                ('peers.json', 'cases', 'sdpa-cudnn', 'time', row),
                ('attention.json', 'gemm', 'f16', 'time', r'TOPS: i8 \d+, f16 \d+\*,'),
                ('peers.json', 'gemm', 'bf16', 'time', r'PyTorch f16 \d+, PyTorch bf16 \d+\*,')):
            content = self.load(name)
            changed = copy.deepcopy(content)
            for entry in changed[list_of]:
                if entry.get(timing) and who in entry.values():
                    entry[timing]['host_bound'] = True
            self.save(name, changed)
            text = self.summary()
            self.assertRegex(text, seen)
            self.assertIn("\n* host-bound: a time there may hold some of the host's\n", text)
            self.save(name, content)

    def test_driver_is_told_by_the_version_of_cuda(self):
        content = self.load('conformance.json')
        content['device']['driver'] = 12080
        self.save('conformance.json', content)
        self.assertIn(', CUDA 12.8)', self.summary())

    def test_says_what_failed(self):
        text = ' '.join(self.summary().split())
        self.assertIn('Conformance checks: 159 passed, 1 failed, 32 skipped', text)
        self.assertIn('FAILED sage-b D 128 N 333 causal: product_bits', text)
        self.assertIn('peers timeout 85 s stopped at its limit', text)

    def test_what_was_skipped_for_one_reason_is_one_line(self):
        machine = self.load('machine.json')
        for m in machine['measurements']:
            if m['name'].startswith(('mma.', 'memory.')):
                m.update(value=None, raw=[], verified=False, skipped='of another arch')
        self.save('machine.json', machine)
        count = {group: sum(m['name'].startswith(group + '.') for m in machine['measurements'])
                 for group in ('mma', 'memory')}
        self.assertIn('\n  Skipped: memory %(memory)d, mma %(mma)d: of another arch\n' % count, self.summary())
        self.assertNotIn('\n  mma.', self.summary())

    def test_unverified_figures_are_marked(self):
        self.assertNotIn('unverified', self.summary())
        attention, machine = self.load('attention.json'), self.load('machine.json')
        attention['gemm'][0]['verified'] = False
        for m in machine['measurements']:
            if m['name'] in ('memory.loads.dram', 'mma.s8.sustained'):
                m['verified'] = False
        self.save('attention.json', attention)
        self.save('machine.json', machine)
        text = self.summary()
        self.assertRegex(text, r'GEMM, TOPS: i8 \d+ \(unverified\), f16 \d+,')
        self.assertIn('2950 GB/s (unverified)', text)
        self.assertRegex(text, r'mma.s8 +1190 TOPS, unverified 4641 a clock')

    def test_simulated_times_are_not_shown(self):
        attention = self.load('attention.json')
        attention['device']['simulated'] = True
        self.save('attention.json', attention)
        text = self.summary()
        self.assertIn('SIMULATED', text)
        self.assertNotIn('TOPS', text)

    def test_missing_and_malformed_files_are_named(self):
        for name in FILES:
            os.remove(os.path.join(self.directory, name))
        for name in FILES:
            self.assertIn('! %s is missing' % name, self.summary())
        for content in ('', '[]', '{"cases": [', '[' * 10000, '\x00'):
            for name in FILES:
                self.save(name, content)
            for name in FILES:
                self.assertIn('! %s is malformed' % name, self.summary())

    def test_no_damaged_value_stops_it(self):
        chance = random.Random(7)
        odd = (None, True, -1, 0, 1e308, 10 ** 400, 'x' * 300, 'ä\x1b[31m', '', [], {}, [None], {'a': 1}, [{'name': 3}])
        for name in FILES:
            original = self.load(name)
            for _ in range(40):
                mutant = copy.deepcopy(original)
                place = mutant
                while True:
                    key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
                    if not isinstance(place[key], (dict, list)) or not place[key] or chance.random() < 0.2:
                        place[key] = chance.choice(odd)
                        break
                    place = place[key]
                self.save(name, mutant)
                self.summary()
            self.save(name, original)


if __name__ == '__main__':
    unittest.main()
