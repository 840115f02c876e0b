"""Objects as they arrive, brought into the form in which the box keeps them. Pure: the same input gives the same rows.

What an object lacks gets the default, what the box does not know stays. Nothing arrives open: a run that was not over,
and what it had not finished, is `expired`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from shared import ids, layout
from shared.json_types import Json
from shared.moving import shapes
from shared.moving.lost import Lost
from shared.objects.assistant import Assistant
from shared.objects.described import model_of
from shared.objects.file import File
from shared.objects.message import Message
from shared.objects.run import Run
from shared.objects.run_event import History
from shared.objects.step import RunStep
from shared.objects.stored import ApiObject
from shared.objects.thread import Thread
from shared.objects.vector_store import FileBatch, VectorStore
from shared.runs import lifecycle

Kind = TypeVar("Kind", bound=ApiObject)

#: How ids of a kind begin.
PREFIXES: Final[Mapping[type[ApiObject], tuple[str, ...]]] = {
    Assistant: (layout.ASSISTANT,),
    Thread: (layout.THREAD,),
    Message: (layout.MESSAGE,),
    Run: (layout.RUN,),
    RunStep: (layout.STEP,),
    File: (layout.FILE, layout.FOREIGN_FILE),
    VectorStore: (layout.VECTOR_STORE,),
    FileBatch: (layout.BATCH,),
}
#: The latest time, in unix seconds, that an object may have been made at, or end: ids and columns have room for that.
LATEST: Final = ids.LAST_MICROS // ids.MICROS - 1
#: What the box reckons with.
TIMES: Final = ("created_at", "last_active_at", "expires_at")
_HISTORIES: Final = TypeAdapter(dict[str, History])
EXPIRED: Final = {"reason": "run_expired"}


@dataclass(frozen=True, slots=True)
class ThreadContents:
    """A thread with all that is in it, oldest first; steps by the id of their run."""

    thread: Thread
    messages: Sequence[Message]
    runs: Sequence[Run]
    steps: Mapping[str, Sequence[RunStep]]
    #: What happened to runs, by their ids: of those that a box had.
    histories: Mapping[str, History]


def read(kind: type[Kind], data: Json) -> Kind:
    """The object in our form. Raises Lost."""
    model = model_of(kind)
    fields = model.model_fields
    known = {
        name: value
        for name, value in data.items()
        if value is not None
        or name not in fields
        or fields[name].is_required()
        or fields[name].get_default(call_default_factory=True) is None
    }
    try:
        made = kind.from_json(model.model_validate(known).model_dump(mode="json"))
    except ValidationError as error:
        first = error.errors()[0]
        raise Lost(f"{'.'.join(str(each) for each in first['loc'])}: {first['msg']}") from error
    if not _id(made).startswith(PREFIXES[kind]) or not ids.is_key(_id(made)):
        raise Lost("its id cannot be kept")
    for name in TIMES:
        if (time := getattr(made, name, None)) is not None and not 0 <= time <= LATEST:
            raise Lost(f"its {name} is no time in unix seconds")
    return made


def assistant(data: Json) -> Json:
    """An assistant as stored. Raises Lost."""
    return read(Assistant, shapes.response_format(shapes.tools(data))).to_json()


def file(data: Json) -> Json:
    """A file as stored. Raises Lost."""
    return read(File, data).to_json()


def contents(bundle: Json) -> ThreadContents:
    """A thread with its messages, and its runs with their steps, as they were listed. Raises Lost."""
    if not isinstance(bundle.get("thread"), dict):
        raise Lost("the thread itself is missing")
    thread = read(Thread, shapes.tools(bundle["thread"]))
    listed = shapes.objects(bundle, "runs")
    runs = oldest_first([read(Run, _with_assistant(_without_steps(shapes.tools(each)))) for each in listed])
    steps = {
        each["id"]: oldest_first(
            [read(RunStep, _with_assistant(shapes.step(step))) for step in shapes.objects(each, "steps")]
        )
        for each in listed
    }
    messages = oldest_first([read(Message, shapes.message(each)) for each in shapes.objects(bundle, "messages")])
    inside: list[Message | Run | RunStep] = [*messages, *runs, *(step for some in steps.values() for step in some)]
    strays = [each.id for each in inside if each.thread_id != thread.id]
    if strays:
        raise Lost(f"{strays[0]} is of another thread")
    _close(messages, runs, steps)
    return ThreadContents(thread, messages, runs, steps, _histories(bundle))


def _histories(bundle: Json) -> dict[str, History]:
    """The runs' own records, as `export` writes them. Raises Lost."""
    try:
        return _HISTORIES.validate_python(bundle.get("histories") or {})
    except ValidationError as error:
        first = error.errors()[0]
        raise Lost(f"histories.{'.'.join(str(each) for each in first['loc'])}: {first['msg']}") from error


def oldest_first(objects: list[Kind]) -> list[Kind]:
    """In the order of their creation; those of a second in the order of the list, which may be newest first."""
    if all(ids.may_be_ours(_id(each)) for each in objects):
        return sorted(objects, key=_id)
    if _created(objects[0]) > _created(objects[-1]):
        objects = objects[::-1]
    return sorted(objects, key=_created)


def _id(thing: ApiObject) -> str:
    identifier: str = getattr(thing, "id")  # noqa: B009
    return identifier


def _created(thing: ApiObject) -> int:
    created: int = getattr(thing, "created_at")  # noqa: B009
    return created


def _close(messages: Sequence[Message], runs: Sequence[Run], steps: Mapping[str, Sequence[RunStep]]) -> None:
    """End what was open."""
    for run in runs:
        ended_at = run.expires_at or run.created_at
        if lifecycle.is_active(run.status):
            run.status, run.required_action = "expired", None
        for step in steps[run.id]:
            if step.status == "in_progress":
                step.status, step.expired_at = "expired", ended_at
    for message in messages:
        if message.status == "in_progress":
            message.status, message.incomplete_details = "incomplete", dict(EXPIRED)
            message.incomplete_at = message.created_at


def _without_steps(run: Json) -> Json:
    return {name: value for name, value in run.items() if name != "steps"}


def _with_assistant(data: Json) -> Json:
    """Runs outlive their assistants, and then some services do not name them any more."""
    return data if data.get("assistant_id") is not None else data | {"assistant_id": ""}
