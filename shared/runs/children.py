"""Runs that a run begins: one assistant asks another, which answers on a thread of its own.

A child is a run like any other. Its ids follow from the call, so whoever makes the call again finds it, and begins no
second one. Whoever waits for it drives it, in the place that the waiting run has: driven from the queue alone, it would
need a place while all of them may be taken by runs that wait.
"""

from __future__ import annotations

from typing import Final

from shared import ids, layout
from shared.deps import Caller, Deps
from shared.errors import ApiError
from shared.json_types import Json
from shared.objects.common import MOST_METADATA, Metadata
from shared.objects.run import ChildRun, ParentRun, RunKey, RunRecord
from shared.objects.run_requests import CreateThreadAndRun
from shared.runs import create, driven, lease, lifecycle, parents
from shared.runs.fences import Superseded
from shared.runs.recorder import Recorder, stopped
from shared.store.base import Unavailable
from shared.threads import threads
from shared.tools.base import ToolFailure

#: How many runs may stand below a client's, each begun by the one above.
DEEPEST: Final = 3
#: Characters of an answer that the asking model is shown.
LONGEST_ANSWER: Final = 50_000
#: How often one driver goes on with a child that does not end, or that it cannot read.
MOST_ATTEMPTS: Final = 5

CLIENTS: Final = (
    "it waits for an approval or for the outputs of functions, which nobody can give it here: it was cancelled"
)
STUCK: Final = "it could not be carried on: it was cancelled"


async def ask(deps: Deps, child: ChildRun) -> str:
    """What the assistant answers at the end of its run, which is begun if it is not there.

    Raises ToolFailure, with words for the model that asks.
    """
    begun, left = False, MOST_ATTEMPTS
    with deps.wakes.listening(stopped(child.key.run_id)) as ear:
        while left > 0:
            try:
                recorder = await Recorder.load(deps, child.key)
                if recorder is None and begun:
                    raise ToolFailure("its thread was deleted")
                if recorder is not None and not lifecycle.is_active(recorder.run.status):
                    return await answer(recorder)
                left -= await (begin(deps, child) if recorder is None else carry_on(recorder))
                begun = True
            except Unavailable:
                # Results of other calls must not be lost to this one's looks.
                left -= 1
            await ear.listen(driven.FOLLOW_SECONDS)
    raise await given_up(deps, child.key, STUCK)


async def draft(deps: Deps, child: ChildRun) -> create.Draft:
    """The child as it is to be stored. Raises ToolFailure and ApiError."""
    parent, caller = child.parent, Caller(deps, child.parent.owner)
    above = [*parent.ancestors, parent.run.assistant_id]
    if child.assistant_id in above:
        raise ToolFailure("it is waiting for this very answer, so it cannot be asked")
    if len(above) > DEEPEST:
        raise ToolFailure(f"assistants may ask one another {DEEPEST} deep, and this is deeper")
    marks = {threads.PARENT_THREAD: parent.run.thread_id, "parent_run_id": parent.run.id}
    thread = {
        "messages": [{"role": "user", "content": child.message}],
        "metadata": marked((await threads.row(caller, parent.run.thread_id)).data["metadata"], marks),
    }
    body = {"assistant_id": child.assistant_id, "thread": thread}
    drafted, _ = await create.draft_with_thread(caller, CreateThreadAndRun.model_validate(body), child.key)
    drafted.record.parent = ParentRun(thread_id=parent.run.thread_id, run_id=parent.run.id)
    drafted.record.ancestors = above
    return drafted


def marked(metadata: Metadata, marks: Metadata) -> Metadata:
    """The parent's thread's metadata, so that holds, erasing and ages that go by it reach the child's, too.

    Where there is room, the marks say whose child it is.
    """
    both = metadata | marks
    return both if len(both) <= MOST_METADATA else metadata


async def begin(deps: Deps, child: ChildRun) -> bool:
    """Store the child as ours, unless another driver has, and drive it; whether we did. Raises ToolFailure."""
    try:
        drafted = await draft(deps, child)
    except ApiError as error:
        raise ToolFailure(error.message) from error
    create.note_creation(deps, drafted.record, "called", child.parent.run.id)
    recorder = Recorder(deps, drafted.record, None)
    try:
        await create.take(recorder, drafted)
    except Superseded:
        return False
    await driven.drive(recorder)
    return True


async def carry_on(recorder: Recorder) -> bool:
    """Do what an unfinished child needs, unless somebody else does; whether we drove it. Raises ToolFailure."""
    deps, record, now = recorder.deps, recorder.record, recorder.deps.clock()
    if lifecycle.has_expired(record.run, now):
        await recorder.end("expired")
    elif record.run.status == "requires_action":
        raise await given_up(deps, record.key, CLIENTS)
    elif lease.is_held(record, now):
        return False
    elif record.run.status == "cancelling":
        await recorder.end("cancelled")
    elif await recorder.claim():
        await driven.drive(recorder)
        return True
    return False


async def given_up(deps: Deps, key: RunKey, why: str) -> ToolFailure:
    """Cancel the child, if it is not over by now; what the model is told."""
    recorder = await Recorder.load(deps, key)
    if recorder is not None and lifecycle.is_active(recorder.run.status):
        await parents.abandon(recorder)
    return ToolFailure(why)


async def answer(recorder: Recorder) -> str:
    """What a child that is over has said last. Raises ToolFailure where it did not complete."""
    run = recorder.run
    said = await last_words(recorder.deps, recorder.record)
    if run.status == "completed":
        return said or "[no text]"
    if run.status == "incomplete":
        reason = (run.incomplete_details or {}).get("reason", "unknown")
        raise ToolFailure(
            f"it stopped before its answer was complete ({reason}). So far it said: {said or '[nothing]'}"
        )
    if run.status == "failed":
        raise ToolFailure(f"its run failed: {(run.last_error or {}).get('message', 'nobody knows why')}")
    raise ToolFailure(f"its run was {run.status}" if run.status == "cancelled" else f"its run has {run.status}")


async def last_words(deps: Deps, record: RunRecord) -> str:
    """The text of the run's last message, as much as is shown; "" without one."""
    end = record.next.message
    if end == record.first.message:
        return ""
    first, last = ids.key_at(layout.MESSAGE, end - 1), ids.key_at(layout.MESSAGE, end)
    rows = await deps.store.scan(record.key.partition, first, last, 1)
    said = "\n".join(text_of(part) for row in rows for part in row.data["content"])
    return said if len(said) <= LONGEST_ANSWER else f"{said[:LONGEST_ANSWER]}\n[cut: {len(said)} characters]"


def text_of(part: Json) -> str:
    """A part of a message as text."""
    if part["type"] == "text":
        return str(part["text"]["value"])
    return str(part["refusal"]) if part["type"] == "refusal" else f"[{part['type']}]"
