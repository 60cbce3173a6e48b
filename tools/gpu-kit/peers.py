#!/usr/bin/env python3
"""Times other attention kernels, and PyTorch's GEMMs, on the shapes that bench-attention times: peers.json.

Runs where PyTorch can be imported and has a CUDA device; elsewhere it writes a peers.json that says why there is
nothing, and ends well. Which peers: sagekit/peers.py. Shapes and tensors are those of bench-attention, which has left
them in files: sagekit/problems.py and tensors.py. How a call is timed: sagekit/stopwatch.py. The process that measures
is one of its own: sagekit/process.py. The file is rewritten after each case, so that a time limit loses nothing.
"""
import argparse
import os
import resource
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from sagekit import peers as peerlist  # noqa: E402
from sagekit import problems, process, products, tensors  # noqa: E402
from sagekit.record import Record  # noqa: E402
from sagekit.refusals import is_refusal  # noqa: E402
from sagekit.statistics import attention_operations  # noqa: E402
from sagekit.stopwatch import Stopwatch  # noqa: E402

OLDEST_PYTHON = (3, 8)


def first_line(error):
    lines = str(error).strip().splitlines()
    return ('%s: %s' % (type(error).__name__, lines[0] if lines else ''))[:500]


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
            raise process.Gone(first_line(error)) from error

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
        """Returns how many seconds it took."""
        entry = dict(shape, peer=peer.name, bits=peer.bits, time=None, check=None, status='ok', reason='')
        self.record.begin('cases', dict(entry, status='failed', ended_process=True))
        start = time.monotonic()
        try:
            self.measure(peer, shape, entry)
        except Exception as error:  # a foreign kernel may fail in any way; that is a result
            entry.update(status='skipped' if is_refusal(error) else 'failed', reason=first_line(error), time=None)
        try:
            self.still_there()  # a kernel without an end may show here, while the record has the case as under way
        except process.Gone:
            entry['ended_process'] = True
            raise
        finally:
            entry['seconds'] = round(time.monotonic() - start, 3)
            self.count(peer, entry)
            self.record.add('cases', entry)
            took = entry['time']['median_us'] if entry['time'] else 0
            print('%s %s: %s %.1f us %s' % (peer.name, [shape[f] for f in problems.FIELDS[1:]], entry['status'], took,
                                           entry['reason']), file=sys.stderr, flush=True)
        return entry['seconds']

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

    def gemms(self, size):
        """False when time ran out."""
        for dtype in products.TYPES:
            if self.is_late():
                return False
            name = 'gemm ' + dtype
            if self.record.has_skipped(name) or any(g['dtype'] == dtype for g in self.record.json['gemm']):
                continue  # by an earlier process
            self.record.begin('skipped', {'peer': name})
            entry = {'dtype': dtype, 'm': size, 'n': size, 'k': size}
            try:
                call, a, b = products.product(self.torch, self.device, dtype, size)
                out = self.stopwatch.timed(entry, 2 * size ** 3, call)
                entry['verified'] = products.is_product(self.torch, dtype, a, b, out)
                found = ('gemm', entry)
            except Exception as error:  # an old PyTorch or GPU lacks some of them
                found = ('skipped', {'peer': name, 'reason': first_line(error)})
            try:
                self.still_there()
            finally:
                self.record.add(*found)
        return True

    @staticmethod
    def key(name, shape):
        return (name, *(shape[field] for field in problems.FIELDS))

    def cases(self, work, share):
        """Runs [(peer, shape)]; False when time ran out. Peers that compile for each shape get `share` seconds."""
        done, spent = {self.key(case['peer'], case): case for case in self.record.json['cases']}, 0.0
        for peer, shape in work:
            if self.is_late():
                return False
            case = done.get(self.key(peer.name, shape))
            if case:  # by an earlier process
                self.count(peer, case)
                spent += case.get('seconds', peerlist.COMPILE_SECONDS) if peer.few else 0
                continue
            why = self.why_hopeless(peer)
            if not why and peer.few and (spent >= share or self.is_late(peerlist.COMPILE_SECONDS)):
                why = 'its share of the time was spent, so that the other shapes were not tried'
            if why:
                self.record.skip(peer.name, why)
                continue
            took = self.case(peer, shape)
            spent += took if peer.few else 0
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


def attention(args, run):
    """False when time ran out."""
    here = peers_here(run.record)
    shapes, run.pools = inputs(args, run.torch, run.device, run.record)
    return run.cases(peerlist.work(here, shapes, args.extent), peerlist.compiled_share(args.extent, args.time_limit))


def measure(args, deadline, record, goes_on):
    """The exit status of a process that times what the record does not have yet."""
    found = find_torch(args.device, record)
    if found is None:
        record.json['complete'] = not goes_on
        record.save()
        return process.BROKEN if goes_on else 0
    note_versions(record)
    run = Run(*found, record, deadline)
    if run.gemms(256 if args.extent == 'tiny' else 8192) and attention(args, run):
        record.finish()
    else:
        record.skip('the rest', process.LATE)
    return 0


def main():
    args = arguments()
    deadline = time.monotonic() + args.time_limit if args.time_limit else None
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # of a process with a GPU it would take minutes
    record = Record(args.out)
    record.save()
    if sys.version_info < OLDEST_PYTHON:
        record.skip('all', 'Python %d.%d or newer is needed, and this is %s' % (*OLDEST_PYTHON, sys.version.split()[0]))
        record.finish()
        return 0
    return process.run(args.out, deadline, lambda goes_on: measure(args, deadline, Record.left(args.out), goes_on))


if __name__ == '__main__':
    sys.exit(main())
