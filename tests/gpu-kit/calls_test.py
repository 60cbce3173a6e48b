"""What each peer is called with, how a call is timed, how an output is checked, that changed inputs are given back:
with stand-ins for PyTorch (fixtures/small_torch.py where it has to compute) and for the packages.
"""
import ast
import glob
import math
import os
import sys
import types
import unittest
import unittest.mock

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, '..', '..')
KIT = os.path.join(ROOT, 'tools', 'gpu-kit')
sys.dont_write_bytecode = True
sys.path[:0] = [KIT, os.path.join(HERE, 'fixtures')]

import peers as program  # noqa: E402
import small_torch  # noqa: E402
from sagekit import peers, problems, stopwatch  # noqa: E402


class Named:
    """A tensor of which only the order of its axes, its type and whether it is dense are known."""

    def __init__(self, name, axes='bhnd', dense=True, dtype='f16'):
        self.name, self.axes, self.dense, self.dtype = name, axes, dense, dtype
        self.shape, self.device = [{'b': 2, 'h': 3, 'n': 300, 'd': 64}[a] for a in axes], 'there'

    def transpose(self, a, b):
        assert (a, b) == (1, 2)
        return Named(self.name, self.axes[0] + self.axes[2] + self.axes[1] + self.axes[3], False, self.dtype)

    def contiguous(self):
        return Named(self.name, self.axes, True, self.dtype)

    def to(self, dtype):
        return Named(self.name, self.axes, self.dense, dtype)

    def text(self):
        return '%s %s %s%s' % (self.name, self.axes, self.dtype, '' if self.dense else ' strided')


class Calls(unittest.TestCase):
    def setUp(self):
        self.log = []
        self.torch = torch = types.SimpleNamespace(float8_e4m3fn='e4m3')
        functional = types.SimpleNamespace(scaled_dot_product_attention=self.kernel('sdpa'))
        torch.nn = types.SimpleNamespace(functional=functional)
        torch.compiler = types.SimpleNamespace(reset=lambda: self.log.append('reset'))
        torch.compile = self.compile
        backends = ('CUDNN_ATTENTION', 'FLASH_ATTENTION', 'EFFICIENT_ATTENTION')
        attention = types.SimpleNamespace(SDPBackend=types.SimpleNamespace(**{b: b for b in backends}),
                                          sdpa_kernel=self.chosen)
        modules = {'torch': torch, 'torch.nn': torch.nn, 'torch.nn.attention': attention,
                   'torch.nn.attention.flex_attention': types.SimpleNamespace(
                       flex_attention=self.kernel('flex'), create_block_mask=self.block_mask)}
        for peer in peers.every_peer():
            package, _, function = peer.needs.partition(':')
            if package:
                module = modules.setdefault(package, types.SimpleNamespace(LowerTriangularMask=lambda: 'lower'))
                setattr(module, function, self.kernel(peer.needs))
        patched = unittest.mock.patch.dict(sys.modules, modules)
        patched.start()
        self.addCleanup(patched.stop)

    def kernel(self, name):
        def call(*tensors, **options):
            self.log.append((name, [t.text() for t in tensors], options))
            return Named('out', tensors[0].axes)
        return call

    def chosen(self, backend):
        self.log.append(backend)
        return unittest.mock.MagicMock()

    def compile(self, function, **options):
        self.log.append(('compile', options))
        return function

    def block_mask(self, rule, *sizes, **options):
        sees = tuple(rule(0, 0, i, j) for i, j in ((0, 0), (0, 1), (1, 0), (127, 128), (200, 150), (150, 200)))
        self.log.append(('mask', sizes, options))
        return sees

    def calls(self, name, mask):
        """What making the peer and calling it once logs; a second call does what the first one did."""
        peer, = (p for p in peers.every_peer() if p.name == name and mask in p.masks)
        call, to_hnd, work = peer.make(self.torch, *(Named(role) for role in 'qkv'), mask)
        self.assertEqual([t.name for t in work], list('qkv'))
        made = len(self.log)
        self.assertEqual(to_hnd(call()).axes, 'bhnd')
        logged = list(self.log)
        call()
        self.assertEqual(self.log[len(logged):], logged[made:])
        return logged

    HND, NHD = ([role + ' ' + axes + ' f16' for role in 'qkv'] for axes in ('bhnd', 'bnhd'))

    def test_of_pytorch_choose_the_back_end_and_the_mask(self):
        for name, backend in (('sdpa-cudnn', 'CUDNN_ATTENTION'), ('sdpa-flash', 'FLASH_ATTENTION'),
                              ('sdpa-efficient', 'EFFICIENT_ATTENTION')):
            for mask in ('none', 'causal'):
                del self.log[:]
                self.assertEqual(self.calls(name, mask), [backend, ('sdpa', self.HND, {'is_causal': mask == 'causal'})])

    def test_of_the_sage_family_say_layout_and_mask(self):
        family = [p for p in peers.every_peer() if p.needs.startswith(('sage', 'spas'))]
        self.assertEqual(len(family), 8)
        for peer in family:
            layout = {'tensor_layout': 'HND'} if peer.needs.startswith('sageattention:') else {}
            for mask in peer.masks:
                del self.log[:]
                self.assertEqual(self.calls(peer.name, mask),
                                 [(peer.needs, self.HND, dict(layout, is_causal=mask == 'causal'))])

    def test_of_flash_attention_have_its_layout_and_type(self):
        for name in ('flash-attn-2', 'flash-attn-3', 'flash-attn-4', 'flash-attn-3-fp8'):
            peer, = (p for p in peers.every_peer() if p.name == name)
            tensors = [t.replace('f16', 'e4m3') if name.endswith('fp8') else t for t in self.NHD]
            for mask in ('none', 'causal'):
                del self.log[:]
                (_, given, options), = self.calls(name, mask)
                self.assertEqual((given, options), (tensors, {'causal': mask == 'causal'}))

    def test_of_xformers_have_its_layout_and_mask(self):
        for mask, bias in (('none', None), ('causal', 'lower')):
            del self.log[:]
            (_, given, options), = self.calls('xformers', mask)
            self.assertEqual((given, options), (self.NHD, {'attn_bias': bias}))

    def test_of_flex_are_compiled_anew_and_whole(self):
        compiled = ['reset', ('compile', {'dynamic': False, 'fullgraph': True})]
        sizes = ('mask', (None, None, 300, 300), {'device': 'there'})
        for mask, sees in (('causal', (True, False, True, False, True, False)),
                           ('sparse50', (True, True, True, False, True, True))):
            del self.log[:]
            self.assertEqual(self.calls('flex', mask), [sizes, *compiled, ('flex', self.HND, {'block_mask': sees})])
        del self.log[:]
        self.assertEqual(self.calls('flex', 'none'), [*compiled, ('flex', self.HND, {'block_mask': None})])

    def test_of_every_peer_are_known_here(self):
        self.assertEqual({p.name for p in peers.every_peer() if not p.needs.startswith(('sage', 'spas', 'flash_attn'))},
                         {'sdpa-cudnn', 'sdpa-flash', 'sdpa-efficient', 'xformers', 'flex'})


