"""How a run begins: on a thread that exists, or together with a new one; for a poller, or for a listener."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from shared import layout
from shared.assistants import assistants, mcp_headers, tool_resources
from shared.deps import Caller, Deps
from shared.errors import InvalidRequest
from shared.json_types import Json
from shared.objects.assistant import Assistant
from shared.objects.run import LinePlace, RunKey, RunRecord
from shared.objects.run_requests import CreateRun, CreateThreadAndRun
from shared.objects.thread import Head
from shared.objects.thread_requests import CreateThread
from shared.prepared import Earlier
from shared.runs import checks, history, joining, mcp_servers, new_runs, queue_messages, service, waiting
from shared.runs.driven import DrivenRuns
from shared.runs.events import Event, Listener
from shared.runs.prompt.prompt import messages_before
from shared.runs.recorder import Recorder
from shared.runs.rows import put_head, put_run
from shared.store.base import Put, Record, StoreError
from shared.tasks import begun
from shared.threads import messages, new_messages, threads

T = TypeVar("T")

#: Messages that a run which is driven here reads along with its thread's head, all if there are no more: few have more.
READ_ALONG: Final = 125


@dataclass(frozen=True, slots=True)
class Draft:
    """A run that is to be stored."""

    record: RunRecord
    #: The run as it is created, for clients.
    created: Json
    #: The version of its thread's head; None: that is new, too.
    head: str | None
    #: The other rows of its commit.
    changes: list[Put]
    #: All messages that the thread has before the commit, if they have been read.
    messages: list[Record] | None
    #: The active run for whose end it has to wait.
    ahead: Recorder | None = None
    #: What has to be there before the commit.
    after: Earlier = ()


async def create(caller: Caller, driven: DrivenRuns, thread_id: str, body: CreateRun) -> Json:
    """Begin a run on a thread: here if there is room, else from the queue; or let it wait in line.

    Raises NotFoundError, InvalidRequest and RateLimited.
    """

    async def attempt() -> Json:
        drafted = await draft(caller, thread_id, body)
        if drafted.ahead is not None:
            await joining.add_run(caller.deps, drafted.ahead, drafted.record, drafted.changes, heard=False)
            return drafted.created
        return await start(driven, drafted)

    return await caller.carry_out(layout.thread(caller.owner, thread_id), attempt)


async def create_streamed(
    caller: Caller, driven: DrivenRuns, thread_id: str, body: CreateRun, include: Collection[str]
) -> Listener:
    """Begin a run on a thread and drive it in this process, telling the listener; perhaps when its turn has come."""

    async def attempt() -> Listener:
        drafted = await draft(caller, thread_id, body)
        if drafted.ahead is not None:
            await joining.add_run(caller.deps, drafted.ahead, drafted.record, drafted.changes, heard=True)
            return driven.attend(drafted.record.key, drafted.created, include)
        return await start_streamed(driven, drafted, Listener(include))

    return await caller.carry_out(layout.thread(caller.owner, thread_id), attempt)


async def create_with_thread(caller: Caller, driven: DrivenRuns, body: CreateThreadAndRun) -> Json:
    """Begin a run on a new thread: here if there is room, else from the queue."""
    drafted, _ = await draft_with_thread(caller, body)
    return await start(driven, drafted)


async def create_with_thread_streamed(caller: Caller, driven: DrivenRuns, body: CreateThreadAndRun) -> Listener:
    """Begin a run on a new thread and drive it in this process, telling the listener."""
    drafted, thread = await draft_with_thread(caller, body)
    listener = Listener()
    listener.put(Event("thread.created", thread))
    return await start_streamed(driven, drafted, listener)


async def start(driven: DrivenRuns, drafted: Draft) -> Json:
    """Store the run as ours, or for whoever takes its message; the run as it was created."""
    record = drafted.record
    with driven.place(record.owner) as free:
        note_creation(driven.deps, record, "polled" if free else "queued")
        if free:
            await drive(driven, Recorder(driven.deps, record, None), drafted)
            return drafted.created
        async with driven.deps.budgets.begun(record):
            await queue_messages.start(driven.deps, record)
            rows = [put_run(record, None), put_head(record, drafted.head), *drafted.changes]
            await driven.deps.store.commit(record.key.partition, rows, drafted.after)
            queue_messages.log_queued(record)
    return drafted.created


async def start_streamed(driven: DrivenRuns, drafted: Draft, listener: Listener) -> Listener:
    """Store the run as ours and drive it; the listener hears of it as it was before, too."""
    recorder = Recorder(driven.deps, drafted.record, None, listener)
    note_creation(driven.deps, drafted.record, "streamed")
    recorder.state.announce(drafted.created)
    await drive(driven, recorder, drafted)
    return listener


def note_creation(deps: Deps, record: RunRecord, how: str, by: str | None = None) -> None:
    """Begin the run's history: who made it, its owner if nobody else, and who drives it first."""
    history.note(record, deps.clock(), "run.created", by or record.owner, how=how)


async def drive(driven: DrivenRuns, recorder: Recorder, drafted: Draft) -> None:
    """Store the run as ours, and drive it in this process."""
    async with driven.deps.budgets.begun(recorder.record):
        await take(recorder, drafted)
    driven.start(recorder)


