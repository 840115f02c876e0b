"""How a run begins: on a thread that exists, or together with a new one; for a poller, or for a listener."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Final, TypeVar

from shared import ids, layout
from shared.assistants import assistants, tool_resources
from shared.deps import Caller, Deps
from shared.errors import InvalidRequest, NotFoundError
from shared.json_types import Json
from shared.objects.assistant import Assistant
from shared.objects.common import Metadata
from shared.objects.run import Run, RunKey, RunRecord
from shared.objects.run_requests import CreateRun, CreateThreadAndRun, RunSettings
from shared.objects.thread import Head
from shared.objects.thread_requests import CreateThread
from shared.objects.tools import FunctionChoice, ToolResources, choice_json, tools_json
from shared.optimistic import until_committed
from shared.runs import file_search, queue_messages, service
from shared.runs.events import Event, Listener
from shared.runs.recorder import Recorder
from shared.runs.rows import put_head, put_run
from shared.runs.streamed import StreamedRuns
from shared.store.base import Conflict, Put
from shared.threads import messages, new_messages, threads
from shared.vector_stores import stores

T = TypeVar("T")

EXPIRED: Final = "Vector store {} is expired."
#: The metadata key that opts into the box's own tools: their names separated by spaces, or `*`.
SERVER_TOOLS: Final = "server_tools"


async def create(caller: Caller, thread_id: str, body: CreateRun) -> Json:
    """Queue a run on a thread. Raises NotFoundError and InvalidRequest."""

    async def attempt() -> Json:
        record, changes = await draft(caller, thread_id, body)
        await queue(caller.deps, record, changes)
        return record.run.to_json()

    return await until_committed(attempt)


async def create_streamed(
    caller: Caller, streamed: StreamedRuns, thread_id: str, body: CreateRun, include: Collection[str]
) -> Listener:
    """Begin a run on a thread and drive it in this process, telling the listener."""

    async def attempt() -> Listener:
        record, changes = await draft(caller, thread_id, body)
        return await start_streamed(streamed, record, changes, Listener(include))

    return await until_committed(attempt)


async def create_with_thread(caller: Caller, body: CreateThreadAndRun) -> Json:
    """Queue a run on a new thread."""
    record, changes, _ = await draft_with_thread(caller, body)
    await queue(caller.deps, record, changes)
    return record.run.to_json()


async def create_with_thread_streamed(caller: Caller, streamed: StreamedRuns, body: CreateThreadAndRun) -> Listener:
    """Begin a run on a new thread and drive it in this process, telling the listener."""
    record, changes, thread = await draft_with_thread(caller, body)
    listener = Listener()
    listener.put(Event("thread.created", thread))
    return await start_streamed(streamed, record, changes, listener)


async def queue(deps: Deps, record: RunRecord, changes: list[Put]) -> None:
    """Store the run for whoever takes its message."""
    await queue_messages.start(deps, record)
    await deps.store.commit(layout.thread(record.owner, record.run.thread_id), [put_run(record, None), *changes])


async def start_streamed(streamed: StreamedRuns, record: RunRecord, changes: list[Put], listener: Listener) -> Listener:
    """Store the run as ours, in progress, and drive it; the listener hears of it as it was before, too."""
    recorder = Recorder(streamed.deps, record, None, listener)
    recorder.state.announce()
    recorder.state.advance("in_progress")
    await recorder.take(*changes)
    streamed.start(recorder, listener)
    return listener


async def draft(caller: Caller, thread_id: str, body: CreateRun) -> tuple[RunRecord, list[Put]]:
    """The run and the other rows of its commit. Raises NotFoundError, InvalidRequest, Conflict."""
    threads.check_id(thread_id)
    assistants.check_id(body.assistant_id)
    found = await asyncio.gather(
        threads.head(caller, thread_id), assistants.get(caller, body.assistant_id), return_exceptions=True
    )
    (head, version), assistant = succeeded(found[0]), succeeded(found[1])
    check_tool_choice(caller.deps, body, assistant)
    more = body.additional_messages or []
    await new_messages.check_files(caller, more, "additional_messages")
    resources = await tool_resources.resolve(caller, body.tool_resources)
    if head.active_run is not None:
        if await service.is_over(caller.deps, RunKey(caller.owner, thread_id, head.active_run)):
            raise Conflict("the head has changed")
        raise InvalidRequest(f"Thread {thread_id} already has an active run {head.active_run}.")
    changes = await messages.add(caller, thread_id, more, head)
    record = run_record(caller, thread_id, body, Assistant.model_validate(assistant), head)
    override_resources(record, body.tool_resources, resources)
    await check_stores(caller, record)
    if body.additional_instructions:
        parts = [record.run.instructions, body.additional_instructions]
        record.run.instructions = "\n".join(part for part in parts if part)
    return record, [put_head(record, version), *changes]


def succeeded(result: T | BaseException) -> T:
    """The result, or its error raised: in the order in which the API checks."""
    if isinstance(result, BaseException):
        raise result
    return result


async def draft_with_thread(caller: Caller, body: CreateThreadAndRun) -> tuple[RunRecord, list[Put], Json]:
    """The run, the rows of its commit and the thread; the thread is in the owner's index already."""
    assistant = await assistants.get(caller, body.assistant_id)
    check_tool_choice(caller.deps, body, assistant)
    thread, changes = await threads.prepare(caller, body.thread or CreateThread(), "thread")
    resources = await tool_resources.resolve(caller, body.tool_resources)
    head = next(Head.model_validate(each.data) for each in changes if each.key == layout.HEAD_KEY)
    record = run_record(caller, thread["id"], body, Assistant.model_validate(assistant), head)
    override_resources(record, body.tool_resources, resources)
    await check_stores(caller, record)
    await threads.add_to_index(caller, thread["id"])
    rest = [each for each in changes if each.key != layout.HEAD_KEY]
    return record, [put_head(record, None), *rest], thread


