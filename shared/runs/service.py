"""What clients do with a run: read it, continue it, cancel it, change its metadata, add messages once it is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from shared import foreign_ids, layout
from shared.budgets.budgets import Budgets
from shared.deps import Caller, Deps
from shared.errors import InvalidRequest, not_found
from shared.json_types import Json
from shared.objects.message_requests import CreateMessage
from shared.objects.parse import missing
from shared.objects.run import RunKey, RunRecord
from shared.objects.run_requests import ModifyRun, SubmitToolOutputs, ToolApproval, ToolOutput
from shared.optimistic import check_shape
from shared.paging import ListQuery, NumberRange, Page, numbered_page, with_keys
from shared.runs import history, joining, lease, lifecycle, mcp_servers, queue_messages
from shared.runs.driven import DrivenRuns
from shared.runs.events import Listener
from shared.runs.fences import Superseded
from shared.runs.recorder import Recorder
from shared.store.base import Conflict, Put
from shared.threads import messages, threads

#: What a run may require -> what the client then gives, in its body and in words.
KINDS: Final = {
    "submit_tool_outputs": ("tool_outputs", "tool outputs"),
    "submit_tool_approval": ("tool_approvals", "tool approvals"),
}


def check_ids(key: RunKey) -> None:
    """Refuse what cannot be the ids of a thread and a run. Raises InvalidRequest."""
    threads.check_id(key.thread_id)
    check_shape(key.run_id, "run", "run", "run_id")


async def load(deps: Deps, key: RunKey, listener: Listener | None = None) -> Recorder:
    """The run as it stands, expired if its time is over. Raises NotFoundError for the thread or the run."""
    check_ids(key)
    recorder = await Recorder.load(deps, key, listener)
    if recorder is None:
        await threads.head(Caller(deps, key.owner), key.thread_id)
        raise not_found("run", key.run_id)
    if lifecycle.has_expired(recorder.run, deps.clock()):
        await recorder.end("expired")
        recorder = await Recorder.load(deps, key, listener) or recorder
    return recorder


async def load_active(deps: Deps, key: RunKey) -> Recorder:
    """The run that its thread's head calls active. Raises Conflict if it is over by now, so that the thread is free."""
    recorder = await load(deps, key)
    if not lifecycle.is_active(recorder.run.status):
        raise Conflict("the head has changed")
    return recorder


async def add_message(caller: Caller, thread_id: str, body: CreateMessage) -> Json:
    """Add a message to a thread that no run holds, or only one whose time is over; or let it wait in line.

    Raises NotFoundError, and while a run is active InvalidRequest, or RateLimited when the line is full.
    """

    async def attempt() -> Json:
        try:
            return await messages.create(caller, thread_id, body)
        except messages.ThreadIsBusy as busy:
            ahead = await load_active(caller.deps, RunKey(caller.owner, thread_id, busy.run_id))
            if not caller.waits:
                raise
            return await joining.add_message(caller, ahead, body)

    return await caller.carry_out(layout.thread(caller.owner, thread_id), attempt)


async def get(deps: Deps, key: RunKey) -> Json:
    """The run as answered, expired if its time is over. Raises NotFoundError."""
    check_ids(key)
    row = await foreign_ids.read(deps.store, key.partition, key.run_id)
    if row is not None:
        run: Json = row.data["run"]
        if run["expires_at"] is None or deps.clock() < run["expires_at"]:
            return run
    return (await load(deps, key)).run.to_json()


async def list_runs(caller: Caller, thread_id: str, query: ListQuery) -> Page:
    """A page of the thread's runs; the records hold run rows."""
    head, _ = await threads.head(caller, thread_id)
    numbers = NumberRange(layout.RUN, "run", head.next.run)
    partition = layout.thread(caller.owner, thread_id)
    query = await with_keys(caller.deps.store, partition, query, head.next.run)
    return await numbered_page(caller.deps.store, partition, numbers, query)


async def modify(caller: Caller, key: RunKey, body: ModifyRun) -> Json:
    """Replace the run's metadata."""

    async def attempt() -> Json:
        recorder = await load(caller.deps, key)
        if "metadata" in body.model_fields_set:
            recorder.state.set_metadata(body.metadata or {})
            await recorder.commit(*caller.answering(recorder.run.to_json()))
        return recorder.run.to_json()

    return await caller.carry_out(key.partition, attempt)


async def cancel(caller: Caller, key: RunKey) -> Json:
    """Ask for the run's end: it is `cancelling` until its driver, or the message, has ended it.

    One that waits in line is `cancelled` at once.
    """

    async def attempt() -> Json:
        recorder = await load(caller.deps, key)
        if recorder.record.is_in_line and recorder.run.status == "queued":
            await joining.leave(caller, recorder)
            return recorder.run.to_json()
        if "cancelling" not in lifecycle.NEXT[recorder.run.status]:
            raise InvalidRequest(f"Cannot cancel run with status '{recorder.run.status}'.")
        await queue_messages.cancel(caller.deps, recorder.record)
        recorder.note("cancel.asked", by=key.owner)
        recorder.state.advance("cancelling")
        await recorder.commit(*caller.answering(recorder.run.to_json()))
        return recorder.run.to_json()

    return await caller.carry_out(key.partition, attempt)


