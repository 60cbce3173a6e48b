"""Medians, quartiles and the rule that says when two timings differ.

The rule, the same everywhere: two sets of raw times differ only when their interquartile ranges [q1, q3] do not
overlap and their medians are more than LEAST_DIFFERENCE apart: runs of the same program differ by so much where the
spread within each is small. Whatever lies inside is called "within noise".
"""

LEAST_DIFFERENCE = 0.02
NOISE_RULE = ('Two timings are said to differ only when their interquartile ranges [q1, q3] do not overlap and their '
              'medians are more than %.0f %% apart; otherwise the difference is noise and is said to be none.'
              % (100 * LEAST_DIFFERENCE))


def quantile(values, fraction):
    """The value below which `fraction` of the sorted `values` lies, linear between neighbours."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * fraction
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


class Times:
    """Raw times of one case in microseconds, with median and quartiles. `raw` may be empty where a file has none.
    `host_bound` says that they may hold some of the host's time."""

    def __init__(self, raw, median=None, q1=None, q3=None, host_bound=False):
        self.raw, self.host_bound = list(raw), host_bound
        if self.raw:
            median, q1, q3 = (quantile(self.raw, f) for f in (0.5, 0.25, 0.75))
        self.median = median
        self.q1 = median if q1 is None else q1
        self.q3 = median if q3 is None else q3

    def tops(self, operations):
        return operations / self.median / 1e6 if self.median else None

    def spread(self):
        """Interquartile range over the median."""
        return (self.q3 - self.q1) / self.median if self.median else 0.0

    def json(self, operations=None):
        out = {'times_us': [round(t, 3) for t in self.raw], 'median_us': round(self.median, 3),
               'q1_us': round(self.q1, 3), 'q3_us': round(self.q3, 3)}
        if operations:
            out['tops'] = round(self.tops(operations), 2)
        return out


class Ratio:
    """How much faster `new` is than `old` (over 1: faster), its range by the quartiles, and the verdict."""

    def __init__(self, new, old):
        self.value = old.median / new.median
        self.low = old.q1 / new.q3
        self.high = old.q3 / new.q1
        apart = max(self.value, 1 / self.value) > 1 + LEAST_DIFFERENCE
        self.differs = apart and (new.q3 < old.q1 or new.q1 > old.q3)

    def verdict(self):
        if not self.differs:
            return 'none (noise)'
        return 'faster' if self.value > 1 else 'slower'


def attention_operations(batch, heads, queries, keys, head_dim, mask):
    """4·B·H·Nq·Nk·D, half for causal: what TOPS counts."""
    return 4 * batch * heads * queries * keys * head_dim // (2 if mask == 'causal' else 1)
