"""What a device could do at best: the bounds that the plots draw.

Both are in the unit of TOPS, 4·B·H·Nq·Nk·D operations over the time, and ask only for the SM count and the clock:

    matmul(a, b) = 2 / (1/rate(a) + 1/rate(b)) · SMs · clock      QKᵀ in type a, PV in type b, half the operations each
    exp2         = 4·D · 16 · SMs · clock                         one exp2 a score, 16 of them a clock and SM

rate(t) is the dense tensor rate of type t in operations a clock and SM. A causal mask halves the operations counted and
the work alike. On an H100 (132 SMs, 1.83 GHz, D 128) they are 1979 for INT8 + FP8, 1319 for INT8 + FP16, 1979 for exp2.
"""

FORMULA = ('matmul(a, b) = 2 / (1/rate(a) + 1/rate(b)) · SMs · clock, half of the operations in each type; '
           'exp2 = 4·D · 16 · SMs · clock, one exp2 for each score. rate = dense tensor operations per clock and SM.')

# Operations per clock and SM of the widest product of the arch, f32 accumulation. GeForce boards run f16 at half of it.
RATES = {
    'sm_80': {'f16': 2048, 's8': 4096},
    'sm_86': {'f16': 1024, 's8': 2048},
    'sm_89': {'f16': 1024, 's8': 2048, 'e4m3': 2048},
    'sm_90': {'f16': 4096, 's8': 8192, 'e4m3': 8192},
    'sm_120': {'f16': 1024, 's8': 2048, 'e4m3': 2048},
}
EXP2_RATE = 16

# Types of the two products by config; a config that is not listed is taken as INT8 + FP16.
CONFIG_TYPES = {'flash': ('f16', 'f16')}


def config_types(config):
    return CONFIG_TYPES.get(config, ('s8', 'f16'))


def rates(arch):
    return RATES.get(arch.rstrip('a'))


def rate_tops(arch, dtype, multiprocessors, clock_mhz):
    """Peak of one type in TOPS, or None where the arch or a figure is not known."""
    known = rates(arch)
    if not known or dtype not in known or not multiprocessors or not clock_mhz:
        return None
    return known[dtype] * multiprocessors * clock_mhz / 1e6


def matmul(arch, types, multiprocessors, clock_mhz):
    peaks = [rate_tops(arch, t, multiprocessors, clock_mhz) for t in types]
    return 2 / (1 / peaks[0] + 1 / peaks[1]) if all(peaks) else None


def exp2(head_dim, multiprocessors, clock_mhz):
    return 4 * head_dim * EXP2_RATE * multiprocessors * clock_mhz / 1e6 if multiprocessors and clock_mhz else None


def of_device(results, head_dim, types):
    """[(label, TOPS)] for one head dim and the pairs of types that occur."""
    clock, _ = results.clock_under_load()
    shown = {'f16': 'FP16', 's8': 'INT8', 'e4m3': 'FP8'}
    found = [('matmul %s + %s' % tuple(shown[t] for t in pair),
              matmul(results.arch, pair, results.multiprocessors, clock)) for pair in types]
    if rates(results.arch):
        found.append(('exp2', exp2(head_dim, results.multiprocessors, clock)))
    return [(label, value) for label, value in found if value]
