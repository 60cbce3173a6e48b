"""The kernels that ours are compared with, each behind the same two steps: can it be had here, and a call to time.

A peer's `make(torch, q, k, v, mask)` gets f16 tensors [batch, heads, tokens, head_dim], does once what is no part of
the timed call (imports, layouts, block masks), and returns (call, to_hnd, inputs): `call()` is what is timed, `to_hnd`
brings its result back to [batch, heads, tokens, head_dim], and `inputs` are the tensors that the call might change.
An import that fails says that the peer is not here. All of them are public interfaces of their packages.
"""
import importlib

from .problems import RULES


class Peer:
    """`needs`: "package:function", what it is made of; '' for PyTorch itself. `masks`: what it is run on. `bound`: the
    relative L1 above which its output is wrong and its time worth nothing; None for a kernel that leaves blocks out.
    `few`: compiles for seconds when it is called first, so run on a few shapes only."""

    def __init__(self, name, bits, make, needs='', masks=('none', 'causal'), bound=None, few=False):
        self.name, self.bits, self.make, self.needs = name, bits, make, needs
        self.masks, self.few = masks, few
        self.bound = bound


def same(out):
    return out


def from_nhd(out):
    return (out[0] if isinstance(out, tuple) else out).transpose(1, 2)


def nhd(*tensors):
    return [t.transpose(1, 2).contiguous() for t in tensors]


def sdpa(backend):
    def make(torch, q, k, v, mask):
        from torch.nn.attention import SDPBackend, sdpa_kernel
        chosen = getattr(SDPBackend, backend, None)
        if chosen is None:
            raise ImportError('this PyTorch has no ' + backend)

        def call():
            with sdpa_kernel(chosen):
                return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=mask == 'causal')
        return call, same, (q, k, v)
    return make


def flex(torch, q, k, v, mask):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    rule, tokens, block_mask = RULES.get(mask), q.shape[2], None
    if rule:
        block_mask = create_block_mask(lambda b, h, i, j: rule(i, j), None, None, tokens, tokens, device=q.device)
    # Compiled code of earlier shapes counts towards a limit, beyond which PyTorch goes on without compiling and writes
    # all scores to memory. That is not what is timed here: the count starts anew, and fullgraph makes it an error.
    torch.compiler.reset()
    compiled = torch.compile(flex_attention, dynamic=False, fullgraph=True)
    return lambda: compiled(q, k, v, block_mask=block_mask), same, (q, k, v)


def from_package(package, function, **options):
    """A kernel of the SageAttention family: takes [batch, heads, tokens, head_dim] and `is_causal`, gives the like."""
    def make(torch, q, k, v, mask):
        kernel = getattr(importlib.import_module(package), function)
        return lambda: kernel(q, k, v, is_causal=mask == 'causal', **options), same, (q, k, v)
    return make


def flash(package, convert=None):
    def make(torch, q, k, v, mask):
        kernel = importlib.import_module(package).flash_attn_func
        inputs = nhd(q, k, v)
        if convert:
            inputs = [t.to(getattr(torch, convert)) for t in inputs]
        return lambda: kernel(*inputs, causal=mask == 'causal'), from_nhd, tuple(inputs)
    return make


def xformers(torch, q, k, v, mask):
    ops = importlib.import_module('xformers.ops')
    bias = ops.LowerTriangularMask() if mask == 'causal' else None
    inputs = nhd(q, k, v)
    return lambda: ops.memory_efficient_attention(*inputs, attn_bias=bias), from_nhd, tuple(inputs)


# Bounds of relative L1. On this data rounding alone gives 0.001 at 16 bits, 0.04 at 8, 0.07 where K goes to FP8 without
# smoothing, as flash-attention has it, and 0.2 at 4; a wrong head or mask gives about 1.
HALF, EIGHT, FP8, FOUR = 0.005, 0.1, 0.15, 0.4


def sage(name, bits, package, function, bound, **options):
    return Peer(name, bits, from_package(package, function, **options), package + ':' + function, bound=bound)


def sparge(name, function):
    """Leaves blocks out by its own judgement, so its mask has a name of its own and it is compared with nothing."""
    package = 'spas_sage_attn'
    return Peer(name, 8, from_package(package, function), package + ':' + function, masks=('sparge',))