def override_resources(record: RunRecord, requested: ToolResources | None, resolved: Json) -> None:
    """Let the run have these resources instead of the assistant's, tool by tool."""
    if requested is not None:
        record.run.tool_resources = resolved
        record.resources = tool_resources.merge(record.resources, requested, resolved)


async def check_stores(caller: Caller, record: RunRecord) -> None:
    """Refuse a run that would search a store that has expired, or an assistant's that is gone.

    Raises InvalidRequest and NotFoundError.
    """
    if any(tool["type"] == "file_search" for tool in record.run.tools):
        of_assistant = record.resources.get("file_search", {}).get("vector_store_ids", [])
        await stores.check(caller, of_assistant, EXPIRED)
        for store_id in await file_search.thread_stores(caller.deps, record):
            with suppress(NotFoundError):
                await stores.check(caller, [store_id], EXPIRED)


def check_tool_choice(deps: Deps, body: RunSettings, assistant: Json) -> None:
    """Refuse the choice of a tool that the run will not have. Raises InvalidRequest."""
    choice = body.tool_choice
    if choice is None or isinstance(choice, str):
        return
    tools = assistant["tools"] if body.tools is None else tools_json(body.tools)
    offered = {tool["function"]["name"] if tool["type"] == "function" else tool["type"] for tool in tools}
    names = opted(body, assistant["metadata"])
    offered |= {name for name in deps.toolbox if name in names or "*" in names}
    name = choice.function.name if isinstance(choice, FunctionChoice) else choice.type
    if name not in offered:
        raise InvalidRequest(f"Tool choice '{name}' not found in 'tools' parameter.", param="tool_choice")


def opted(body: RunSettings, of_assistant: Metadata) -> list[str]:
    """The names of the box's own tools that the run may use, `*` for all."""
    return (body.metadata or {}).get(SERVER_TOOLS, of_assistant.get(SERVER_TOOLS, "")).split()


def run_record(caller: Caller, thread_id: str, body: RunSettings, assistant: Assistant, head: Head) -> RunRecord:
    """The run with everything resolved: the request's value, else the assistant's."""
    now = caller.deps.now()
    run = Run(
        id=ids.numbered(layout.RUN, head.next.run),
        created_at=now,
        assistant_id=assistant.id,
        thread_id=thread_id,
        expires_at=now + caller.deps.settings.run_lifetime_seconds,
        model=assistant.model if body.model is None else body.model,
        instructions=(assistant.instructions if body.instructions is None else body.instructions) or "",
        tools=assistant.tools if body.tools is None else tools_json(body.tools),
        metadata=body.metadata or {},
        temperature=assistant.temperature if body.temperature is None else body.temperature,
        top_p=assistant.top_p if body.top_p is None else body.top_p,
        reasoning_effort=assistant.reasoning_effort if body.reasoning_effort is None else body.reasoning_effort,
        max_completion_tokens=body.max_completion_tokens,
        max_prompt_tokens=body.max_prompt_tokens,
        truncation_strategy=body.truncation_json(),
        response_format=assistant.response_format
        if body.response_format is None
        else choice_json(body.response_format),
        tool_choice=choice_json(body.tool_choice),
        parallel_tool_calls=True if body.parallel_tool_calls is None else body.parallel_tool_calls,
    )
    head.next.run += 1
    return RunRecord(
        run=run,
        owner=caller.owner,
        next=head.next.model_copy(),
        first=head.next.model_copy(),
        calls=head.calls,
        head_extra=head.model_extra or {},
        resources=dict(assistant.tool_resources),
        server_tools=opted(body, assistant.metadata),
    )
