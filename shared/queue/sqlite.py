"""A queue in the same SQLite file as the store. A send wakes receivers that hear of it at once, others by a poll.

A receiver that waits knows when the next message will be visible, and looks then.
"""

from __future__ import annotations

import math
import secrets
import sqlite3
import time
from collections.abc import Collection
from functools import partial
from typing import Any, Final

from shared import json_text
from shared.json_types import Json
from shared.prepared import Prepared
from shared.prepared_job import PreparedJob
from shared.queue.base import PEEKED, Poison, PoisonMessage, QueueUnavailable, Received, Sent, encode_body
from shared.sqlite import Database
from shared.wakes import Wakes

#: How long a message can go unnoticed of a process that tells nobody of it.
POLL_SECONDS: Final = 0.25

NEXT: Final = "SELECT min(visible) FROM messages WHERE queue = ?"
TAKE: Final = (
    "UPDATE messages SET visible = ?, attempts = attempts + 1 WHERE id IN ("
    "SELECT id FROM messages WHERE queue = ? AND visible <= ? ORDER BY visible LIMIT ?"
    ") RETURNING id, body, attempts"
)

#: Queue, body, and when it is visible.
Row = tuple[str, str, float]


class SqliteQueue:
    """One named `Queue` in the table `messages`.

    The handle is (message id, attempt): whoever takes the message later has another attempt.
    """

    def __init__(
        self, database: Database, name: str, wakes: Wakes | None = None, poll_seconds: float = POLL_SECONDS
    ) -> None:
        self._database = database
        self._name = name
        self._wakes = Wakes() if wakes is None else wakes
        self._poll_seconds = poll_seconds

    async def send(self, body: Json, delay: float = 0) -> Sent:
        """Store a message that can be received after `delay` seconds."""
        sent = await self._database.write(partial(_insert, self._row(body, delay)), QueueUnavailable)
        self._call(delay)
        return sent

    def prepare(self, body: Json, delay: float, spare: Sent | None = None) -> Prepared[Sent]:
        """A message for the transaction of a commit: nobody is woken for it."""
        row = self._row(body, delay)
        job = partial(_insert, row) if spare is None else partial(_replace, spare, row)
        return PreparedJob(self._database, job, QueueUnavailable)

    def _row(self, body: Json, delay: float) -> Row:
        return (self._name, encode_body(body), time.time() + delay)

    async def receive(self, limit: int, visibility: float, wait: float) -> list[Received]:
        """Take visible messages, the longest visible first."""
        end = time.monotonic() + wait
        with self._wakes.listening(self._wake) as ear:
            while True:
                # A look first: an empty queue must not cost the write lock.
                pause = await self._until_next()
                taken = await self._take(limit, visibility) if pause <= 0 else []
                left = end - time.monotonic()
                if taken or left <= 0:
                    return taken
                await ear.listen(min(left, self._poll_seconds, max(0.0, pause)))

    async def delete(self, message: Received | Sent) -> None:
        """Remove the message unless somebody else has taken it meanwhile."""
        await self._execute("DELETE FROM messages WHERE id = ? AND attempts = ?", message.handle)

    async def retry(self, message: Received, delay: float) -> None:
        """Make the message visible after `delay` seconds."""
        row = (time.time() + delay, *message.handle)
        await self._execute("UPDATE messages SET visible = ? WHERE id = ? AND attempts = ?", row)
        self._call(delay)

    async def count(self) -> int:
        """How many messages there are, hidden ones included."""
        query = "SELECT count(*) FROM messages WHERE queue = ?"
        row = await self._database.read(lambda file: file.execute(query, (self._name,)).fetchone(), QueueUnavailable)
        return int(row[0])

    async def poison(self) -> Poison:
        """Nothing: what fails too often is dealt with at once here, and nobody else writes into this file."""
        return Poison()

    async def poison_messages(self, limit: int = PEEKED) -> list[PoisonMessage]:
        """Always empty: see `poison`."""
        return []

    async def settle_poison(self, ids: Collection[str] | None, *, give_back: bool) -> list[str]:
        """There is none, as above."""
        return []

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()

    @property
    def _wake(self) -> str:
        return f"queue {self._name}"

    def _call(self, delay: float) -> None:
        """Wake receivers, if there is something for them before they look by themselves."""
        if delay < self._poll_seconds:
            self._wakes.call(self._wake)

    async def _until_next(self) -> float:
        """Seconds until a message is visible."""
        row = await self._database.read(lambda file: file.execute(NEXT, (self._name,)).fetchone(), QueueUnavailable)
        return math.inf if row[0] is None else float(row[0]) - time.time()

    async def _take(self, limit: int, visibility: float) -> list[Received]:
        now = time.time()
        taken = (now + visibility, self._name, now, limit)
        rows = await self._database.write(lambda file: file.execute(TAKE, taken).fetchall(), QueueUnavailable)
        return [Received(_body(body), attempts, (id_, attempts)) for id_, body, attempts in rows]

    async def _execute(self, statement: str, row: tuple[Any, ...]) -> None:
        await self._database.write(lambda file: file.execute(statement, row), QueueUnavailable)


def _body(text: str) -> Json:
    try:
        body = json_text.read(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _insert(row: Row, file: sqlite3.Connection) -> Sent:
    # A random id is never used twice, so a late delete cannot hit a younger message.
    id_ = secrets.randbits(62)
    file.execute("INSERT INTO messages (id, queue, body, visible) VALUES (?, ?, ?, ?)", (id_, *row))
    return Sent((id_, 0))


def _replace(spare: Sent, row: Row, file: sqlite3.Connection) -> Sent:
    """Change the message's row, if nobody has taken it."""
    _, body, visible = row
    update = "UPDATE messages SET body = ?, visible = ? WHERE id = ? AND attempts = ?"
    return spare if file.execute(update, (body, visible, *spare.handle)).rowcount else _insert(row, file)
