"""The messages and steps of a run as they begin and end. Pure: numbers are taken from the record, which the caller
commits."""

from __future__ import annotations

from typing import Any

from shared import ids, layout
from shared.json_types import Json
from shared.objects.common import Usage
from shared.objects.message import Message
from shared.objects.run import RunRecord
from shared.objects.step import RunStep, StepRecord


def new_answer(record: RunRecord, now: int) -> tuple[StepRecord, Message]:
    """An empty message and the step that writes it, each with the thread's next number; the record has them as open."""
    position = record.next.message
    message = _new_message(record, now)
    details = {"message_creation": {"message_id": message.id}}
    step = new_step(record, "message_creation", details, position, now)
    record.open_step, record.open_message = step.step.id, message.id
    return step, message


def _new_message(record: RunRecord, now: int) -> Message:
    run = record.run
    number, record.next.message = record.next.message, record.next.message + 1
    return Message(
        id=ids.numbered(layout.MESSAGE, number),
        created_at=now,
        assistant_id=run.assistant_id,
        thread_id=run.thread_id,
        run_id=run.id,
        status="in_progress",
        role="assistant",
    )


def new_step(record: RunRecord, kind: Any, details: Json, position: int, now: int) -> StepRecord:
    """A step in progress, which takes the thread's next number; `position` is where it belongs in the prompt."""
    run = record.run
    number, record.next.step = record.next.step, record.next.step + 1
    step = RunStep(
        id=ids.numbered(layout.STEP, number),
        created_at=now,
        run_id=run.id,
        assistant_id=run.assistant_id,
        thread_id=run.thread_id,
        type=kind,
        expires_at=run.expires_at,
        step_details={"type": kind, **details},
    )
    return StepRecord(step=step, position=position)


def closed_message(message: Message, content: list[Json], incomplete: str | None, now: int) -> Message:
    """The message with all its content, finished; `incomplete` says why it ends early."""
    changes: Json = {"content": content, "status": "completed", "completed_at": now}
    if incomplete is not None:
        changes |= {"status": "incomplete", "completed_at": None, "incomplete_at": now}
        changes["incomplete_details"] = {"reason": incomplete}
    return message.replace(**changes)


def close_step(
    record: StepRecord, status: str, usage: Usage | None, now: int, last_error: dict[str, str] | None = None
) -> None:
    """Finish the step in a status that has a time of its own, with the tokens of its turn."""
    changes: Json = {"status": status, f"{status}_at": now, "expires_at": None, "last_error": last_error}
    record.step = record.step.replace(**changes, usage=usage or Usage())
