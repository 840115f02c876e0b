"""Where arriving objects are put: their rows, under keys in the order of their creation. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from shared import foreign_ids, ids, layout
from shared.json_types import Json
from shared.moving.function_calls import CalledFunction, function_of
from shared.moving.lost import Lost
from shared.moving.values import ThreadContents
from shared.objects.message import Message
from shared.objects.run import RunRecord
from shared.objects.step import RunStep, StepRecord
from shared.objects.thread import Counters, Head
from shared.runs import history
from shared.store.base import Put

#: Seconds between an id of ours and its object's `created_at`: uploads have theirs beforehand.
APART: Final = 3700
#: Numbers that deleted objects may have left free between two of ours.
GAP: Final = 10_000


@dataclass(frozen=True, slots=True)
class Placed:
    """An object's row, and the alias that leads to it unless its id is its key."""

    identifier: str
    row: Put
    #: The object in the row, as clients see it: what is compared when the id exists already.
    shown: Json

    @property
    def changes(self) -> list[Put]:
        """What to commit."""
        if self.row.key == self.identifier:
            return [self.row]
        return [self.row, foreign_ids.alias(self.identifier, self.row.key)]


@dataclass(frozen=True, slots=True)
class PlacedThread:
    """A thread's entry in the index, what is in it, and the rows that make it a thread, which come last."""

    thread_id: str
    entry: Placed
    inside: Sequence[Placed]
    thread: Put
    head: Put


def in_collection(prefix: str, shown: Json, order: int, data: Json | None = None) -> Placed:
    """A row of an owner's collection; `order` is the object's place among those of the same second."""
    identifier, created = shown["id"], shown["created_at"]
    key = identifier
    if not _is_ours_of(identifier, created):
        made = created * ids.MICROS + order
        if prefix == layout.VECTOR_STORE:
            key = ids.placed_hex(prefix, made, identifier)
        else:
            key = ids.placed(prefix, made, identifier, ids.FILE_LENGTH if prefix == layout.FILE else ids.LENGTH)
    due = shown.get("expires_at") if prefix == layout.FILE else None
    return Placed(identifier, Put(key, shown if data is None else data, due=due), shown)


def thread_rows(owner: str, talk: ThreadContents, order: int) -> PlacedThread:
    """A thread's rows. Raises Lost for ids that could be mistaken for others of the thread."""
    thread = talk.thread.to_json()
    entry = in_collection(layout.THREAD, thread, order, {"id": talk.thread.id})
    numbered = [*_numbered(layout.MESSAGE, [each.id for each in talk.messages])]
    places = dict(zip((each.id for each in talk.messages), (number for number, _ in numbered), strict=True))
    head = Head(next=Counters(message=1 + max(places.values(), default=-1)))
    rows = [
        Placed(message.id, Put(key, message.to_json()), message.to_json())
        for message, (_, key) in zip(talk.messages, numbered, strict=True)
    ]
    step_ids = [step.id for run in talk.runs for step in talk.steps[run.id]]
    step_places = dict(zip(step_ids, _numbered(layout.STEP, step_ids), strict=True))
    run_places = _numbered(layout.RUN, [each.id for each in talk.runs])
    for run, (run_number, run_key) in zip(talk.runs, run_places, strict=True):
        begun = _first_of_run(talk, run.id, run.created_at, places)
        first = Counters(message=begun, run=run_number + 1, step=head.next.step)
        for step in talk.steps[run.id]:
            number, key = step_places[step.id]
            head.next.step = number + 1
            kept = StepRecord(step=step, position=_position(talk.messages, step, places, head.next.message))
            kept.items, kept.outputs = _calls(step)
            head.calls = head.calls or bool(kept.items)
            rows.append(Placed(step.id, Put(key, kept.to_json()), step.to_json()))
        head.next.run = run_number + 1
        written = [places[each.id] + 1 for each in talk.messages if each.run_id == run.id]
        behind = head.next.replace(message=max(written, default=begun))
        record = RunRecord(run=run, owner=owner, first=first, next=behind, calls=head.calls)
        record.stored_as = None if run_key == run.id else run_key
        _bring_history(record, talk)
        rows.append(Placed(run.id, Put(run_key, record.to_json()), run.to_json()))
    return PlacedThread(
        talk.thread.id, entry, rows, Put(layout.THREAD_KEY, thread), Put(layout.HEAD_KEY, head.to_json())
    )


def _bring_history(record: RunRecord, talk: ThreadContents) -> None:
    """Give the run its own record, if it had one where it was."""
    brought = talk.histories.get(record.run.id)
    if brought is not None:
        record.history = [history.written(each.to_json()) for each in brought.entries]
        record.history_left_out = brought.left_out


def _is_ours_of(identifier: str, created: int) -> bool:
    """Whether an id is one of ours of that time, and so the key it would get."""
    tail = identifier[max(identifier.find("_"), identifier.find("-")) + 1 :]
    if not tail.isalnum() or identifier.startswith(layout.FOREIGN_FILE) or not ids.may_be_ours(identifier):
        return False
    return -2 <= created - ids.micros_of(identifier) / ids.MICROS <= APART


def _numbered(prefix: str, identifiers: Iterable[str]) -> Iterable[tuple[int, str]]:
    """Number and key of each: ids of ours that are in order stay keys. Raises Lost."""
    following = 0
    seen = set()
    for identifier in identifiers:
        if identifier in seen:
            raise Lost(f"{identifier} comes twice")
        seen.add(identifier)
        if ids.is_number_below(identifier, following):
            raise Lost(f"{identifier} cannot be told from the id of another place in the thread")
        if ids.is_number_below(identifier, following + GAP):
            number, key = ids.number_of(identifier), identifier
        else:
            number, key = following, ids.placed_number(prefix, following, identifier)
        following = number + 1
        yield number, key


def _first_of_run(talk: ThreadContents, run_id: str, created_at: int, places: dict[str, int]) -> int:
    """The number that the next message had when the run began."""
    for message in talk.messages:
        if message.run_id == run_id or message.created_at > created_at:
            return places[message.id]
    return 1 + max(places.values(), default=-1)


def _position(messages: Sequence[Message], step: RunStep, places: dict[str, int], end: int) -> int:
    """The number of the message before which the model reads the step's calls."""
    for message in messages:
        own = message.run_id == step.run_id and message.created_at >= step.created_at
        if own or message.created_at > step.created_at:
            return places[message.id]
    return end


def _calls(step: RunStep) -> tuple[list[Json], dict[str, str]]:
    """The step's calls as later prompts show them, with their outputs."""
    items: list[Json] = []
    outputs: dict[str, str] = {}
    for call in step.step_details.get("tool_calls") or ():
        match call:
            case {"id": str(call_id), "type": "code_interpreter", "code_interpreter": {"input": str(code)} as of}:
                logs = [each.get("logs") for each in of.get("outputs") or () if each.get("type") == "logs"]
                printed = "\n".join(each for each in logs if each and isinstance(each, str))
                made = CalledFunction("code_interpreter", json.dumps({"code": code}), printed)
            case {"id": str(call_id)} if (found := function_of(call)) is not None:
                made = found
            case _:
                continue
        items.append({"type": "function_call", "call_id": call_id, "name": made.name, "arguments": made.arguments})
        if made.output is not None:
            outputs[call_id] = made.output
    return items, outputs
