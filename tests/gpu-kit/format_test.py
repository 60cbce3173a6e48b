"""Whether the invented results that the report is tested with have the fields and types of real ones.

format_test.py DIR…: what run.sh left in runs of the kit; pack.sh calls it. Of peers.json a run without PyTorch has the
head only, so its cases come from peers.py itself with the parts replaced that need PyTorch.
"""
import json
import os
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(HERE, '..', '..', 'tools', 'gpu-kit'), os.path.join(HERE, 'fixtures')]

import invented_results  # noqa: E402
import peers  # noqa: E402

RUNS = []
# Fields of what went wrong or was left out, which the invented results have and a run without mistakes has not, and
# one of what a measurement found beside its value, which is not read.
RARE = {'machine.json': {'measurements[].skipped', 'measurements[].detail'}}
KINDS = {bool: 'bool', str: 'text', int: 'number', float: 'number', type(None): 'null', dict: 'object', list: 'list'}


def load(directory, name):
    with open(os.path.join(directory, name), encoding='utf-8') as file:
        return json.load(file)


def fields(value, path='', found=None):
    """{path: types}; entries of a list share a path that ends in []."""
    found = {} if found is None else found
    found.setdefault(path, set()).add(KINDS[type(value)])
    if isinstance(value, dict):
        for key, inner in value.items():
            fields(inner, path + '.' * bool(path) + key, found)
    for inner in value if isinstance(value, list) else ():
        fields(inner, path + '[]', found)
    return found


def merged(values):
    found = {}
    for value in values:
        fields(value, found=found)
    return found


class Case(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name
        invented_results.write(self.directory)

    def assertSame(self, name, real, invented):
        for path in RARE.get(name, ()):
            real.pop(path, None), invented.pop(path, None)
        self.assertEqual(sorted(real.keys() ^ invented.keys()), [], name)
        for path, kinds in invented.items():
            self.assertLessEqual(kinds, real[path], '%s: %s' % (name, path))


class Programs(Case):
    def test_have_the_fields_of_a_run(self):
        for name in ('run.json', 'conformance.json', 'machine.json', 'attention.json'):
            self.assertSame(name, merged(load(run, name) for run in RUNS), fields(load(self.directory, name)))

    def test_have_the_facts_of_a_run(self):
        real, invented = (load(directory, 'device.json') for directory in (RUNS[0], self.directory))
        self.assertEqual({k: type(v) for k, v in real.items()}, {k: type(v) for k, v in invented.items()})

    def test_measure_nothing_that_is_not_measured(self):
        real, invented = ([{(m['group'], m['name'], m['unit']) for m in load(directory, 'machine.json')['measurements']}
                           for directory in directories] for directories in (RUNS, [self.directory]))
        self.assertEqual(invented[0] - set().union(*real), set())

    def test_same_checks_are_made_of_each_config(self):
        def made(directory):
            return {(case['config'], check['what'], check['status'] == 'skipped')
                    for case in load(directory, 'conformance.json')['cases'] for check in case['checks']}
        invented = made(self.directory)
        configs = {config for config, _, _ in invented}
        self.assertEqual({check for run in RUNS for check in made(run) if check[0] in configs} ^ invented, set())


class Peers(Case):
    def test_head_has_the_fields_of_a_run(self):
        real, invented = (load(directory, 'peers.json') for directory in (RUNS[0], self.directory))
        self.assertEqual(sorted(real), sorted(invented))
        self.assertEqual(sorted(real['device']), sorted(invented['device']))
        self.assertLessEqual(set(real['versions']), set(invented['versions']))

    def test_cases_and_products_have_the_fields_of_the_program(self):
        shape = dict(zip(peers.problems.FIELDS, ('grid', 1, 2, 2, 64, 64, 'none')))
        check = {'rows': 32, 'cosine': 1.0, 'relative_l1': 0.0, 'rmse': 0.0}
        output = mock.Mock(shape=[1, 2, 64, 64])

        def make(torch, *_):
            if torch.fails:
                raise RuntimeError('invented')
            return lambda: output, lambda out: out, ()
        torch = mock.Mock(fails=False)
        run = peers.Run(torch, mock.Mock(type='cpu'), peers.Record(os.path.join(self.directory, 'real.json')), None)
        run.pools = {64: mock.Mock(make=lambda shape: ())}
        with mock.patch.object(peers.problems, 'check', lambda *_: check), \
                mock.patch.object(peers.products, 'product', lambda *_: (lambda: output, None, None)), \
                mock.patch.object(peers.products, 'is_product', lambda *_: True), mock.patch('builtins.print'):
            run.gemms(8192)
            for torch.fails in (False, True):
                run.case(peers.peerlist.Peer('one', 16, make), shape)
        real, invented = run.record.json, load(self.directory, 'peers.json')
        self.assertSame('gemm', merged(real['gemm']), merged(invented['gemm']))
        for status in ('ok', 'failed'):
            self.assertSame(status, *(merged(c for c in cases if c['status'] == status)
                                      for cases in (real['cases'], invented['cases'])))


if __name__ == '__main__':
    RUNS += map(os.path.abspath, sys.argv[1:])
    del sys.argv[1:]
    unittest.main()
