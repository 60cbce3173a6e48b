"""Tests of tools/gpu-kit/peers.py without a GPU; what needs PyTorch is skipped where it cannot be imported."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, '..', '..')
KIT = os.path.join(ROOT, 'tools', 'gpu-kit')
sys.dont_write_bytecode = True
sys.path.insert(0, KIT)

import peers as program  # noqa: E402
from sagekit import peers, problems, tensors  # noqa: E402
from sagekit.results import Results  # noqa: E402
from sagekit.statistics import Times, attention_operations  # noqa: E402


try:
    import torch
except ImportError:
    torch = None


def grid(tokens, head_dim=64, mask='none'):
    return dict(zip(problems.FIELDS, ('grid', 4, 32, 32, tokens, head_dim, mask)))


class Problems(unittest.TestCase):
    def test_least_work_comes_first(self):
        with tempfile.NamedTemporaryFile('w', suffix='.json') as file:
            json.dump({'shapes': [grid(32), dict(grid(8), extra=1), grid(16, 128), grid(16)]}, file)
            file.flush()
            self.assertEqual(problems.shapes(file.name), [grid(8), grid(16), grid(16, 128), grid(32)])

    def test_checked_rows_lie_inside(self):
        self.assertEqual(problems.checked_ranges(1), [(0, 1)])
        self.assertEqual(problems.checked_ranges(16), [(0, 16)])
        self.assertEqual(problems.checked_ranges(1000), [(492, 16), (984, 16)])

    def test_sparse_pattern_keeps_half_of_the_blocks(self):
        kept = sum(problems.kept_block(i, j) for i in range(8) for j in range(8))
        self.assertEqual(kept, 32)


# What packages raise, word for word.
SDPA = 'scaled_dot_product_attention'
REFUSALS = [
    RuntimeError('No available kernel. Aborting execution.'),
    RuntimeError('No viable backend for %s was found. This is likely due to turning off both the math kernel' % SDPA),
    RuntimeError('cuDNN Frontend error: [cudnn_frontend] Error: No execution plans support the graph.'),
    RuntimeError('cuDNN Frontend error: [cudnn_frontend] Error: No valid execution plans built.'),
    RuntimeError('cuDNN Frontend error: No valid engine configs for Matmul_MUL_Reduction_SUB_EXP_Reduction_LOG_ADD'),
    RuntimeError('cutlassF: no kernel found to launch!'),
    RuntimeError('This flash attention build does not support FP8.'),
    RuntimeError('FlashAttention only supports Ampere GPUs or newer.'),
    RuntimeError('FlashAttention-3 only supports Hopper GPUs (SM90). Got SM120.'),
    NotImplementedError('No operator found for `memory_efficient_attention_forward` with inputs:\n     query : shape'),
    NotImplementedError("Could not run 'flash_attn_3::fwd' with arguments from the 'CUDA' backend."),
    AssertionError('SM80 kernel is not available. make sure you GPUs with compute capability 8.0 or higher.'),
    AssertionError('Unsupported compute capability. Supported: 8.x, 9.x, 10.x, 11.x, 12.x'),
    AssertionError('(head_dim, head_dim_v)=(512, 512) is not supported on SM90. head_dim and head_dim_v must be'),
    ValueError('Unsupported CUDA architecture: sm103'),
    ImportError('libcudart.so.12: cannot open shared object file'),
    ModuleNotFoundError("No module named 'torch.nn.attention.flex_attention'"),
]
FAILURES = [
    RuntimeError('CUDA error: operation not supported on global/shared address space'),
    RuntimeError('CUDA error: no kernel image is available for execution on the device'),
    RuntimeError('CUDA error: an illegal memory access was encountered'),
    RuntimeError('CUDA out of memory. Tried to allocate 32.00 GiB. No available kernel. Aborting execution.'),
    RuntimeError('cuDNN error: CUDNN_STATUS_EXECUTION_FAILED'),
    RuntimeError('cuDNN Frontend error: [cudnn_frontend] Error: Graph execution failed'),
    RuntimeError('out of resource: shared memory, Required: 262144, Hardware limit: 232448. not supported'),
    RuntimeError('not supported'), AssertionError(), AssertionError('wrong'), ValueError('its output has the shape'),
    TypeError("sageattn() got an unexpected keyword argument 'is_causal'"), AttributeError('not available'),
    MemoryError('not available'),
]


class Work(unittest.TestCase):
    def work_of(self, lengths, extent):
        here = [p for p in peers.every_peer() if not p.few or p.name == 'flex']
        return peers.work(here, [grid(t, d, m) for t in lengths for d in (64, 128) for m in ('none', 'causal')], extent)

    def test_compiling_peers_come_before_the_longest_shapes_on_few(self):
        work = self.work_of((1024, 8192, 32768), 'full')
        few = [(p.name, s['tokens'], s['head_dim'], s['mask']) for p, s in work if p.few]
        self.assertEqual({f[1] for f in few}, {8192})
        self.assertEqual(sorted(f[2:] for f in few),
                         sorted((d, m) for d in (64, 128) for m in ('none', 'causal', 'sparse50')))
        first = next(k for k, (_, s) in enumerate(work) if s['tokens'] == 32768)
        self.assertTrue(all(p.few for p, _ in work[first - len(few):first]))

    def test_compiling_peers_come_last_in_a_quick_run_and_get_what_is_left(self):
        work = self.work_of((1024, 4096, 16384), 'quick')
        few = [(s['tokens'], s['head_dim'], s['mask']) for p, s in work if p.few]
        self.assertEqual(few, [(4096, 128, 'none'), (4096, 128, 'sparse50'), (4096, 128, 'causal')])
        self.assertTrue(all(p.few for p, _ in work[-3:]))
        self.assertEqual(peers.compiled_share('quick', 20), float('inf'))

    def test_quick_run_begins_with_the_16_bit_yardstick(self):
        work = self.work_of((1024, 4096, 16384), 'quick')
        self.assertEqual([(p.name, s['tokens']) for p, s in work[:4]],
                         [(name, 1024) for name in ('sdpa-cudnn', 'sdpa-flash', 'sdpa-efficient', 'sageattention')])

    def test_compiling_peers_have_a_share_of_other_runs(self):
        self.assertEqual(peers.compiled_share('full', 100), 100 * peers.COMPILED_SHARE)
        self.assertEqual(peers.compiled_share('full', None), float('inf'))

    def test_peer_that_leaves_blocks_out_has_a_mask_of_its_own(self):
        masks = {s['mask'] for p, s in peers.work(peers.every_peer(), [grid(1024), grid(1024, mask='causal')], 'full')
                 if p.name.startswith('spas-sage')}
        self.assertEqual(masks, {'sparge'})

    def test_what_a_peer_needs_is_named(self):
        def why(needs):
            return peers.why_missing(peers.Peer('p', 16, None, needs))
        self.assertEqual([why(''), why('json'), why('json:dumps')], ['', '', ''])
        self.assertEqual(why('json:sageattn'), 'json has no sageattn')
        self.assertIn("No module named 'nowhere_to_be_found'", why('nowhere_to_be_found:f'))

    def run_of(self, error):
        """(Run, peer that raises `error`) without PyTorch."""
        def make(*_):
            raise error
        record = type('Unsaved', (program.Record,), {'save': lambda self: None})('')
        run = object.__new__(program.Run)
        run.__dict__.update(torch=None, device=type('Device', (), {'type': 'cpu'}), raised={}, record=record,
                            deadline=None)
        run.pools = {64: type('Pool', (), {'make': lambda self, shape: ()})()}
        return run, peers.Peer('p', 16, make)

    def test_peer_that_only_raises_is_given_up_after_two_shapes_and_said_once(self):
        run, peer = self.run_of(RuntimeError('no such GPU'))
        self.assertTrue(run.cases([(peer, grid(8))] * 5, 1))
        cases = run.record.json['cases']
        self.assertEqual([(c['status'], c['reason']) for c in cases], [('failed', 'RuntimeError: no such GPU')] * 2)
        self.assertEqual([s['peer'] for s in run.record.json['skipped']], ['p'])
        self.assertIn('first two shapes of the grid', run.record.json['skipped'][0]['reason'])

    def test_peer_that_does_not_like_the_lengths_of_models_is_tried_on_the_grid(self):
        run, peer = self.run_of(RuntimeError('x'))
        run.cases([(peer, dict(grid(197), shape='TIMM'))] * 3 + [(peer, grid(8))] * 3, 1)
        self.assertEqual([c['tokens'] for c in run.record.json['cases']], [197] * 3 + [8] * 2)

    def test_refusals_are_skipped_and_failures_are_not(self):
        for refused, errors in ((True, REFUSALS), (False, FAILURES)):
            for error in errors:
                run, peer = self.run_of(error)
                run.cases([(peer, grid(8))], 1)
                self.assertEqual(run.record.json['cases'][0]['status'], 'skipped' if refused else 'failed', repr(error))

    def test_compiling_peers_stop_when_their_share_is_spent(self):
        run, peer = self.run_of(RuntimeError('x'))
        peer.few = True
        self.assertTrue(run.cases([(peer, grid(8))] * 3, 0))
        self.assertEqual(run.record.json['cases'], [])
        self.assertEqual(len(run.record.json['skipped']), 1)

    def test_what_earlier_processes_compiled_counts(self):
        run, peer = self.run_of(RuntimeError('x'))
        peer.few = True
        run.record.json['cases'] = [dict(grid(8), peer='p', time={'median_us': 1.0}, seconds=3),
                                    dict(grid(9), peer='p', time=None, ended_process=True)]
        work = [(peer, grid(tokens)) for tokens in (8, 9, 10)]
        spent = 3 + peers.COMPILE_SECONDS
        self.assertTrue(run.cases(work, spent))
        self.assertEqual(len(run.record.json['cases']), 2)
        del run.record.json['skipped'][:]
        self.assertTrue(run.cases(work, spent + 1))
        self.assertEqual(len(run.record.json['cases']), 3)

    def test_time_limit_ends_the_run(self):
        run, peer = self.run_of(RuntimeError('x'))
        run.deadline = 0
        self.assertFalse(run.cases([(peer, grid(8))], 1))

    def test_operations(self):
        self.assertEqual(attention_operations(1, 2, 10, 10, 64, 'none'), 4 * 2 * 100 * 64)
        self.assertEqual(attention_operations(1, 2, 10, 10, 64, 'causal'), 2 * 2 * 100 * 64)


@unittest.skipUnless(torch, 'PyTorch cannot be imported here')
class Flex(unittest.TestCase):
    """PyTorch compiles no more than a number of versions; beyond it FlexAttention would run without being compiled."""

    def setUp(self):
        import torch._dynamo
        self.patch(torch._dynamo.config, 'recompile_limit', 1)
        compiled = torch.compile
        # Whether it is compiled is all that matters here, not to what.
        self.patch(torch, 'compile', lambda function, **options: compiled(function, backend='eager', **options))

    def patch(self, thing, name, value):
        patched = unittest.mock.patch.object(thing, name, value)
        patched.start()
        self.addCleanup(patched.stop)

    def run_on(self, tokens, mask):
        q, k, v = (torch.randn(1, 2, tokens, 64) for _ in range(3))
        call, _, _ = peers.flex(torch, q, k, v, mask)
        return call()

    def test_is_compiled_on_every_shape(self):
        with warnings.catch_warnings():
            warnings.filterwarnings('error', 'flex_attention called without')
            for tokens in (128, 256, 384):
                for mask in ('none', 'causal', 'sparse50'):
                    self.assertEqual(list(self.run_on(tokens, mask).shape), [1, 2, tokens, 64])

    def test_is_never_run_otherwise(self):
        self.run_on(128, 'none')
        self.patch(torch.compiler, 'reset', lambda: None)
        with self.assertRaises(Exception) as caught:
            self.run_on(256, 'none')
        self.assertIn('RecompileLimit', type(caught.exception).__name__)


@unittest.skipUnless(torch, 'PyTorch cannot be imported here')
class Inputs(unittest.TestCase):
    def test_that_a_peer_changes_are_given_back(self):
        pool = type('Pool', (), dict(heads=1, tokens=8, head_dim=64,
                                     parts={role: bytearray(b'\x00\x3c' * 512) for role in tensors.ROLES}))
        shape, seen, entry = dict(grid(8), batch=1, query_heads=2, key_heads=2), [], {}
        run = program.Run(torch, torch.device('cpu'), None, None)
        run.pools = {64: tensors.Tensors(torch, run.device, pool)}

        def make(torch, q, k, v, mask):
            def call():
                seen.append(float(k.sum()))
                k.sub_(1)
                return v
            return call, peers.same, (q, k, v)
        run.measure(peers.Peer('p', 16, make, bound=1e-3), shape, entry)
        self.assertTrue(entry['changes_inputs'])
        self.assertEqual(set(seen), {2 * 8 * 64.0})
        self.assertEqual(entry['check']['relative_l1'], 0)


class File(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.out = os.path.join(self.scratch.name, 'peers.json')

    def test_is_read_back_by_the_report(self):
        record = program.Record(self.out)
        time = Times([3.0, 1.0, 2.0]).json(attention_operations(4, 32, 8, 8, 64, 'none'))
        record.json['cases'] = [dict(grid(8), peer='p', bits=16, time=time, status='ok', reason='',
                                     check={'cosine': float('nan'), 'relative_l1': 0.1, 'rmse': 0.1})]
        record.json['gemm'] = [{'dtype': 'f16', 'm': 8, 'n': 8, 'k': 8, 'time': time}]
        record.finish()
        results = Results(self.scratch.name)
        self.assertEqual([c.kernel.median for c in results.peers], [2.0])
        self.assertIsNone(results.peers[0].check['cosine'])
        self.assertEqual(len(results.peer_gemm), 1)
        self.assertFalse([p for p in results.problems if 'peers.json' in p])

    def reason_with(self, stub):
        """Runs the program where `import torch` gets the text of `stub`."""
        with open(os.path.join(self.scratch.name, 'torch.py'), 'w', encoding='utf-8') as file:
            file.write(stub)
        done = subprocess.run([sys.executable, os.path.join(KIT, 'peers.py'), '--tiny', '--out', self.out],
                              env=dict(os.environ, PYTHONPATH=self.scratch.name, TORCH_COMPILE_DISABLE='1'),
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.out, encoding='utf-8') as file:
            content = json.load(file)
        self.assertTrue(content['complete'])
        self.assertEqual(content['cases'], [])
        return content['skipped'][0]['reason']

    def test_no_pytorch_is_a_reason_and_no_failure(self):
        self.assertIn('PyTorch cannot be imported', self.reason_with('raise ImportError("not here")'))
        self.assertIn('PyTorch cannot be imported', self.reason_with('raise OSError("libcudart.so.12: cannot open")'))

    def test_compiling_is_not_switched_off(self):
        stub = 'import os\nraise ImportError("off: %s" % os.environ.get("TORCH_COMPILE_DISABLE"))'
        self.assertIn('off: None', self.reason_with(stub))

    def test_no_cuda_is_a_reason_and_no_failure(self):
        stub = ('__version__ = "0"\nclass version: cuda = None\nclass device:\n    type = "cuda"\n'
                '    def __init__(self, spec): pass\nclass cuda:\n    @staticmethod\n    def set_device(d): '
                'raise AssertionError("Torch not compiled with CUDA enabled")\n')
        self.assertIn('PyTorch has no device cuda:0', self.reason_with(stub))


if __name__ == '__main__':
    unittest.main()
