#!/usr/bin/env python3
"""Times other attention kernels, and PyTorch's GEMMs, on the shapes that bench-attention times: peers.json.

Runs where PyTorch can be imported and has a CUDA device; elsewhere it writes a peers.json that says why there is
nothing, and ends well. Which peers: sagekit/peers.py. Shapes and tensors are those of bench-attention, which has left
them in files: sagekit/problems.py and tensors.py. How a call is timed: class Stopwatch. The file is rewritten after
each case, so that a time limit loses nothing.
"""
import argparse
import os
import resource
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from sagekit import peers as peerlist  # noqa: E402
from sagekit import problems, tensors  # noqa: E402
from sagekit.record import Record  # noqa: E402
from sagekit.refusals import is_refusal  # noqa: E402
from sagekit.statistics import Times, attention_operations  # noqa: E402


class Stopwatch:
    """As bench-attention's: warm-up, then single calls between two events, each behind a write of more than twice the
    largest L2, and reads of what was written, that are queued before the first event. The reads leave no line in the L2
    that is not in memory yet; with the write they last until the host has queued the call. On a CPU, which serves to
    try this program only, the host's clock.

    After `time`, `out` is what the last timed call gave; `host_bound` says that at least half of the calls were queued
    so late that the device had already passed the first event: their times may hold some of the host's."""

    def __init__(self, torch, device):
        self.torch, self.cuda = torch, device.type == 'cuda'
        self.flush = torch.empty(problems.FLUSH_BYTES // 4 if self.cuda else 1, dtype=torch.float32, device=device)
        self.events = [torch.cuda.Event(enable_timing=True) for _ in range(2)] if self.cuda else None
        self.out, self.late, self.host_bound = None, 0, False

    def once(self, call, before):
        self.out = None
        before()
        if not self.cuda:
            start = time.perf_counter()
            self.out = call()
            return (time.perf_counter() - start) * 1e6
        self.flush.zero_()
        for _ in range(problems.FLUSH_READS):
            self.flush.sum()
        self.events[0].record()
        self.out = call()
        self.late += self.events[0].query()
        self.events[1].record()
        self.events[1].synchronize()
        return self.events[0].elapsed_time(self.events[1]) * 1e3

    def time(self, call, before=lambda: None):
        for _ in range(problems.WARMUPS):
            last = self.once(call, before)
        count = int(max(problems.LEAST, min(problems.MOST, problems.BUDGET_MS * 1e3 / max(last, 1e-3))))
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


def first_line(error):
    lines = str(error).strip().splitlines()
    return ('%s: %s' % (type(error).__name__, lines[0] if lines else ''))[:500]


class Gone(Exception):
    """The device does not answer any more in this process."""


GONE = 3  # the exit status then


class Run:
    def __init__(self, torch, device, record, deadline):
        self.torch, self.device, self.record, self.deadline = torch, device, record, deadline
        self.stopwatch = Stopwatch(torch, device)
        self.pools = {}  # the Tensors of each head dim
        self.raised = {}  # on how many shapes of the grid each peer has raised an error; None once it has worked

    def is_late(self, needed=0):
        """Whether fewer than `needed` seconds are left."""
        return self.deadline is not None and time.monotonic() + needed > self.deadline

    def still_there(self):
        try:
            if self.device.type == 'cuda':
                self.torch.cuda.synchronize()
                self.torch.cuda.empty_cache()
        except Exception as error:
            raise Gone(first_line(error)) from error

    def measure(self, peer, shape, entry):
        torch, pool = self.torch, self.pools[shape['head_dim']]
        call, to_hnd, work = peer.make(torch, *pool.make(shape), shape['mask'])
        originals = [t.clone() for t in work]
        call()
        # Some peers subtract K's mean from K itself: those get their inputs back before each call, outside the clock.
        changed = [(t, o) for t, o in zip(work, originals) if not torch.equal(t.view(torch.uint8), o.view(torch.uint8))]
        del originals  # of the largest shapes 3 GB
        entry['changes_inputs'] = bool(changed)

        def restore():
            for target, original in changed:
                target.copy_(original)
        operations = attention_operations(shape['batch'], shape['query_heads'], shape['tokens'], shape['tokens'],
                                          shape['head_dim'], shape['mask'])
        out = to_hnd(self.stopwatch.timed(entry, operations, call, restore))
        if list(out.shape) != [shape[f] for f in ('batch', 'query_heads', 'tokens', 'head_dim')]:
            raise ValueError('its output has the shape %s' % list(out.shape))
        entry['check'] = problems.check(torch, shape, pool, out)
        error = entry['check']['relative_l1']
        if peer.bound is not None and not error <= peer.bound:  # NaN too
            entry['status'] = 'failed'
            entry['reason'] = 'relative L1 %s, more than %g' % (error, peer.bound)

    def case(self, peer, shape):
        entry = dict(shape, peer=peer.name, bits=peer.bits, time=None, check=None, status='ok', reason='')
        self.record.begin('cases', dict(entry, status='failed', ended_process=True))
        try:
            self.measure(peer, shape, entry)
        except Exception as error:  # a foreign kernel may fail in any way; that is a result
            entry.update(status='skipped' if is_refusal(error) else 'failed', reason=first_line(error), time=None)
        self.count(peer, entry)
        self.record.add('cases', entry)
        took = entry['time']['median_us'] if entry['time'] else 0
        print('%s %s: %s %.1f us %s' % (peer.name, [shape[f] for f in problems.FIELDS[1:]], entry['status'], took,
                                       entry['reason']), file=sys.stderr, flush=True)
        try:
            self.still_there()
        except Gone:
            entry['ended_process'] = True
            self.record.save()
            raise

    def count(self, peer, entry):
        if entry['time']:
            self.raised[peer] = None
        elif entry['shape'] == 'grid' and self.raised.get(peer, 0) is not None:
            self.raised[peer] = self.raised.get(peer, 0) + 1

    def why_hopeless(self, peer):
        """If any lengths suit a kernel, those of the grid do: one that raises errors there does so everywhere."""
        ended = [case for case in self.record.json['cases'] if case['peer'] == peer.name and 'ended_process' in case]
        if len(ended) >= 2:
            return 'ended the process twice, so that the other shapes were not tried'
        if self.raised.get(peer, 0) == 2:
            return 'raised errors on the first two shapes of the grid, so that the others were not tried'
        return None

    def gemm(self, dtype, size):
        """(call, a, b): the call's result is a·b."""
        torch = self.torch
        a, b = (torch.randn(size, size, device=self.device) for _ in range(2))
        if dtype == 'int8':  # the fast kernels of int8 and fp8 want b's columns one behind the other
            a, b = ((t * 40).round().clamp(-127, 127).to(torch.int8) for t in (a, b))
            b = b.t().contiguous().t()
            return lambda: torch._int_mm(a, b), a, b
        if dtype == 'fp8':
            a, b, one = a.to(torch.float8_e4m3fn), b.to(torch.float8_e4m3fn).t(), torch.ones((), device=self.device)
            return lambda: torch._scaled_mm(a, b, scale_a=one, scale_b=one, out_dtype=torch.bfloat16), a, b
        a, b = (t.to(torch.float16 if dtype == 'f16' else torch.bfloat16) for t in (a, b))
        return lambda: torch.mm(a, b), a, b

    def is_product(self, dtype, a, b, out):
        """Whether three rows are those of a·b, as near as the type of the sums and of the result allows."""
        rows = [0, len(a) // 2 + 3, len(a) - 1]
        exact = a.to(self.torch.float32)[rows].double() @ b.to(self.torch.float32).double()
        error = (out[rows].double() - exact).abs().sum() / exact.abs().sum()
        return bool(error <= {'int8': 0.0, 'f16': 2e-3, 'bf16': 1e-2, 'fp8': 1e-2}[dtype])

    def gemms(self, size):
        """False when time ran out."""
        for dtype in ('f16', 'bf16', 'int8', 'fp8'):
            if self.is_late():
                return False
            name = 'gemm ' + dtype
            if self.record.has_skipped(name) or any(g['dtype'] == dtype for g in self.record.json['gemm']):
                continue  # by an earlier process
            self.record.begin('skipped', {'peer': name})
            entry = {'dtype': dtype, 'm': size, 'n': size, 'k': size}
            try:
                call, a, b = self.gemm(dtype, size)
                out = self.stopwatch.timed(entry, 2 * size ** 3, call)
                entry['verified'] = self.is_product(dtype, a, b, out)
                self.record.add('gemm', entry)
            except Exception as error:  # an old PyTorch or GPU lacks some of them
                self.record.add('skipped', {'peer': name, 'reason': first_line(error)})
            self.still_there()
        return True

    @staticmethod
    def key(name, shape):
        return (name, *(shape[field] for field in problems.FIELDS))

    def cases(self, work, share):
        """Runs [(peer, shape)]; False when time ran out. Peers that compile for each shape get `share` seconds."""
        spent, done = 0.0, {self.key(case['peer'], case): case for case in self.record.json['cases']}
        for peer, shape in work:
            if self.is_late():
                return False
            earlier = done.get(self.key(peer.name, shape))
            if earlier:  # by an earlier process
                self.count(peer, earlier)
                continue
            why = self.why_hopeless(peer)
            if not why and peer.few and (spent >= share or self.is_late(peerlist.COMPILE_SECONDS)):
                why = 'its share of the time was spent, so that the other shapes were not tried'
            if why:
                self.record.skip(peer.name, why)
                continue
            start = time.monotonic()
            self.case(peer, shape)
            spent += time.monotonic() - start if peer.few else 0
        return True


def find_torch(spec, record):
    """(torch, device), or None when the reason is in the record."""
    for name in ('TORCH_COMPILE_DISABLE', 'TORCHDYNAMO_DISABLE'):  # FlexAttention would be timed uncompiled
        os.environ.pop(name, None)
    try:
        import torch
    except Exception as error:
        record.skip('all', 'PyTorch cannot be imported: ' + first_line(error))
        return None
    record.json['versions'].update(torch=torch.__version__, cuda=str(torch.version.cuda))
    try:
        device = torch.device(spec)
        if device.type == 'cuda':
            torch.cuda.set_device(device)
            properties = torch.cuda.get_device_properties(device)
            record.json['device'] = {'name': properties.name, 'arch': 'sm_%d%d' % (properties.major, properties.minor)}
            record.json['versions']['cudnn'] = str(torch.backends.cudnn.version())
        elif device.type == 'cpu':
            record.json['device'] = {'name': 'CPU', 'arch': 'cpu'}
        else:
            raise ValueError('the device is neither CUDA nor CPU')
    except Exception as error:
        record.skip('all', 'PyTorch has no device %s: %s' % (spec, first_line(error)))
        return None
    return torch, device


def note_versions(record):
    try:
        from importlib import metadata
    except ImportError:
        return
    for package in ('sageattention', 'sageattn3', 'flash-attn', 'flash-attn-3', 'flash-attn-4', 'spas-sage-attn',
                    'xformers', 'triton'):
        try:
            record.json['versions'][package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            pass


def peers_here(record):
    here = []
    for peer in peerlist.every_peer():
        if record.has_skipped(peer.name):
            continue  # by an earlier process
        record.begin('skipped', {'peer': peer.name})
        why = peerlist.why_missing(peer)
        record.end()
        if why:
            record.skip(peer.name, why)
        else:
            here.append(peer)
    return here


def inputs(args, torch, device, record):
    """([shape], {head dim: Tensors}). Shapes that lack something are left out, and the record says why."""
    try:
        if not (args.shapes and args.tensors):
            raise ValueError('--shapes and --tensors were not given')
        shapes = problems.shapes(args.shapes)
    except (OSError, ValueError) as error:
        record.skip('attention', first_line(error))
        return [], {}
    pools = {}
    for head_dim in sorted({s['head_dim'] for s in shapes}):
        try:
            tokens = max(s['tokens'] for s in shapes if s['head_dim'] == head_dim)
            pools[head_dim] = tensors.Tensors(torch, device, tensors.Pool(args.tensors, head_dim, tokens))
        except Exception as error:  # the file's, or the device's memory
            record.skip('attention D %d' % head_dim, first_line(error))
    return [s for s in shapes if s['head_dim'] in pools], pools


def arguments():
    parser = argparse.ArgumentParser(description='Time other attention kernels through PyTorch: peers.json.')
    parser.add_argument('--device', default='cuda:0', help='cuda:N; cpu only to try this program')
    extent = parser.add_mutually_exclusive_group()
    for name in ('tiny', 'quick', 'full'):
        extent.add_argument('--' + name, dest='extent', action='store_const', const=name)
    parser.set_defaults(extent='quick')
    parser.add_argument('--shapes', metavar='FILE', help='attention.json of the same run: its shapes are taken')
    parser.add_argument('--tensors', metavar='DIR', help='what bench-attention --tensors has written')
    parser.add_argument('--time-limit', metavar='S', type=float, help='start no further case after S seconds')
    parser.add_argument('--out', metavar='FILE', required=True, help='the peers.json to write')
    return parser.parse_args()


def measure(args, deadline, record, goes_on):
    """The exit status of a process that times what the record does not have yet."""
    found = find_torch(args.device, record)
    if found is None:
        record.json['complete'] = not goes_on
        record.save()
        return int(goes_on)
    note_versions(record)
    try:
        run = Run(*found, record, deadline)
        whole = run.gemms(256 if args.extent == 'tiny' else 8192)
        here = peers_here(record)
        shapes, run.pools = inputs(args, *found, record)
        work = peerlist.work(here, shapes, args.extent)
        share = peerlist.COMPILED_SHARE * args.time_limit if args.time_limit else float('inf')
        if not (run.cases(work, share) and whole):
            record.skip('the rest', 'the time limit of %g s was reached' % args.time_limit)
            return 0  # not complete
    except Gone as error:
        print('the device does not answer any more: %s' % error, file=sys.stderr, flush=True)
        return GONE
    record.finish()
    return 0


MOST_STARTS = 6


def main():
    """The work is done by a process of its own. A foreign kernel may end it, or leave the device unusable in it: the
    next one goes on behind that."""
    args = arguments()
    deadline = time.monotonic() + args.time_limit if args.time_limit else None
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # of a process with a GPU it would take minutes
    record = Record(args.out)
    record.save()
    for start in range(MOST_STARTS):
        child = os.fork()
        if child == 0:
            status = measure(args, deadline, record, start > 0)
            if status == GONE:
                os._exit(GONE)  # whatever is closed in good order may hang, or end otherwise
            return status
        how = os.waitpid(child, 0)[1]
        record = Record.left(args.out)
        if record.json['complete']:
            return 0
        if os.WIFEXITED(how) and os.WEXITSTATUS(how) != GONE:
            return os.WEXITSTATUS(how)
        why = 'the device did not answer any more'
        if os.WIFSIGNALED(how):
            why = 'ended the process by ' + signal.Signals(os.WTERMSIG(how)).name
            if not record.lose(why):
                break
    record.skip('the rest', 'the process ended too often: ' + why)
    return GONE


if __name__ == '__main__':
    sys.exit(main())
