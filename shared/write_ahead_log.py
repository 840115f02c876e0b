"""The write-ahead log of the embedded host's database: its way into the file, from time to time or at once."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

logger = logging.getLogger(__name__)

#: Pages of a log from which on nobody writes while it is brought in: else there is always more of it, and it grows.
LONG_LOG: Final = 10_000
#: Seconds that this waits for others, who do not write meanwhile: next time they may be quicker.
LONG_LOG_TIMEOUT: Final = 0.05
#: Pages of a log that the event loop brings in itself: somebody reads for very long, or writes a lot.
LONGEST_LOG: Final = 4 * LONG_LOG

#: Seconds that a scrub waits for others; meanwhile nobody writes.
SCRUB_TIMEOUT: Final = 2.0


def bring_in(file: sqlite3.Connection, long: int) -> None:
    """Bring the log into the file, which waits for the disk; others may write meanwhile, unless it has `long` pages."""
    try:
        [[_, pages, _]] = file.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        if pages > long:
            with _waiting(file, LONG_LOG_TIMEOUT):
                file.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    except sqlite3.Error:
        logger.warning("checkpoint failed", extra={"action": "checkpoint_failed"}, exc_info=True)


def scrub(file: sqlite3.Connection, rewrite_up_to: float) -> bool:
    """Empty the log, and rewrite a file of so many bytes at most. Whether nothing is left of deleted rows."""
    pages, size = (file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    rewritten = pages * size <= rewrite_up_to
    try:
        with _waiting(file, SCRUB_TIMEOUT):
            if rewritten:
                file.execute("VACUUM")
            # The log is emptied only when its pages are in the file, and everybody has done with it.
            [[busy, _, _]] = file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError as error:
        if not is_locked(error):
            raise
        return False
    return rewritten and not busy


@contextmanager
def _waiting(file: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """In the block the connection waits for so long for others."""
    [[patience]] = file.execute("PRAGMA busy_timeout").fetchall()
    file.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
    try:
        yield
    finally:
        file.execute(f"PRAGMA busy_timeout = {patience}")


def is_locked(error: object) -> bool:
    """Whether somebody else held a lock; extended codes keep the primary one in their low byte."""
    held = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in held
