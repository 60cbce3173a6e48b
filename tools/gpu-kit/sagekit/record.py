"""peers.json: written whole under a temporary name and renamed, so that a process that ends at any moment has left what
it had. What is under way is in it too: a process that goes on behind one that ended knows what ended it. What has no
end within LONGEST_SECONDS ends the process.
"""
import datetime
import faulthandler
import json
import os
import sys
import time

LONGEST_SECONDS = 40  # for one case, or one import, with all that is compiled in it


class Record:
    def __init__(self, path):
        self.path = path
        now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
        self.json = {'format': 1, 'program': 'peers', 'date': now, 'device': {'name': None, 'arch': None},
                     'versions': {'python': sys.version.split()[0]}, 'complete': False, 'cases': [], 'gemm': [],
                     'skipped': []}

    @staticmethod
    def left(path):
        """The record that an earlier process has left."""
        record = Record(path)
        with open(path, encoding='utf-8') as file:
            record.json = json.load(file)
        return record

    def skip(self, peer, reason):
        """Once for each reason."""
        entry = {'peer': peer, 'reason': str(reason)[:500]}
        if entry not in self.json['skipped']:
            print('%s: skipped: %s' % (peer, reason), file=sys.stderr, flush=True)
            self.json['skipped'].append(entry)
            self.save()

    def begin(self, part, entry):
        """`entry`: what belongs into `part` (cases, skipped) should the process end before the next `add` or `end`."""
        self.json['running'] = {'part': part, 'entry': entry, 'began': time.time()}
        self.save()
        # Works whatever Python waits for, and says where that is. The exit status is 1.
        faulthandler.dump_traceback_later(LONGEST_SECONDS, exit=True)

    def add(self, part, entry):
        self.json[part].append(entry)
        self.end()

    def end(self):
        """Nothing that was begun is under way."""
        faulthandler.cancel_dump_traceback_later()
        self.json.pop('running', None)
        self.save()

    def has_skipped(self, peer):
        return any(entry['peer'] == peer for entry in self.json['skipped'])

    def seconds_under_way(self):
        """How long ago what is under way was begun; None where nothing is."""
        running = self.json.get('running')
        return round(time.time() - running['began'], 3) if running else None

    def lose(self, reason):
        """Records what the process that ended was about, which is something."""
        running = self.json['running']
        entry = dict(running['entry'], reason=reason)
        if running['part'] == 'cases':
            entry['seconds'] = self.seconds_under_way()
        self.add(running['part'], entry)

    def save(self):
        temporary = self.path + '.tmp'
        with open(temporary, 'w', encoding='utf-8') as file:
            json.dump(finite(self.json), file, indent=1, allow_nan=False)
            file.write('\n')
        os.replace(temporary, self.path)

    def finish(self):
        self.json['complete'] = True
        self.save()


def finite(value):
    """NaN and infinities become null, as in the files of the other programs."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    return [finite(v) for v in value] if isinstance(value, list) else value
