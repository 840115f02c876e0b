"""What the next commit of a run writes, and which events tell of it afterwards. Pure."""

from __future__ import annotations

from collections.abc import Collection

from shared.json_types import Json
from shared.objects.run import Run, RunRecord
from shared.runs.events import Event
from shared.runs.rows import put_head, put_run
from shared.runs.tool_call_views import answered_step
from shared.store.base import EXISTING, Delete, Existing, Put


class Changes:
    """Rows and events that are collected between two commits.

    A message that was opened: rows `[run, head, message, step]`, events `[thread.run.step.created,
    thread.run.step.in_progress, thread.message.created, thread.message.in_progress]`. An object is noted as it is then.
    """

    def __init__(self, include: Collection[str] | None) -> None:
        """`include` is what a listener asked to be told besides (`include[]`); None: no events are noted."""
        self._include = include
        #: Whether the run ends, so that its thread is free.
        self.ends = False
        self._puts: dict[str, Json] = {}
        self._deletes: list[str] = []
        self._stored: set[str] = set()
        self._events: list[Event] = []

    def has_stored(self, key: str) -> None:
        """There is a row of that key: a put replaces it."""
        self._stored.add(key)

    def put(self, key: str, data: Json) -> None:
        """Write a row, in place of what was to be written under that key."""
        self._puts[key] = data

    def delete(self, *keys: str | None) -> None:
        """Remove rows, where a key is given."""
        self._deletes.extend(key for key in keys if key is not None)

    def note(self, names: Collection[str], thing: Run | Json) -> None:
        """Tell of the run, or of a step or message as it is in its row, under each of the names."""
        if self._include is not None and names:
            data = thing.to_json() if isinstance(thing, Run) else thing
            if data["object"] == "thread.run.step":
                data = answered_step(data, self._include)
            self._events += [Event(name, data) for name in names]

    def rows(
        self, record: RunRecord, version: str | None, head: str | Existing | None = EXISTING
    ) -> list[Put | Delete]:
        """The commit: first the run's row, which must have this version (None: is new); then the `head`, likewise."""
        rows: list[Put | Delete] = [put_run(record, version)]
        changes_head = version is None or self._puts or self.ends
        if changes_head and not record.is_in_line:  # else another run has the thread
            rows.append(put_head(record, head, over=self.ends))
        for key, data in self._puts.items():
            rows.append(Put(key, data, EXISTING if key in self._stored else None))
        rows += [Delete(key) for key in self._deletes]
        return rows

    def committed(self) -> list[Event]:
        """The rows are stored: forget them, and return the events."""
        self._stored.update(self._puts)
        self._puts.clear()
        self._deletes.clear()
        return self.events()

    def events(self) -> list[Event]:
        """The events so far, which are about what is stored: forget them."""
        events, self._events = self._events, []
        return events
