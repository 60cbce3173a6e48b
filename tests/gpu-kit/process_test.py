"""The process that peers.py measures in (tools/gpu-kit/sagekit/process.py): what ends it costs one case, what has no
end is ended, and nothing is left of it when the program has ended. Without PyTorch: see fixtures/ending_peers.py.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fixtures', 'ending_peers.py')


class Program(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.out = os.path.join(scratch.name, 'peers.json')

    def start(self, bad, *options):
        command = [sys.executable, SCRIPT, json.dumps(bad), *options, '--out', self.out]
        return subprocess.Popen(command, stderr=subprocess.PIPE, universal_newlines=True, start_new_session=True)

    def left(self):
        """(peers.json, its cases by name)"""
        self.assertEqual(os.listdir(os.path.dirname(self.out)), ['peers.json'])
        with open(self.out, encoding='utf-8') as file:
            content = json.load(file)
        cases = {'%s%d' % (c['peer'], c['tokens']): c for c in content['cases']}
        self.assertEqual(len(cases), len(content['cases']), 'a case twice')
        return content, cases

    def run_with(self, *options, **bad):
        program = self.start(bad, *options)
        self.talk = program.communicate()[1]
        return (program.returncode, *self.left())


class Ends(Program):
    def test_all_is_timed_where_nothing_ends_it(self):
        code, content, cases = self.run_with()
        self.assertEqual((code, content['complete'], len(cases)), (0, True, 6))
        self.assertNotIn('running', content)

    def test_one_behind_another_goes_on(self):
        code, content, cases = self.run_with(a1='signal', b2='gone', gemm='int8')
        self.assertEqual((code, content['complete'], len(cases)), (0, True, 6))
        self.assertEqual((cases['a1']['status'], cases['a1']['reason']), ('failed', 'ended the process by SIGSEGV'))
        self.assertEqual([name for name, case in cases.items() if case.get('ended_process')], ['a1', 'b2'])
        self.assertTrue(all(cases[name]['time'] for name in ('b1', 'a2', 'a3', 'b3')))
        gemms = {s['peer']: s['reason'] for s in content['skipped'] if s['peer'].startswith('gemm')}
        self.assertEqual((len(gemms), gemms['gemm int8']), (4, 'ended the process by SIGSEGV'))

    def test_exit_is_one_too(self):
        code, content, cases = self.run_with(a1='exit 0', b1='exit 1', a2='SystemExit', b3='exit 2')
        self.assertEqual((code, content['complete'], len(cases)), (0, True, 5))  # without a3, see below
        self.assertEqual({name: case['reason'] for name, case in cases.items() if case.get('ended_process')},
                         {'a1': 'ended the process with status 0', 'b1': 'ended the process with status 1',
                          'a2': 'ended the process with status 4', 'b3': 'ended the process with status 2'})

    def test_one_that_shows_when_the_device_is_waited_for_is_ended(self):
        code, content, cases = self.run_with(a1='late', longest=2)
        self.assertEqual((code, content['complete'], len(cases)), (0, True, 6))
        self.assertEqual(cases['a1']['reason'], 'had no end within 2 s')
        self.assertGreaterEqual(cases['a1']['seconds'], 2)

    def test_end_for_no_known_reason_is_told(self):
        code, content, cases = self.run_with(inputs='signal')
        self.assertEqual((code, content['complete'], cases), (3, False, {}))
        self.assertEqual(content['skipped'][-1], {'peer': 'the rest', 'reason': 'ended the process by SIGSEGV'})

    def test_end_after_the_end_is_none(self):
        self.assertEqual(self.run_with(teardown='signal')[0], 0)

    def test_peer_that_ends_it_twice_is_not_tried_again(self):
        code, content, cases = self.run_with(a1='signal', a2='signal', a3='signal')
        self.assertEqual((code, content['complete'], len(cases)), (0, True, 5))
        self.assertIn({'peer': 'a', 'reason': 'ended the process twice, so that the other shapes were not tried'},
                      content['skipped'])

    def test_package_that_cannot_be_imported_alive_is_left_out(self):
        code, content, cases = self.run_with(**{'import': 'b'})
        self.assertEqual((code, sorted(cases)), (0, ['a1', 'a2', 'a3']))
        self.assertIn({'peer': 'b', 'reason': 'ended the process by SIGSEGV'}, content['skipped'])

    def test_one_that_has_no_end_is_ended(self):
        code, content, cases = self.run_with(a1='hang', longest=2)
        self.assertEqual((code, content['complete'], len(cases)), (0, True, 6))
        self.assertEqual((cases['a1']['status'], cases['a1']['reason']), ('failed', 'had no end within 2 s'))
        self.assertTrue(cases['a1']['ended_process'] and cases['b3']['time'])
        self.assertIn('in measure', self.talk)  # where it was

    def test_none_goes_on_when_time_is_over(self):
        code, content, cases = self.run_with('--time-limit', '1', a1='hang', longest=1.5)
        self.assertEqual((code, content['complete'], list(cases)), (0, False, ['a1']))
        self.assertIn({'peer': 'the rest', 'reason': 'the time limit was reached'}, content['skipped'])
        self.assertEqual(self.talk.count('measures'), 1)

    def test_error_of_the_program_itself_is_told(self):
        code, content, cases = self.run_with(inputs='error')
        self.assertEqual((code, content['complete'], cases), (4, False, {}))
        self.assertEqual(self.talk.splitlines()[-1], 'OSError: no space')
        self.assertEqual(self.talk.count('measures'), 1)


class Stops(Program):
    def stop(self, kill):
        """`kill` is called with the ids of the program and of the process that measures while a case has no end."""
        program = self.start({'a1': 'hang'})
        self.addCleanup(program.stderr.close)
        self.addCleanup(self.is_gone, program.pid)
        line = next(line for line in program.stderr if line.startswith('hangs '))
        kill(program.pid, int(line.split()[1]))
        self.assertEqual(program.wait(20), 128 + signal.SIGTERM)
        self.assertTrue(self.is_gone(program.pid))
        self.assertNotIn('measures', program.stderr.read(), 'another process was begun')
        content, cases = self.left()
        self.assertEqual((content['complete'], cases, content['running']['entry']['peer']), (False, {}, 'a'))

    def is_gone(self, group):
        """Whether nothing that the program began is left; ends what is."""
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            return True
        return False

    def test_of_the_program_take_the_process_that_measures_along(self):
        self.stop(lambda program, child: os.kill(program, signal.SIGTERM))

    def test_of_all_processes_or_of_that_one_are_no_end_of_a_peer(self):
        self.stop(lambda program, child: os.killpg(program, signal.SIGTERM))
        self.stop(lambda program, child: os.kill(child, signal.SIGTERM))


class Python(Program):
    def test_that_is_too_old_is_a_reason_and_no_failure(self):
        code, content, cases = self.run_with(oldest=[99, 0])
        self.assertEqual((code, content['complete'], cases), (0, True, {}))
        self.assertEqual([s['peer'] for s in content['skipped']], ['all'])
        self.assertIn('all: skipped: Python 99.0 or newer is needed, and this is %d.' % sys.version_info[0], self.talk)


if __name__ == '__main__':
    unittest.main()