async def take(recorder: Recorder, drafted: Draft) -> None:
    """Store the run as ours, in progress; what the model is shown of a long thread is read meanwhile.

    Raises Superseded when somebody was faster.
    """
    known, recorder.head = drafted.messages, drafted.head
    recorder.state.advance("in_progress")
    taking = recorder.take(*drafted.changes, after=drafted.after)
    added = [Record(each.key, each.data, "") for each in drafted.changes if each.key.startswith(layout.MESSAGE)]
    if known is None:
        _, known = await asyncio.gather(taking, look_back(recorder, len(added)))
    else:
        await taking
    recorder.messages = None if known is None else known + added


async def look_back(recorder: Recorder, added: int) -> list[Record] | None:
    """What the first turn looks back at of the messages before the `added` ones, if that is known."""
    with suppress(StoreError):  # the turn tries again
        return await messages_before(recorder.deps, recorder.record, added)
    return None


async def draft(caller: Caller, thread_id: str, body: CreateRun) -> Draft:
    """A run on a thread that exists, for now or for the end of another. Raises ApiError and Conflict."""
    threads.check_id(thread_id)
    assistants.check_id(body.assistant_id)
    await mcp_headers.check_key(caller, body)
    most = READ_ALONG if caller.deps.settings.run_start == "here" else 0
    found = await asyncio.gather(
        begun(threads.head_and_messages(caller, thread_id, most)),
        begun(assistants.get(caller, body.assistant_id)),
        return_exceptions=True,
    )
    (head, version, known), assistant = succeeded(found[0]), succeeded(found[1])
    check(caller.deps, body, assistant)
    more = body.additional_messages or []
    await new_messages.check_files(caller, more, "additional_messages")
    resources = await tool_resources.resolve(caller, body.tool_resources)
    ahead = None
    if head.active_run is not None:
        ahead = await service.load_active(caller.deps, RunKey(caller.owner, thread_id, head.active_run))
        if not caller.waits:
            raise InvalidRequest(f"Thread {thread_id} already has an active run {head.active_run}.")
        head = await joining.head_of(caller.deps, ahead.record, len(more) + 1)
    changes = await messages.add(caller, thread_id, more, head)
    record = new_runs.run_record(caller, thread_id, body, Assistant.from_json(assistant), head)
    await complete(caller, record, body, assistant, resources)
    if ahead is not None:
        brings = [each.key for each in changes if each.key.startswith(layout.MESSAGE)]
        record.place = LinePlace(brings=brings, seen=record.run.created_at)
        record.run.expires_at = None  # its time begins with its turn
    await caller.deps.budgets.admit(record)
    if body.additional_instructions:
        parts = [record.run.instructions, body.additional_instructions]
        record.run.instructions = "\n".join(part for part in parts if part)
        record.additional_instructions = body.additional_instructions
    created = record.run.to_json()
    return Draft(record, created, version, [*changes, *caller.answering(created)], known, ahead)


def succeeded(result: T | BaseException) -> T:
    """The result, or its error raised: in the order in which the API checks."""
    if isinstance(result, BaseException):
        raise result
    return result


async def draft_with_thread(caller: Caller, body: CreateThreadAndRun, key: RunKey | None = None) -> tuple[Draft, Json]:
    """A run with its thread; a key says the ids of both."""
    assistant = await assistants.get(caller, body.assistant_id)
    check(caller.deps, body, assistant)
    await mcp_headers.check_key(caller, body)
    thread_id = None if key is None else key.thread_id
    thread, changes = await threads.prepare(caller, body.thread or CreateThread(), "thread", thread_id)
    resources = await tool_resources.resolve(caller, body.tool_resources)
    head = next(Head.from_json(each.data) for each in changes if each.key == layout.HEAD_KEY)
    record = new_runs.run_record(caller, thread["id"], body, Assistant.from_json(assistant), head)
    if key is not None:
        record.run.id = key.run_id
    await complete(caller, record, body, assistant, resources, created=changes)
    if key is None:
        await caller.deps.budgets.admit(record)
    rest, created = [each for each in changes if each.key != layout.HEAD_KEY], record.run.to_json()
    after = [threads.listing(caller, thread["id"])]
    return Draft(record, created, None, [*rest, *caller.answering(created)], [], after=after), thread


def check(deps: Deps, body: CreateRun | CreateThreadAndRun, assistant: Json) -> None:
    """Refuse what a run of the assistant cannot have. Raises InvalidRequest."""
    checks.check_tools(body, assistant)
    checks.check_tool_choice(deps, body, assistant)
    waiting.check(deps, body)


async def complete(
    caller: Caller,
    record: RunRecord,
    body: CreateRun | CreateThreadAndRun,
    assistant: Json,
    resources: Json,
    created: Sequence[Put] | None = None,
) -> None:
    """Give a run the request's resources instead of the assistant's, tool by tool, and its headers for MCP servers.

    `resources` are the request's, resolved; `created` the rows of a thread that is made with the run. Raises
    InvalidRequest, also where a store that it would search has expired, NotFoundError and TryLater.
    """
    if body.tool_resources is not None:
        record.run.tool_resources = resources
        record.resources = tool_resources.merge(record.resources, body.tool_resources, resources)
    await mcp_servers.settle(caller, record, body, await assistants.headers(caller, assistant), created)
    await checks.check_stores(caller, record)
