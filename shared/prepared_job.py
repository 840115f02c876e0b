"""Prepared writes into a SQLite file, which a commit in the same file makes in its own transaction."""

from __future__ import annotations

import sqlite3
from typing import Any

from shared.prepared import Earlier, Prepared, T
from shared.sqlite import Database, Job


class PreparedJob(Prepared[T]):
    """A job that another one of the same file can take along."""

    def __init__(self, file: Database, job: Job[T], failure: type[Exception]) -> None:
        super().__init__(lambda: file.write(job, failure))
        self.file, self._job = file, job

    def join(self, connection: sqlite3.Connection) -> None:
        """Make it in the transaction that is open: with that, it is undone."""
        self.outcome = self._job(connection)


async def joining(file: Database, earlier: Earlier) -> list[PreparedJob[Any]]:
    """What can be made in a transaction of the file; all else is made by itself, now."""
    found = []
    for each in earlier:
        if isinstance(each, PreparedJob) and each.file is file and not each.is_made:
            found.append(each)
        else:
            await each.make()
    return found
