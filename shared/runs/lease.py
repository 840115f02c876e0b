"""Who drives a run, and until when everybody else keeps away. The only module that writes a record's lease.

Pure: a lease counts from the commit that carries it. Every later commit carries the row's version, so that a driver
that lost its lease cannot write.
"""

from __future__ import annotations

import os
import socket
from functools import cache

from shared.objects.run import Lease, RunRecord


def take(record: RunRecord, now: float, seconds: float) -> str:
    """Write a new lease of so many seconds into the record; returns its holder.

    The holder is one drive, not one process (`host-4711-9f2c61d0a7b3e845`): a process that takes a run over from itself
    is another.
    """
    holder = f"{_host()}-{os.getpid()}-{os.urandom(8).hex()}"
    record.lease = Lease(holder=holder, until=now + seconds)
    return holder


@cache
def _host() -> str:
    return socket.gethostname()


def is_due(record: RunRecord, now: float, seconds: float) -> bool:
    """Whether half of a lease of so many seconds has passed, so that its holder should renew it."""
    return record.lease is not None and record.lease.until - now < seconds / 2


def renew(record: RunRecord, holder: str, until: float) -> None:
    """Let the holder go on until then (unix seconds)."""
    record.lease = Lease(holder=holder, until=until)


def release(record: RunRecord) -> None:
    """Let others have the run: nobody drives it any more."""
    record.lease = None


def is_held(record: RunRecord, now: float) -> bool:
    """Whether somebody drives the run."""
    return record.lease is not None and record.lease.until > now


def is_held_by(record: RunRecord, holder: str | None) -> bool:
    """Whether the lease is this drive's: also when it has run out, as long as nobody else took it."""
    return record.lease is not None and record.lease.holder == holder


def is_held_by_other(record: RunRecord, holder: str | None, now: float) -> bool:
    """Whether somebody else drives the run."""
    return is_held(record, now) and not is_held_by(record, holder)


def watch_until(record: RunRecord, until: float) -> None:
    """A watchdog looks at the run then (unix seconds): the newest one counts."""
    record.watched_until = until


def forget_watchdog(record: RunRecord) -> None:
    """It may have come and gone while nobody drove the run: the next lease gets one of its own."""
    record.watched_until = 0


def is_watched(record: RunRecord, now: float) -> bool:
    """Whether a watchdog is under way."""
    return record.watched_until > now
