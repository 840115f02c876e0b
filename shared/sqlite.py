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
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from shared import write_ahead_log
from shared.home import make_private, make_private_file, passable
from shared.layout import FORMAT
from shared.write_ahead_log import is_locked

logger = logging.getLogger(__name__)

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

#: Seconds that the patient connection waits for a lock that another process holds.
LOCK_TIMEOUT: Final = 15.0

#: Seconds after which writes that meet another's lock are tried again, and how often before they go to the thread.
RETRY_SECONDS: Final = 0.001
TRIES: Final = 50

#: Transactions after which the thread brings the write-ahead log into the file: some 1,000 pages.
CHECKPOINT_AFTER: Final = 200
#: Bytes up to which a database is checked when it is opened.
CHECKED_BYTES: Final = 512 * 2**20

#: The file's format, as `PRAGMA user_version` tells it; 0 is what version 0.1 wrote, which is the same.
MAJOR: Final = int(FORMAT.partition(".")[0])

#: Newer threads' ids sort before older ones. Backwards, their rows are behind those in the index and touch fewer pages;
#: files of earlier versions keep their order.
SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS records (partition TEXT NOT NULL, key TEXT NOT NULL, data TEXT NOT NULL,"
    " version INTEGER NOT NULL, due INTEGER, PRIMARY KEY (partition DESC, key))",
    "CREATE INDEX IF NOT EXISTS records_due ON records (due) WHERE due IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, queue TEXT NOT NULL, body TEXT NOT NULL,"
    " visible REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0)",
    "CREATE INDEX IF NOT EXISTS messages_visible ON messages (queue, visible)",
)


class Database:
    """A job runs at once on the event loop's own connection, which never waits for a lock.

    That takes tens of microseconds, a hop to a thread ten times as long. While another process holds the lock, writes
    are tried again, together with what comes meanwhile; when that takes long, they move to a thread with a connection
    that waits, and so does a large one: the event loop is never held up. Writes of the same moment share a transaction,
    whose beginning and end take longer than they do. For one event loop only.
    """

    def __init__(
        self,
        path: Path,
        *,
        lock_timeout: float = LOCK_TIMEOUT,
        checked_bytes: int = CHECKED_BYTES,
        long_log: int = write_ahead_log.LONG_LOG,
    ) -> None:
        make_private(path.parent, passable())
        make_private_file(path)  # its journals get the same rights
        _check(path, lock_timeout, checked_bytes)
        self._patient = _connect(path, lock_timeout)
        self._eager = _connect(path, 0)
        self._eager.execute(f"PRAGMA wal_autocheckpoint = {write_ahead_log.LONGEST_LOG}")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
        self._closed, self._long_log = False, long_log
        #: The writes of this moment, and who waits for what comes of them.
        self._writes: list[tuple[Job[Any], asyncio.Future[Any]]] = []
        #: How often these writes have met another's lock.
        self._tries = 0
        #: Since the last checkpoint.
        self._transactions = 0

    async def read(self, job: Job[T], failure: type[Exception]) -> T:
        """Run a job that reads, by one statement; what SQLite refuses is raised as `failure`."""
        try:
            try:
                return job(self._eager)
            except sqlite3.OperationalError as error:
                if not is_locked(error):
                    raise
            return await self._in_thread(job)
        except sqlite3.Error as error:
            raise failure(str(error)) from error

    async def write(self, job: Job[T], failure: type[Exception], *, large: bool = False) -> T:
        """Run a job within a transaction; it counts as done after the COMMIT. What it raises undoes it, and no other.

        What SQLite refuses is raised as `failure`. A `large` job writes megabytes and goes to the thread.
        """
        if large:
            [outcome] = await self._in_thread(partial(_together, [job]))
        else:
            outcome = await self._with_others(job)
        if isinstance(outcome, sqlite3.Error):
            raise failure(str(outcome)) from outcome
        if isinstance(outcome, Exception):
            raise outcome
        done: T = outcome
        return done

    async def scrub(self, rewrite_up_to: float, failure: type[Exception]) -> bool:
        """Overwrite what is left of deleted rows; rewrite a file of so many bytes at most. Whether all of it is gone.

        Others that read or write for long, such as a backup, keep it from that for now.
        """
        try:
            return await self._in_thread(lambda file: write_ahead_log.scrub(file, rewrite_up_to))
        except sqlite3.Error as error:
            raise failure(str(error)) from error

    async def close(self) -> None:
        """Finish what the thread is doing and close the file; closing twice is no error."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown)
        self._eager.close()
        self._patient.close()

    def _in_thread(self, job: Job[T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, job, self._patient)

    def _with_others(self, job: Job[Any]) -> asyncio.Future[Any]:
        """What comes of the job: a result, or an error as a value."""
        loop = asyncio.get_running_loop()
        if not self._writes:
            loop.call_soon(self._write)
        told = loop.create_future()
        self._writes.append((job, told))
        return told

    def _write(self) -> None:
        """Carry out the writes of this moment."""
        writes, self._writes = self._writes, []
        jobs, waiting = [job for job, _ in writes], [told for _, told in writes]
        outcomes = _together(jobs, self._eager)
        if is_locked(outcomes[0]) and not self._closed:
            if self._tries < TRIES:
                self._tries += 1
                self._writes = writes
                asyncio.get_running_loop().call_later(RETRY_SECONDS, self._write)
                return
            self._tries = 0
            self._in_thread(partial(_together, jobs)).add_done_callback(lambda done: _tell(waiting, done.result()))
            return
        self._tries = 0
        _tell(waiting, outcomes)
        self._transactions += 1
        if self._transactions >= CHECKPOINT_AFTER and not self._closed:
            self._transactions = 0
            self._thread.submit(write_ahead_log.bring_in, self._patient, self._long_log)


def _together(jobs: Sequence[Job[Any]], file: sqlite3.Connection) -> list[Any]:
    """What came of each job in one transaction: its result, or the error.

    Savepoints take time, and jobs that fail are few: only then all are begun anew, each apart.
    """
    try:
        with transaction(file):
            return [job(file) for job in jobs]
    except Exception as error:
        if len(jobs) == 1 or is_locked(error):
            return [error] * len(jobs)
    try:
        with transaction(file):
            return [_apart(job, file) for job in jobs]
    except Exception as error:
        return [error] * len(jobs)


def _apart(job: Job[Any], file: sqlite3.Connection) -> Any:
    """What came of one job among others. Raises what ends the transaction of all, such as a full disk."""
    file.execute("SAVEPOINT job")
    try:
        outcome = job(file)
    except Exception as error:
        if not file.in_transaction:
            raise
        outcome = error
        file.execute("ROLLBACK TO job")
    file.execute("RELEASE job")
    return outcome


def _tell(waiting: Sequence[asyncio.Future[Any]], outcomes: Sequence[Any]) -> None:
    for told, outcome in zip(waiting, outcomes, strict=True):
        if not told.done():
            told.set_result(outcome)


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


def transaction(connection: sqlite3.Connection) -> AbstractContextManager[object]:
    """Take the write lock; the block ends with a commit, or rolls back when it raises."""
    connection.execute("BEGIN IMMEDIATE")
    return connection


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


def _retry(attempt: Callable[[], object]) -> None:
    """Repeat while another process that is starting up holds the lock."""
    end = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            attempt()
            return
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() > end:
                raise
        time.sleep(0.01)
