"""Foreign kernels are measured in a process of its own. One of them may end it, have no end in it, or leave the device
unusable in it: the next process goes on behind that, with what the record (record.py) says was under way.

What asks this program to end (a time limit's SIGTERM, Ctrl-C) ends the process that measures first, and is obeyed when
that is gone and the device with it: the next stage measures alone.
"""
import os
import signal
import sys
import time
import traceback

from . import record as records

MOST_STARTS = 6
# Exit statuses of the process that measures. STUCK is that of faulthandler, which ends it where something has no end.
STUCK, GONE, BROKEN = 1, 3, 4

LATE = 'the time limit was reached'

STOPS = (signal.SIGINT, signal.SIGTERM)
AWAITED = (*STOPS, signal.SIGCHLD)


class Gone(Exception):
    """The device does not answer any more in this process."""


def start(measure):
    """The process id of a new process that ends with the status that `measure` returns."""
    child = os.fork()
    if child:
        return child
    status = BROKEN
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)
        status = measure()
    except Gone as error:
        print('the device does not answer any more: %s' % error, file=sys.stderr)
        status = GONE
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)  # what is closed in good order, CUDA for one, may hang or end otherwise


def wait_for(child):
    """(how the child ended, as waitpid has it, the signal that was obeyed or None)"""
    while True:
        received = signal.sigwait(AWAITED)
        if received in STOPS:
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1], received
        ended, how = os.waitpid(child, os.WNOHANG)
        if ended:
            # One that ends both ends the child first at times.
            stopped = os.WIFSIGNALED(how) and os.WTERMSIG(how) in STOPS
            return how, os.WTERMSIG(how) if stopped else None


def why_ended(how, seconds):
    """Why a process ended in what was under way for `seconds`, None for nothing; '' if it ended by its own will."""
    if os.WIFSIGNALED(how):
        names = {int(known): known.name for known in signal.Signals}
        return 'ended the process by ' + names.get(os.WTERMSIG(how), 'signal %d' % os.WTERMSIG(how))
    status = os.WEXITSTATUS(how)
    if status == GONE:
        return 'the device did not answer any more'
    if seconds is None:
        return ''
    if status == STUCK and seconds >= records.LONGEST_SECONDS:
        return 'had no end within %g s' % records.LONGEST_SECONDS
    return 'ended the process with status %d' % status


def run(path, deadline, measure):
    """The exit status of the program. `measure(goes_on)` writes the record at `path` and returns a status; `goes_on`
    says that an earlier process has begun."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    for count in range(MOST_STARTS):
        how, stopped = wait_for(start(lambda: measure(count > 0)))
        record = records.Record.left(path)
        if record.json['complete']:
            return 0
        if stopped:
            return 128 + stopped
        seconds = record.seconds_under_way()
        why = why_ended(how, seconds)
        if not why:
            return os.WEXITSTATUS(how)
        if seconds is not None:
            record.lose(why)
        elif not (os.WIFEXITED(how) and os.WEXITSTATUS(how) == GONE):  # that is in the record already
            record.skip('the rest', why)
            return GONE
        if deadline is not None and time.monotonic() > deadline:
            record.skip('the rest', LATE)
            return 0
    record.skip('the rest', 'the process ended too often: ' + why)
    return GONE