class Clock(unittest.TestCase):
    def test_is_that_of_the_benchmark(self):
        def source(name):
            with open(os.path.join(ROOT, 'tools', 'bench', 'record', name), encoding='utf-8') as file:
                return file.read()
        self.assertIn('warmups = %d, least = %d, most = %d;' % (stopwatch.WARMUPS, stopwatch.LEAST, stopwatch.MOST),
                      source('Timing.h'))
        self.assertIn('budgetMs = %d;' % stopwatch.BUDGET_MS, source('Timing.h'))
        self.assertIn('flushBytes = std::size_t(%d) << 20;' % (stopwatch.FLUSH_BYTES >> 20), source('Timing.h'))
        self.assertIn('flushReads = %d;' % stopwatch.FLUSH_READS, source('Timing.cpp'))

    def test_runs_from_behind_the_flush_to_the_end_of_the_call(self):
        class Event:
            def __init__(self, **_): pass
            def record(self): done.append('event')
            def synchronize(self): done.append('wait')
            def query(self): return done.append('late?') or late
            def elapsed_time(self, _): return 100.0

        class Buffer:
            def __init__(self, elements, dtype, device):
                self.bytes = elements * int(dtype)

            def zero_(self): done.append('write %d' % self.bytes)
            def sum(self): done.append('read')
        torch = types.SimpleNamespace(float32=4, empty=Buffer, cuda=types.SimpleNamespace(Event=Event))
        for late in (False, True):
            done, entry = [], {}
            watch = stopwatch.Stopwatch(torch, types.SimpleNamespace(type='cuda'))
            out = watch.timed(entry, 1, lambda: done.append('call') or done.count('call'),
                              lambda: done.append('restore'))
            self.assertEqual(out, stopwatch.WARMUPS + stopwatch.LEAST)
            self.assertEqual(done, ['restore', 'write %d' % stopwatch.FLUSH_BYTES, *['read'] * stopwatch.FLUSH_READS,
                                    'event', 'call', 'late?', 'event', 'wait'] * out)
            self.assertEqual(len(entry['time']['times_us']), stopwatch.LEAST)
            self.assertEqual(entry['time']['host_bound'], late)
            self.assertLessEqual(entry['began'], entry['ended'])


