"""PyTorch's matrix products (GEMM) of 16 and 8 bits: the machine's yardstick beside ours."""

TYPES = ('f16', 'bf16', 'int8', 'fp8')
# Relative L1, as near as the type of the sums and of the result allows.
BOUNDS = {'f16': 2e-3, 'bf16': 1e-2, 'int8': 0.0, 'fp8': 1e-2}


def product(torch, device, dtype, size):
    """(call, a, b): the call's result is a·b."""
    a, b = (torch.randn(size, size, device=device) for _ in range(2))
    if dtype == 'int8':  # the fast kernels of int8 and fp8 want b's columns one behind the other
        a, b = ((t * 40).round().clamp(-127, 127).to(torch.int8) for t in (a, b))
        b = b.t().contiguous().t()
        return lambda: torch._int_mm(a, b), a, b
    if dtype == 'fp8':
        a, b, one = a.to(torch.float8_e4m3fn), b.to(torch.float8_e4m3fn).t(), torch.ones((), device=device)
        return lambda: torch._scaled_mm(a, b, scale_a=one, scale_b=one, out_dtype=torch.bfloat16), a, b
    a, b = (t.to(torch.float16 if dtype == 'f16' else torch.bfloat16) for t in (a, b))
    return lambda: torch.mm(a, b), a, b


def is_product(torch, dtype, a, b, out):
    """Whether three rows are those of a·b."""
    rows = [0, len(a) // 2 + 3, len(a) - 1]
    exact = a.to(torch.float32)[rows].double() @ b.to(torch.float32).double()
    error = (out[rows].double() - exact).abs().sum() / exact.abs().sum()
    return bool(error <= BOUNDS[dtype])
