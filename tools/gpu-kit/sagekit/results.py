"""Reads the directory of one run. What comes out is clean: a file that is missing, or an entry that is not as the
format says, is told in `problems` and left out, so that nothing after this has to be careful.

    Results(directory)
      .label .date .commit .device .simulated       what was measured, where
      .run .facts .stages                           of run.sh: run.json and device.json
      .conformance .twin .attention .gemm .machine  of our programs
      .peers .peer_gemm .peers_skipped .versions    of peers.py
      .clocks                                       of nvidia-smi: clocks.csv
      .problems                                     what is missing or malformed, one sentence each
"""
import csv
import datetime
import json
import os
import re

from .statistics import Times, attention_operations

PROGRAM_FILES = ('conformance.json', 'machine.json', 'attention.json')


LARGEST = 1e15  # no figure of a run comes near; what is larger is no figure


def number(value):
    """A number of a size that can be meant, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= LARGEST:
        return None
    return value


def text(value, default=''):
    return value if isinstance(value, str) else default


def entries(value):
    """The objects of a list; anything else in it is dropped."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


SHORTEST_US = 1e-3


def times(value):
    """A T of the format, or None."""
    if not isinstance(value, dict):
        return None
    raw = [number(t) for t in value.get('times_us') or []] if isinstance(value.get('times_us', []), list) else [None]
    rest = [number(value.get(name)) for name in ('median_us', 'q1_us', 'q3_us')]
    given = raw or rest
    if any(t is None or t < SHORTEST_US for t in given):
        return None
    return Times(raw, *rest, value.get('host_bound') is True)


def measurement(entry):
    """A measurement of machine.json with every field of its type."""
    clean = {field: text(entry.get(field)) for field in ('name', 'group', 'unit', 'what', 'skipped', 'failed')}
    raw = entry.get('raw') if isinstance(entry.get('raw'), list) else []
    clean['value'] = number(entry.get('value'))
    clean['raw'] = [v for v in map(number, raw) if v is not None]
    clean['verified'] = entry.get('verified')
    return clean


def stage(entry):
    """A stage of run.json with every field of its type."""
    clean = {field: text(entry.get(field)) for field in ('name', 'status', 'reason')}
    clean.update({field: number(entry.get(field)) for field in ('start', 'seconds', 'limit')})
    return clean


class Key:
    """The shape that a timing belongs to; equal keys may be compared."""
    FIELDS = ('batch', 'query_heads', 'key_heads', 'tokens', 'head_dim')

    def __init__(self, entry):
        self.values = tuple(int(number(entry.get(field)) or 0) for field in self.FIELDS)
        if min(self.values) <= 0 or max(self.values) > 1 << 30:
            raise ValueError('has no whole shape')
        self.batch, self.query_heads, self.key_heads, self.tokens, self.head_dim = self.values
        self.mask = text(entry.get('mask'), 'none')
        self.operations = attention_operations(self.batch, self.query_heads, self.tokens, self.tokens, self.head_dim,
                                               self.mask)

    def _all(self):
        return (self.head_dim, self.mask != 'none', self.mask, self.batch, self.query_heads, self.key_heads,
                self.tokens)

    def __eq__(self, other):
        return self._all() == other._all()

    def __lt__(self, other):
        return self._all() < other._all()

    def __hash__(self):
        return hash(self._all())

    def __str__(self):
        heads = str(self.query_heads) if self.query_heads == self.key_heads else '%d/%d' % self.values[1:3]
        return '%d×%s×%d×%d%s' % (self.batch, heads, self.tokens, self.head_dim,
                                  '' if self.mask == 'none' else ' ' + self.mask)


class Case:
    """One timed case: of ours (config, three timings) or of a peer (peer, bits, one timing in `kernel`)."""

    def __init__(self, entry, who):
        self.who = text(entry.get(who))
        if not self.who:
            raise ValueError("has no '%s'" % who)
        self.key = Key(entry)
        self.shape = text(entry.get('shape'), 'grid')
        self.status = text(entry.get('status'), 'ok')
        self.reason = text(entry.get('reason'))
        self.began, self.ended = number(entry.get('began')), number(entry.get('ended'))
        self.bits = number(entry.get('bits'))
        self.kernel = times(entry.get('kernel') if who == 'config' else entry.get('time'))
        self.quantize = times(entry.get('quantize'))
        self.end_to_end = times(entry.get('end_to_end'))
        check = entry.get('check')
        self.check = {k: number(v) for k, v in check.items()} if isinstance(check, dict) else None
        if self.status == 'ok' and self.kernel is None:
            raise ValueError('has no valid times')