def value(seed, row, column):
    """Any numbers, different everywhere."""
    return math.sin(1 + 3 * seed + 1.7 * row + 0.9 * column * column)


class Pool:
    """Heads of invented numbers."""

    def make(self, shape):
        return ()

    def head(self, role, head, tokens):
        seed = head + 10 * 'qkv'.index(role)
        return small_torch.Tensor([value(seed, i, j) for j in range(2)] for i in range(tokens))


class Output:
    """[batch, heads, tokens, head_dim] of which rows are made when they are asked for."""
    device = 'cpu'

    def __init__(self, shape, sees):
        self.problem, self.sees = shape, sees
        self.shape = [shape[f] for f in ('batch', 'query_heads', 'tokens', 'head_dim')]

    def __getitem__(self, index):
        batch, head, rows = index
        shape = self.problem
        key_head = batch * shape['key_heads'] + head // (shape['query_heads'] // shape['key_heads'])
        q = Pool().head('q', batch * shape['query_heads'] + head, shape['tokens']).rows
        k, v = (Pool().head(role, key_head, shape['tokens']).rows for role in 'kv')
        made = []
        for i in range(rows.start, rows.stop):
            weights = [math.exp((q[i][0] * k[j][0] + q[i][1] * k[j][1]) / math.sqrt(2)) if self.sees(i, j) else 0.0
                       for j in range(len(k))]
            made.append([sum(w * row[d] for w, row in zip(weights, v)) / sum(weights) for d in range(2)])
        return small_torch.Tensor(made)


class Check(unittest.TestCase):
    SHAPE = dict(zip(problems.FIELDS, ('grid', 2, 4, 2, 300, 2, 'none')))

    def error(self, mask, sees):
        shape = dict(self.SHAPE, mask=mask)
        checked = problems.check(small_torch, shape, Pool(), Output(shape, sees))
        self.assertEqual(checked['rows'], 64)
        return checked['relative_l1']

    def test_finds_exact_attention_exact(self):
        self.assertLess(self.error('none', lambda i, j: True), 1e-12)
        self.assertLess(self.error('causal', lambda i, j: j <= i), 1e-12)
        self.assertLess(self.error('sparse50', lambda i, j: (i // 128 + j // 128) % 2 == 0), 1e-12)

    def test_finds_masks_that_are_a_little_off(self):
        for mask, sees in (('none', lambda i, j: j <= i), ('causal', lambda i, j: j < i),
                           ('causal', lambda i, j: j >= i), ('causal', lambda i, j: j <= i + 1),
                           ('sparse50', lambda i, j: (i // 128 + j // 128) % 2)):
            self.assertGreater(self.error(mask, sees), 1e-5)

    def test_knows_cosine_and_rmse(self):
        class Off(Output):
            def __getitem__(self, index):
                return super().__getitem__(index) * 2.0 + 0.0
        checked = problems.check(small_torch, self.SHAPE, Pool(), Off(self.SHAPE, lambda i, j: True))
        self.assertAlmostEqual(checked['cosine'], 1)
        self.assertAlmostEqual(checked['relative_l1'], 1)
        self.assertGreater(checked['rmse'], 0)


class Inputs(unittest.TestCase):
    def test_that_a_peer_changes_are_given_back_before_every_call(self):
        shape, seen, entry = dict(Check.SHAPE, tokens=16), [], {}
        k = Pool().head('k', 0, 16)
        original = k.clone()

        def make(*_):
            def call():
                seen.append(k.rows == original.rows)
                k.sub_(1)
                return Output(shape, lambda i, j: True)
            return call, peers.same, (Pool().head('q', 0, 16), k, Pool().head('v', 0, 16))
        run = program.Run(small_torch, types.SimpleNamespace(type='cpu'), None, None)
        run.pools = {2: Pool()}
        run.measure(peers.Peer('p', 16, make, bound=1e-9), shape, entry)
        self.assertGreaterEqual(len(seen), 1 + stopwatch.WARMUPS + stopwatch.LEAST)
        self.assertTrue(all(seen), 'a call got changed inputs')
        self.assertTrue(entry['changes_inputs'])
        self.assertLess(entry['check']['relative_l1'], 1e-9)


class Syntax(unittest.TestCase):
    def test_is_that_of_the_oldest_python(self):
        files = [os.path.join(KIT, name) for name in ('peers.py', 'report')] + glob.glob(os.path.join(KIT, '*', '*.py'))
        self.assertGreater(len(files), 10)
        for path in files:
            with open(path, encoding='utf-8') as file:
                ast.parse(file.read(), path, feature_version=program.OLDEST_PYTHON)


if __name__ == '__main__':
    unittest.main()