def every_peer():
    eight = [('sageattention', 'sageattn'), ('sage-int8-fp16', 'sageattn_qk_int8_pv_fp16_cuda'),
             ('sage-int8-fp16-triton', 'sageattn_qk_int8_pv_fp16_triton'),
             ('sage-int8-fp8', 'sageattn_qk_int8_pv_fp8_cuda'),
             ('sage-int8-fp8-sm90', 'sageattn_qk_int8_pv_fp8_cuda_sm90')]
    return [
        Peer('sdpa-cudnn', 16, sdpa('CUDNN_ATTENTION'), bound=HALF),
        Peer('sdpa-flash', 16, sdpa('FLASH_ATTENTION'), bound=HALF),
        Peer('sdpa-efficient', 16, sdpa('EFFICIENT_ATTENTION'), bound=HALF),
        *[sage(name, 8, 'sageattention', function, EIGHT, tensor_layout='HND') for name, function in eight],
        sage('sage3-fp4', 4, 'sageattn3', 'sageattn3_blackwell', FOUR),
        Peer('flash-attn-2', 16, flash('flash_attn'), 'flash_attn:flash_attn_func', bound=HALF),
        Peer('flash-attn-3', 16, flash('flash_attn_interface'), 'flash_attn_interface:flash_attn_func', bound=HALF),
        Peer('flash-attn-3-fp8', 8, flash('flash_attn_interface', 'float8_e4m3fn'),
             'flash_attn_interface:flash_attn_func', bound=FP8),
        Peer('flash-attn-4', 16, flash('flash_attn.cute'), 'flash_attn.cute:flash_attn_func', few=True, bound=HALF),
        Peer('xformers', 16, xformers, 'xformers.ops:memory_efficient_attention', bound=HALF),
        sparge('spas-sage', 'spas_sage2_attn_meansim_cuda'),
        sparge('spas-sage-topk', 'spas_sage2_attn_meansim_topk_cuda'),  # half of the blocks
        Peer('flex', 16, flex, few=True, bound=HALF),
        Peer('flex', 16, flex, masks=('sparse50',), few=True, bound=HALF),
    ]


def why_missing(peer):
    """Why a peer cannot be had here; '' if it can."""
    package, _, function = peer.needs.partition(':')
    if not package:
        return ''
    try:
        module = importlib.import_module(package)
    except Exception as error:  # an import of a CUDA extension may fail in any way
        return '%s: %s' % (type(error).__name__, error)
    return '' if not function or hasattr(module, function) else '%s has no %s' % (package, function)


FEW_TOKENS = 8192
FEW_SHAPES = {'tiny': 1, 'quick': 2}
LONG_TOKENS = 32768
COMPILE_SECONDS = 12  # what compiling for a shape may take
COMPILED_SHARE = 0.4  # of a full run's time limit, for all peers that compile for each shape


def compiled_share(extent, time_limit):
    """How many seconds those peers get; in a quick run, where they come last, whatever is left."""
    return COMPILED_SHARE * time_limit if time_limit and extent != 'quick' else float('inf')


def few_shapes(shapes):
    """For each head dim and mask, the grid's longest shape of at most FEW_TOKENS; the larger head dim first."""
    chosen = {}
    for s in shapes:
        key = (s['head_dim'], s['mask'])
        if s['shape'] == 'grid' and s['tokens'] <= FEW_TOKENS and s['tokens'] >= chosen.get(key, s)['tokens']:
            chosen[key] = s
    return sorted(chosen.values(), key=lambda s: (-s['head_dim'], s['mask'] == 'causal'))


def work(peers, shapes, extent):
    """[(peer, shape)]: shape by shape. Peers that compile for each shape get a few: before the longest shapes in a full
    run, where the end may not be reached; last in a quick run, where compiling would take most of the time, and the
    others are what all ratios are of."""
    def runs(peer, shape):
        own = [m for m in peer.masks if m not in ('none', 'causal')]
        if own:  # a mask of the peer's own replaces `none`
            return [dict(shape, mask=own[0])] if shape['mask'] == 'none' else []
        return [shape] if shape['mask'] in peer.masks else []
    few = few_shapes(shapes)[:FEW_SHAPES.get(extent)]
    compiled = [(p, s) for shape in few for p in peers if p.few for s in runs(p, shape)]
    first = next((k for k, s in enumerate(shapes) if s['tokens'] >= LONG_TOKENS), len(shapes))
    at = len(shapes) if extent == 'quick' else first
    before, after = ([(p, s) for shape in part for p in peers if not p.few for s in runs(p, shape)]
                     for part in (shapes[:at], shapes[at:]))
    return before + compiled + after
