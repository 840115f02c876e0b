"""The run's own record: what happened to it, in order, and who did it. Pure.

Entries stand in the run's row, which every commit of the run writes: so they cost no write of their own, are stored
with what they tell of or not at all, and have the order of the commits, whatever the clocks of several hosts say.

Each is a JSON text: rows are copied and checked with every commit, and texts cost the least. Times are unix
milliseconds: `{"type":"lease.taken","at":1767225600512,"by":"host-4711-9f2c61d0a7b3e845"}`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from shared import ids, json_text, layout
from shared.json_types import Json
from shared.objects.run import RunRecord
from shared.objects.run_event import LONGEST_WORD, MOST_ENTRIES, MOST_NAMED, RunEvent
from shared.paging import Known, ListQuery, NumberRange, Page, numbered_page
from shared.store.base import Record

#: Those that are kept whatever comes.
FIRST_ENTRIES: Final = MOST_ENTRIES // 2
#: Stands where entries were left out, with their `count`.
LEFT_OUT: Final = "events.left_out"
#: How entries begin of what was done outside of the store: true, even if nothing that came of it could be committed.
DONE_OUTSIDE: Final = tuple(f'{{"type":"{each}.' for each in ("turn", "call", "prompt"))
_STARTED: Final = '{"type":"call.started"'
#: Names and ids have no other characters; what models and servers call so may be anything.
_ODD: Final = re.compile(r"[^\w.:/@+-]", re.ASCII)

Value = str | int | float | bool | None | Sequence[str]


def note(record: RunRecord, at: float, kind: str, by: str | None = None, **details: Value) -> None:
    """Add an entry, which is stored by the run's next commit: `{"type", "at", "by", ...}`, without what is None.

    No details may be content: names, ids, numbers and words of ours alone. Their texts are cut.
    """
    entry: Json = {"type": kind, "at": int(1000 * at)}
    if by is not None:
        entry["by"] = _fit(by)
    for name, value in details.items():
        if value is not None:
            entry[name] = value if isinstance(value, int | float) else _fit(value)
    _add(record, written(entry))


def written(entry: Json) -> str:
    """An entry as it is kept."""
    return json_text.ascii_bytes(entry).decode("ascii")


def carry_over(record: RunRecord, ours: RunRecord, stored: int) -> None:
    """Keep what a driver did since its last commit, which had this number of entries, and could not commit."""
    behind = count(ours) - stored
    for entry in ours.history[-behind:] if behind > 0 else ():
        if entry.startswith(DONE_OUTSIDE):
            _add(record, entry)


def count(record: RunRecord) -> int:
    """How much happened, what was left out included."""
    return len(record.history) + record.history_left_out


def begun(record: RunRecord, call_id: str) -> int:
    """How often a call of the turn just taken has been begun."""
    same = {"turn": record.turns, "call_id": _word(call_id)}
    started = (json_text.read(text) for text in record.history if text.startswith(_STARTED))
    return sum(same.items() <= entry.items() for entry in started)


async def page(record: RunRecord, query: ListQuery) -> Page:
    """A page of the run's events; the records hold them as answered. Raises NotFoundError."""
    rows = [Record(event["id"], event, "") for event in events(record)]
    return await numbered_page(Known(rows), "", NumberRange(layout.EVENT, "run event", count(record)), query)


def events(record: RunRecord) -> list[Json]:
    """The run's events as answered, oldest first. An entry has its number, and so its id, for ever."""
    left_out, entries = record.history_left_out, [json_text.read(each) for each in record.history]
    found = [_event(record, number, entry) for number, entry in enumerate(entries[:FIRST_ENTRIES])]
    rest = entries[FIRST_ENTRIES:]
    if left_out:
        gap = {"type": LEFT_OUT, "at": rest[0]["at"], "count": left_out}
        found.append(_event(record, FIRST_ENTRIES, gap))
    return found + [_event(record, number, entry) for number, entry in enumerate(rest, FIRST_ENTRIES + left_out)]


def _add(record: RunRecord, entry: str) -> None:
    record.history.append(entry)
    if len(record.history) > MOST_ENTRIES:
        del record.history[FIRST_ENTRIES]
        record.history_left_out += 1


def _event(record: RunRecord, number: int, entry: Json) -> Json:
    run = record.run
    return RunEvent(
        id=ids.placed_number(layout.EVENT, number, f"{run.thread_id} {run.id}"),
        created_at=entry["at"] // 1000,
        created_at_ms=entry["at"],
        thread_id=run.thread_id,
        run_id=run.id,
        type=entry["type"],
        by=entry.get("by"),
        details={name: value for name, value in entry.items() if name not in ("type", "at", "by")},
    ).to_json()


def _fit(value: str | Sequence[str]) -> str | list[str]:
    """Texts that are words, and not too long or many."""
    if isinstance(value, str):
        return _word(value)
    return [_word(each) for each in value[:MOST_NAMED]]


def _word(text: str) -> str:
    if len(text) <= LONGEST_WORD and text.isascii() and text.isidentifier():
        return text
    return _ODD.sub("_", text[:LONGEST_WORD])