class Results:
    def __init__(self, directory):
        self.directory = os.path.normpath(directory)
        self.label = os.path.basename(os.path.abspath(directory))
        self.problems = []
        self.heads = {}
        self.run = self._json('run.json')
        self.facts = self._json('device.json')
        self.stages = [stage(s) for s in entries(self.run.get('stages')) if text(s.get('name'))]
        self._programs()
        self._peers()
        self.clocks = self._clocks()
        self._identity()

    # --- files ---

    def _json(self, name):
        path = os.path.join(self.directory, name)
        try:
            with open(path, encoding='utf-8') as file:
                value = json.load(file)
            if not isinstance(value, dict):
                raise ValueError('the top level is no object')
        except FileNotFoundError:
            self.problems.append('%s is missing' % name)
            return {}
        except (OSError, ValueError, RecursionError) as error:
            self.problems.append('%s cannot be read: %s' % (name, str(error)[:200]))
            return {}
        if value.get('format') != 1:
            self.problems.append('%s is of format %s; this report knows format 1' % (name, value.get('format')))
            return {}
        if value.get('complete') is False:
            self.problems.append('%s is incomplete: the program was stopped before its end' % name)
        self.heads[name] = value
        return value

    def _cases(self, name, value, who):
        found = []
        for index, entry in enumerate(value if isinstance(value, list) else []):
            try:
                if not isinstance(entry, dict):
                    raise ValueError('is no object')
                found.append(Case(entry, who))
            except (ValueError, OverflowError) as error:
                label = text(entry.get('name')) if isinstance(entry, dict) else ''
                self.problems.append('%s: case %d %s%s' % (name, index + 1, label and '(%s) ' % label, error))
        return found

    def _gemm(self, value):
        found = []
        for entry in entries(value):
            size = [int(number(entry.get(k)) or 0) for k in 'mnk']
            time = times(entry.get('time'))
            if time and min(size) > 0:
                found.append({'dtype': text(entry.get('dtype'), '?'), 'size': size, 'time': time,
                              'operations': 2 * size[0] * size[1] * size[2], 'verified': entry.get('verified'),
                              'began': number(entry.get('began')), 'ended': number(entry.get('ended'))})
        return found

    def _programs(self):
        conformance, machine, attention = (self._json(name) for name in PROGRAM_FILES)
        self.conformance = [c for c in entries(conformance.get('cases')) if text(c.get('name'))]
        self.twin = text(conformance.get('twin'))
        for case in self.conformance:
            case['checks'] = [c for c in entries(case.get('checks')) if text(c.get('what'))]
        self.machine = [measurement(m) for m in entries(machine.get('measurements')) if text(m.get('name'))]
        self.attention = self._cases('attention.json', attention.get('cases'), 'config')
        self.gemm = self._gemm(attention.get('gemm'))

    def _peers(self):
        peers = self._json('peers.json')
        self.peers = self._cases('peers.json', peers.get('cases'), 'peer')
        self.peer_gemm = self._gemm(peers.get('gemm'))
        self.peers_skipped = [(text(s.get('peer'), '?'), text(s.get('reason'))) for s in entries(peers.get('skipped'))]
        versions = peers.get('versions')
        self.versions = {k: str(v) for k, v in versions.items()} if isinstance(versions, dict) else {}

    # --- who and where ---

    def _identity(self):
        heads = [h for n, h in self.heads.items() if n in PROGRAM_FILES and isinstance(h.get('device'), dict)]
        self.device = heads[0]['device'] if heads else {}
        self.simulated = any(h['device'].get('simulated') is not False for h in heads)
        self.name = text(self.device.get('name')) or 'unknown device'
        self.arch = text(self.device.get('arch'))
        count = number(self.device.get('multiprocessors'))
        self.multiprocessors = count if count and 0 < count < 10000 else None
        first = (heads or [self.run])[0]
        self.commit = text(self.run.get('commit')) or text(first.get('commit'), 'unknown')
        self.date = text(self.run.get('date')) or text(first.get('date'), 'unknown date')
        commits = {text(h.get('commit')) for h in heads} - {'', 'unknown'}
        if len(commits) > 1:
            self.problems.append('the files are of different commits: ' + ', '.join(sorted(c[:12] for c in commits)))

    def clock_under_load(self):
        """SM clock in MHz and how it is known: the median over the benchmark's cases, where these say when they ran,
        else over its stage; or the device's maximum."""
        busy = [clock for case in self.attention for clock in self._busy(case.began, case.ended)]
        if busy:
            return Times(busy).median, "median SM clock sampled during the benchmark's cases"
        stage = next((s for s in self.stages if s['name'] == 'attention' and s['start'] is not None), None)
        busy = self._busy(stage['start'], stage['start'] + (stage['seconds'] or 0)) if stage else []
        if busy:
            return Times(busy).median, 'median SM clock sampled while the benchmark kept the device busy'
        maximum = max((c['max_sm'] for c in self.clocks if c['max_sm']), default=None)
        return maximum, "the device's maximum SM clock (no sample under load)"

    def _busy(self, began, ended):
        """The SM clocks sampled under load between two moments."""
        if began is None or ended is None:
            return []
        return [c['sm'] for c in self.clocks if c['sm'] and began <= c['time'] <= ended and (c['load'] or 0) >= 50]

    def clock_between(self, began, ended):
        """The median SM clock in MHz under load between two moments; None where none was sampled then."""
        busy = self._busy(began, ended)
        return Times(busy).median if busy else None

    def best_peer(self, key, bits):
        """The fastest peer of `bits` bits on this shape whose case is ok, or None."""
        cases = [c for c in self.peers if c.status == 'ok' and c.kernel and c.key == key and c.bits == bits]
        return min(cases, key=lambda c: c.kernel.median, default=None)

    # --- clocks ---

    COLUMNS = {'clocks.sm': 'sm', 'clocks.current.sm': 'sm', 'clocks.max.sm': 'max_sm', 'power.draw': 'power',
               'power.limit': 'power_limit', 'temperature.gpu': 'temperature', 'utilization.gpu': 'load',
               'clocks_event_reasons.active': 'reasons', 'clocks_throttle_reasons.active': 'reasons'}

    def _clocks(self):
        path = os.path.join(self.directory, 'clocks.csv')
        try:
            with open(path, encoding='utf-8', errors='replace', newline='') as file:
                rows = list(csv.reader(file))
        except (OSError, csv.Error) as error:
            missing = isinstance(error, FileNotFoundError)
            self.problems.append('clocks.csv is missing: clocks and power were not sampled' if missing else
                                 'clocks.csv cannot be read: %s' % error)
            return []
        if not rows:
            self.problems.append('clocks.csv is empty')
            return []
        names = [re.sub(r'\s*\[.*', '', cell.strip()) for cell in rows[0]]
        samples, bad = [], 0
        for row in rows[1:]:
            sample = self._sample(dict(zip(names, row)))
            if sample:
                samples.append(sample)
            elif row:
                bad += 1
        if bad:
            self.problems.append('clocks.csv: %d of %d rows are malformed' % (bad, len(rows) - 1))
        return samples

    def _sample(self, cells):
        stamp = cells.get('timestamp', '').strip()
        try:
            moment = datetime.datetime.strptime(stamp, '%Y/%m/%d %H:%M:%S.%f').replace(tzinfo=datetime.timezone.utc)
        except ValueError:
            return None
        sample = dict.fromkeys(self.COLUMNS.values())
        sample['time'] = moment.timestamp()
        for column, field in self.COLUMNS.items():
            match = re.match(r'\s*(0x[0-9a-fA-F]+|[0-9.]+)', cells.get(column, ''))
            if match:
                digits = match.group(1)
                try:
                    sample[field] = number(int(digits, 16) if digits.startswith('0x') else float(digits))
                except ValueError:
                    pass
        return sample