async def submit(driven: DrivenRuns, caller: Caller, key: RunKey, body: SubmitToolOutputs) -> Json:
    """Take the client's outputs and go on: here if there is room, else from the queue."""
    counted = Counted(driven.deps.budgets)

    async def attempt() -> Json:
        recorder = await accept(driven.deps, key, body, counted)
        recorder.state.advance("queued")
        taken = recorder.run.to_json()
        with driven.place(key.owner) as free:
            if free:
                await drive_on(driven, recorder, *caller.answering(taken))
            else:
                await queue_messages.start(driven.deps, recorder.record)
                await recorder.commit(*caller.answering(taken))
                queue_messages.log_queued(recorder.record)
        return taken

    return await caller.carry_out(key.partition, attempt)


async def submit_streamed(
    driven: DrivenRuns, caller: Caller, key: RunKey, body: SubmitToolOutputs, include: Collection[str]
) -> Listener:
    """Take the client's outputs and drive on in this process, telling the listener."""
    counted = Counted(driven.deps.budgets)

    async def attempt() -> Listener:
        listener = Listener(include)
        recorder = await accept(driven.deps, key, body, counted, listener)
        if recorder.record.completion_window is not None:
            raise InvalidRequest("Runs with a 'completion_window' are polled; they cannot be streamed.", param="stream")
        recorder.state.advance("queued")
        await drive_on(driven, recorder, *caller.answering(recorder.run.to_json()))
        return listener

    return await caller.carry_out(key.partition, attempt)


async def drive_on(driven: DrivenRuns, recorder: Recorder, *others: Put) -> None:
    """Store the run with its outputs as ours, in progress, and drive it in this process."""
    recorder.state.advance("in_progress")
    lease.forget_watchdog(recorder.record)
    await recorder.take(*others)
    driven.start(recorder)


class Counted:
    """A request to go on with a run, which counts once for the budget however often it is attempted."""

    def __init__(self, budgets: Budgets) -> None:
        self._budgets, self._is_counted = budgets, False

    async def admit(self, record: RunRecord) -> None:
        """Count it, if that was not done. Raises RateLimited."""
        if not self._is_counted:
            await self._budgets.admit(record, begins=False)
            self._is_counted = True


async def accept(
    deps: Deps, key: RunKey, body: SubmitToolOutputs, counted: Counted, listener: Listener | None = None
) -> Recorder:
    """The run with the outputs or approvals written into its step, not yet committed.

    Raises InvalidRequest and RateLimited.
    """
    recorder = await load(deps, key, listener)
    action = recorder.run.required_action
    if action is None:
        raise InvalidRequest(f'Runs in status "{recorder.run.status}" do not accept tool outputs.')
    kind, what = KINDS[action["type"]]
    given: Sequence[ToolOutput | ToolApproval] | None = getattr(body, kind)
    if given is None:
        raise missing(kind)
    expected = [call["id"] for call in action[action["type"]]["tool_calls"]]
    got = [each.tool_call_id for each in given]
    if sorted(expected) != sorted(got):
        raise InvalidRequest(f"Expected {what} for call_ids {expected}, got {got}")
    await counted.admit(recorder.record)
    await recorder.load_open()
    if recorder.state.step is None:
        raise Superseded  # the run changed, or its thread was deleted, between the two reads
    if kind == "tool_outputs":
        recorder.note("outputs.submitted", by=key.owner, calls=len(got), call_ids=got)
        recorder.state.take_outputs({each.tool_call_id: each.output or "" for each in body.tool_outputs or ()})
    else:
        calls = action[action["type"]]["tool_calls"]
        await mcp_servers.of_approvals(deps, recorder.record, body.tool_approvals or (), calls)
        take_approvals(recorder, body.tool_approvals or ())
    return recorder


def take_approvals(recorder: Recorder, given: Sequence[ToolApproval]) -> None:
    """Write down which calls may be carried out, and who says so."""
    said = {"by": recorder.record.owner, "at": recorder.deps.now()}
    approvals = {each.tool_call_id: {"approve": each.approve, **said} for each in given}
    for each in given:
        recorder.note("approval.given", by=recorder.record.owner, call_id=each.tool_call_id, approve=each.approve)
    recorder.state.take_approvals(approvals, recorder.deps.settings.run_lifetime_seconds)


async def list_steps(deps: Deps, key: RunKey, query: ListQuery) -> Page:
    """A page of the run's steps; the records hold step rows."""
    record = (await load(deps, key)).record
    numbers = NumberRange(layout.STEP, "run step", record.next.step, record.first.step)
    query = await with_keys(deps.store, key.partition, query, record.next.step)
    return await numbered_page(deps.store, key.partition, numbers, query)


async def list_events(deps: Deps, key: RunKey, query: ListQuery) -> Page:
    """A page of what happened to the run; the records hold events as answered."""
    return await history.page((await load(deps, key)).record, query)


async def get_step(deps: Deps, key: RunKey, step_id: str) -> Json:
    """A step of the run. Raises NotFoundError."""
    check_ids(key)
    check_shape(step_id, "run step", "step", "step_id")
    row = await foreign_ids.read(deps.store, key.partition, step_id)
    if row is None or row.data["step"]["run_id"] != key.run_id:
        await load(deps, key)
        raise not_found("run step", step_id)
    step: Json = row.data["step"]
    return step
