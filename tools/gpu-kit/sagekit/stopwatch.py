"""How one call is timed: as bench-attention times ours (tools/bench/record/Timing.h and Timing.cpp)."""
import time

from .statistics import Times

WARMUPS, LEAST, MOST, BUDGET_MS = 3, 5, 50, 200
FLUSH_BYTES, FLUSH_READS = 256 << 20, 2


class Stopwatch:
    """Warm-up, then single calls between two events, each behind a write of more than twice the largest L2, and reads
    of what was written, that are queued before the first event. The reads leave no line in the L2 that is not in memory
    yet; with the write they last until the host has queued the call. On a CPU, which serves to try this program only,
    the host's clock.

    After `time`, `out` is what the last timed call gave; `host_bound` says that at least half of the calls were queued
    so late that the device had already passed the first event: their times may hold some of the host's."""

    def __init__(self, torch, device):
        self.torch, self.cuda = torch, device.type == 'cuda'
        self.flush = torch.empty(FLUSH_BYTES // 4 if self.cuda else 1, dtype=torch.float32, device=device)
        self.events = [torch.cuda.Event(enable_timing=True) for _ in range(2)] if self.cuda else None
        self.out, self.late, self.host_bound = None, 0, False

    def once(self, call, before):
        """Microseconds of a call. `before` is queued, or done, outside of them."""
        self.out = None
        before()
        if not self.cuda:
            start = time.perf_counter()
            self.out = call()
            return (time.perf_counter() - start) * 1e6
        self.flush.zero_()
        for _ in range(FLUSH_READS):
            self.flush.sum()
        self.events[0].record()
        self.out = call()
        self.late += self.events[0].query()
        self.events[1].record()
        self.events[1].synchronize()
        return self.events[0].elapsed_time(self.events[1]) * 1e3

    def time(self, call, before=lambda: None):
        for _ in range(WARMUPS):
            last = self.once(call, before)
        count = int(max(LEAST, min(MOST, BUDGET_MS * 1e3 / max(last, 1e-3))))
        self.late = 0
        times = Times([self.once(call, before) for _ in range(count)])
        self.host_bound = 2 * self.late >= count
        return times

    def timed(self, entry, operations, call, before=lambda: None):
        """Times a call into an entry of peers.json; returns the output of the last call."""
        entry['began'] = time.time()
        times = self.time(call, before)
        entry['time'] = dict(times.json(operations), host_bound=self.host_bound)
        entry['ended'] = time.time()
        out, self.out = self.out, None
        return out
