"""One SQLite file as the embedded host's database: the store and the queues share it, and so may several processes.

A commit here survives the death of the process (WAL, written before the answer); `synchronous=NORMAL` lets a power cut
take the last few. What is deleted or replaced is overwritten with zeros (`secure_delete`); `scrub` reaches what that
leaves: copies in the write-ahead log, and those that SQLite makes when it moves rows between pages.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, TypeVar

from shared.home import make_private, make_private_file, passable
from shared.layout import FORMAT

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds that the patient connection waits for a lock that another process holds.
LOCK_TIMEOUT: Final = 15.0

#: Seconds that a scrub waits for others; meanwhile nobody writes.
SCRUB_TIMEOUT: Final = 2.0

#: Bytes up to which a database is checked when it is opened.
CHECKED_BYTES: Final = 512 * 2**20

#: The file's format, as `PRAGMA user_version` tells it; 0 is what version 0.1 wrote, which is the same.
MAJOR: Final = int(FORMAT.partition(".")[0])

SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS records (partition TEXT NOT NULL, key TEXT NOT NULL, data TEXT NOT NULL,"
    " version INTEGER NOT NULL, due INTEGER, PRIMARY KEY (partition, key))",
    "CREATE INDEX IF NOT EXISTS records_due ON records (due) WHERE due IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, queue TEXT NOT NULL, body TEXT NOT NULL,"
    " visible REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0)",
    "CREATE INDEX IF NOT EXISTS messages_visible ON messages (queue, visible)",
)


class Database:
    """A job runs at once on the event loop's own connection, which never waits for a lock.

    That takes tens of microseconds, a hop to a thread ten times as long. When another process holds the lock, the job
    moves to a thread with a connection that waits, and so does a large one: the event loop is never held up. For one
    event loop only.
    """

    def __init__(self, path: Path, *, lock_timeout: float = LOCK_TIMEOUT, checked_bytes: int = CHECKED_BYTES) -> None:
        make_private(path.parent, passable())
        make_private_file(path)  # its journals get the same rights
        _check(path, lock_timeout, checked_bytes)
        self._patient = _connect(path, lock_timeout)
        self._eager = _connect(path, 0)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
        self._closed = False

    async def run(self, job: Callable[[sqlite3.Connection], T], failure: type[Exception], *, large: bool = False) -> T:
        """Run the job, which must be one statement or one `transaction`; what SQLite refuses is raised as `failure`.

        A `large` one writes megabytes and goes to the thread.
        """
        try:
            try:
                if not large:
                    return job(self._eager)
            except sqlite3.OperationalError as error:
                if not _locked(error):
                    raise
            return await asyncio.get_running_loop().run_in_executor(self._thread, job, self._patient)
        except sqlite3.Error as error:
            raise failure(str(error)) from error

    async def scrub(self, rewrite_up_to: float, failure: type[Exception]) -> bool:
        """Overwrite what is left of deleted rows; rewrite a file of so many bytes at most. Whether all of it is gone.

        Others that read or write for long, such as a backup, keep it from that for now.
        """
        return await self.run(lambda file: _scrub(file, rewrite_up_to), failure, large=True)

    async def close(self) -> None:
        """Finish what the thread is doing and close the file; closing twice is no error."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown)
        self._eager.close()
        self._patient.close()


def _check(path: Path, timeout: float, checked_bytes: int) -> None:
    """Refuse a file of a later major format, one that was emptied, and one with damage, unless looking would take long.

    Raises sqlite3.DatabaseError.
    """
    size = path.stat().st_size
    if size == 0 and any((path.parent / "blobs").glob("*")):
        raise sqlite3.DatabaseError(f"{path.name} is empty although there are files of a box beside it")
    with closing(sqlite3.connect(path, timeout=timeout)) as connection:
        written = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if written > MAJOR:
        raise sqlite3.DatabaseError(f"{path.name} is of format {written}; this version reads {MAJOR}: upgrade it")
    if size > checked_bytes:
        words = "%s has %d MB and is not checked for damage at start"
        logger.warning(words, path, size // 2**20, extra={"action": "database_unchecked"})
        return
    with closing(sqlite3.connect(path, timeout=timeout)) as connection:
        found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    if found != "ok":
        raise sqlite3.DatabaseError(f"{path.name} is damaged: {' '.join(found.split())}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Take the write lock, then commit, or roll back when the block raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _connect(path: Path, timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
    # Only the first process ever really switches; SQLite does not wait for the lock that this one statement needs.
    _retry(lambda: connection.execute("PRAGMA journal_mode=WAL"))
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA secure_delete=ON")
    if timeout > 0:
        is_new = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        with transaction(connection):
            if is_new:
                connection.execute(f"PRAGMA user_version = {MAJOR}")
            for statement in SCHEMA:
                connection.execute(statement)
    return connection


def _scrub(file: sqlite3.Connection, rewrite_up_to: float) -> bool:
    pages, size = (file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    rewritten = pages * size <= rewrite_up_to
    [[patience]] = file.execute("PRAGMA busy_timeout").fetchall()
    file.execute(f"PRAGMA busy_timeout = {int(SCRUB_TIMEOUT * 1000)}")
    try:
        if rewritten:
            file.execute("VACUUM")
        # The log is emptied only when its pages are in the file, and everybody has done with it.
        [[busy, _, _]] = file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError as error:
        if not _locked(error):
            raise
        return False
    finally:
        file.execute(f"PRAGMA busy_timeout = {patience}")
    return rewritten and not busy


def _retry(attempt: Callable[[], object]) -> None:
    """Repeat while another process that is starting up holds the lock."""
    end = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            attempt()
            return
        except sqlite3.OperationalError as error:
            if not _locked(error) or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _locked(error: sqlite3.OperationalError) -> bool:
    """Whether somebody else held a lock; extended codes keep the primary one in their low byte."""
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
