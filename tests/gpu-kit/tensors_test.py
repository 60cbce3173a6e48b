"""The peers' tensors have the elements that bench-attention has on the device: tools/gpu-kit/sagekit/tensors.py against
what Data::upload leaves there. The parts that need PyTorch are skipped where it cannot be imported.

    tensors_test.py UPLOADED-TENSORS BENCH-ATTENTION
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

KIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools', 'gpu-kit')
sys.dont_write_bytecode = True
sys.path.insert(0, KIT)

import peers as program  # noqa: E402
from sagekit import tensors  # noqa: E402

try:
    import torch
except ImportError:
    torch = None
UPLOADED, BENCH = sys.argv[1:3]
HEADS, TOKENS, DIM = 8, 50, 64  # those of UploadedTensors.cpp
SHAPE = {'batch': 2, 'query_heads': 4, 'key_heads': 4, 'tokens': TOKENS, 'head_dim': DIM}
needs_torch = unittest.skipUnless(torch, 'PyTorch cannot be imported here')


class Elements(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        subprocess.run([UPLOADED, scratch.name], check=True)
        cls.pool = tensors.Pool(scratch.name, DIM, TOKENS)
        cls.uploaded = {}
        for role in tensors.ROLES:
            with open(os.path.join(scratch.name, role), 'rb') as file:
                cls.uploaded[role] = file.read()

    def test_are_those_on_the_device(self):
        self.assertEqual((self.pool.heads, self.pool.tokens), (3, 70))
        for role in tensors.ROLES:
            made = b''.join(self.pool.rows(role, head, TOKENS) for head in range(HEADS))
            self.assertEqual(len(made), HEADS * TOKENS * DIM * 2)
            self.assertTrue(made == self.uploaded[role], role)  # without the bytes in the message

    def test_differ_between_roles_and_heads(self):
        self.assertEqual(len(set(self.uploaded.values())), 3)
        self.assertEqual(len({bytes(self.pool.rows('k', head, TOKENS)) for head in range(HEADS)}), 3)

    @needs_torch
    def test_are_those_on_the_device_in_pytorch(self):
        made = tensors.Tensors(torch, torch.device('cpu'), self.pool)
        for role, tensor in zip(tensors.ROLES, made.make(SHAPE)):
            self.assertEqual(list(tensor.shape), [2, 4, TOKENS, DIM])
            self.assertTrue(tensor.is_contiguous())
            self.assertTrue(bytes(tensor.view(torch.uint8).flatten().tolist()) == self.uploaded[role], role)
            self.assertTrue(torch.equal(made.head(role, 7, TOKENS), tensor[1, 3]))


class Files(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name
        self.path = os.path.join(scratch.name, 'qkv-d2.safetensors')

    def entry(self, index, **changes):
        return dict({'dtype': 'F16', 'shape': [1, 3, 2], 'data_offsets': [12 * index, 12 * index + 12]}, **changes)

    def write(self, header, data=bytes(range(36))):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        with open(self.path, 'wb') as file:
            file.write(len(text).to_bytes(8, 'little') + text + data)

    def header(self, **changes):
        return dict({role: self.entry(k) for k, role in enumerate(tensors.ROLES)}, **changes)

    def why(self, tokens=3):
        with self.assertRaises(tensors.Unusable) as caught:
            tensors.Pool(self.directory, 2, tokens)
        self.assertIn('qkv-d2.safetensors', str(caught.exception))
        return str(caught.exception)

    def test_are_read_where_whole(self):
        self.write(self.header(__metadata__={'a': 'b'}))
        self.assertEqual(bytes(tensors.Pool(self.directory, 2, 3).rows('k', 5, 2)), bytes(range(12, 20)))

    def test_missing_or_too_short_are_told(self):
        self.assertIn('No such file', self.why())
        self.write(self.header())
        self.assertIn('has 3 tokens where 4 are needed', self.why(4))

    def test_damaged_are_told(self):
        with open(self.path, 'wb'):
            pass
        self.assertIn('no header', self.why())
        with open(self.path, 'wb') as file:
            file.write(b'\xff' * 40)
        self.assertIn('no header', self.why())
        for header in (b'{', b'[]', b'\xff', b'[' * 100000):
            self.write(header)
            self.assertIn('no JSON object', self.why())
        self.write(self.header(), bytes(35))
        self.assertIn("tensor 'v'", self.why())

    def test_entries_that_lie_are_told(self):
        for change in ({'dtype': 'F32'}, {'shape': [3, 2]}, {'shape': [1, 3, 2.0]}, {'shape': [1, -3, -2]},
                       {'data_offsets': [12]}, {'data_offsets': [-12, 0]}, {'data_offsets': [True, 13]},
                       {'shape': None}):
            self.write(self.header(k=self.entry(1, **change)))
            self.assertIn("no F16 tensor 'k'", self.why())
        for change in ({'shape': [1, 2, 3]}, {'shape': [2, 3, 2]}, {'shape': [0, 3, 2], 'data_offsets': [0, 0]},
                       {'data_offsets': [36, 48]}, {'data_offsets': [24, 12]}):
            self.write(self.header(k=self.entry(1, **change)))
            self.assertIn("tensor 'k' of shape", self.why())
        self.write(self.header(k=None))
        self.assertIn("no F16 tensor 'k'", self.why())
        self.write(self.header(k=self.entry(1, shape=[1, 2, 2], data_offsets=[12, 20])))
        self.assertIn('differ in shape', self.why())


class Program(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.shapes, self.out = (os.path.join(scratch.name, name) for name in ('attention.json', 'peers.json'))
        self.tensors = scratch.name
        subprocess.run([BENCH, '--device', 'sim:sm_80', '--tiny', '--time-limit', '1e-9', '--tensors', self.tensors,
                        '--out', self.shapes], check=True, capture_output=True)

    def inputs(self, **changes):
        """(shapes, reasons) where every file is read, but nothing is put on a device."""
        record = program.Record(self.out)
        args = type('Arguments', (), dict({'shapes': self.shapes, 'tensors': self.tensors}, **changes))
        original = tensors.Tensors
        tensors.Tensors = lambda torch, device, pool: pool
        self.addCleanup(setattr, tensors, 'Tensors', original)
        shapes, _ = program.inputs(args, None, None, record)
        return shapes, [(s['peer'], s['reason']) for s in record.json['skipped']]

    def test_takes_the_shapes_that_were_planned(self):
        shapes, reasons = self.inputs()
        self.assertEqual([(s['tokens'], s['mask']) for s in shapes], [(130, 'none'), (130, 'causal'), (197, 'none')])
        self.assertEqual(reasons, [])

    def test_says_what_is_missing(self):
        for changes, peer, words in (({'tensors': None}, 'attention', '--tensors'),
                                     ({'shapes': None}, 'attention', '--shapes'),
                                     ({'shapes': '/nowhere.json'}, 'attention', '/nowhere.json'),
                                     ({'shapes': __file__}, 'attention', 'does not tell the shapes'),
                                     ({'tensors': '/nowhere'}, 'attention D 64', '/nowhere/qkv-d64.safetensors')):
            shapes, reasons = self.inputs(**changes)
            self.assertEqual(shapes, [])
            self.assertEqual([r[0] for r in reasons], [peer])
            self.assertIn(words, reasons[0][1])

    def test_refuses_shapes_that_are_none(self):
        with open(self.shapes, encoding='utf-8') as file:
            good = json.load(file)
        shape = good['shapes'][0]
        for bad in (None, {}, [3], [dict(shape, tokens='9')], [dict(shape, tokens=0)], [dict(shape, mask='other')],
                    [{k: v for k, v in shape.items() if k != 'batch'}], [dict(shape, shape=1)]):
            with open(self.shapes, 'w', encoding='utf-8') as file:
                json.dump(dict(good, shapes=bad), file)
            shapes, reasons = self.inputs()
            self.assertEqual(shapes, [])
            self.assertIn('does not tell the shapes', reasons[0][1])

    @needs_torch
    def test_times_and_checks_peers_on_the_cpu(self):
        done = subprocess.run([sys.executable, os.path.join(KIT, 'peers.py'), '--device', 'cpu', '--tiny', '--shapes',
                               self.shapes, '--tensors', self.tensors, '--out', self.out],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.out, encoding='utf-8') as file:
            content = json.load(file)
        # On a CPU PyTorch has but one of the back-ends.
        self.assertEqual({c['status'] for c in content['cases'] if c['peer'] == 'sdpa-cudnn'}, {'skipped'})
        good = [c for c in content['cases'] if c['status'] == 'ok']
        self.assertIn(('sdpa-flash', 197), [(c['peer'], c['tokens']) for c in good])
        self.assertTrue(all(c['check']['relative_l1'] < 0.005 for c in good), good)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
