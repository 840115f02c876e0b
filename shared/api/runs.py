"""Runs and their steps over HTTP."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from shared.api.answers import answer, answer_polled
from shared.api.idempotency import IN_THREAD, NEW_THREAD
from shared.api.openapi import ListOf
from shared.api.query import PAGE_QUERY, Query, parameter
from shared.api.requests import include
from shared.api.routing import Routes
from shared.api.sse import EventStream
from shared.deps import Caller
from shared.objects.run import Run, RunKey
from shared.objects.run_event import RunEvent
from shared.objects.run_requests import CreateRun, CreateThreadAndRun, ModifyRun, SubmitToolOutputs
from shared.objects.step import RunStep
from shared.paging import ListQuery, list_json
from shared.runs import create, service
from shared.runs.driven import DrivenRuns
from shared.runs.tool_call_views import RESULT_CONTENT, answered_step

routes = Routes("/v1/threads", "Runs")

#: What steps show beside what they always do, read as `include: list[str]`.
INCLUDE: Final = Query(
    "include",
    (parameter("include[]", {"type": "array", "items": {"type": "string"}}, f"What to add: `{RESULT_CONTENT}`."),),
    include,
)


def limited(caller: Caller, assistant_id: str, response: Response) -> Response:
    """The answer, with headers that say what is left of a budget, where there is one."""
    if headers := caller.deps.budgets.headers(caller.owner, assistant_id):
        response.headers.update(headers)
    return response


@routes.post("/runs", gives=Run, streams=True, verb="run", repeatable=NEW_THREAD)
async def create_thread_and_run(caller: Caller, body: CreateThreadAndRun, driven: DrivenRuns) -> Response:
    """Create a thread and run it in one request."""
    if body.stream:
        streamed = EventStream(await create.create_with_thread_streamed(caller, driven, body))
        return limited(caller, body.assistant_id, streamed)
    return limited(caller, body.assistant_id, answer(await create.create_with_thread(caller, driven, body)))


@routes.post(
    "/{thread_id}/runs", gives=Run, query=[INCLUDE], streams=True, verb="run", repeatable=IN_THREAD, waits=True
)
async def create_run(
    caller: Caller, thread_id: str, body: CreateRun, include: list[str], driven: DrivenRuns
) -> Response:
    """Create a run; refused while another is active, unless it may wait in line."""
    if body.stream:
        streamed = EventStream(await create.create_streamed(caller, driven, thread_id, body, include))
        return limited(caller, body.assistant_id, streamed)
    return limited(caller, body.assistant_id, answer(await create.create(caller, driven, thread_id, body)))


@routes.get("/{thread_id}/runs", gives=ListOf(Run), query=[PAGE_QUERY], verb="read")
async def list_runs(caller: Caller, thread_id: str, query: ListQuery) -> Response:
    """List the thread's runs."""
    page = await service.list_runs(caller, thread_id, query)
    return answer(list_json([record.data["run"] for record in page.records], page.has_more))


@routes.get("/{thread_id}/runs/{run_id}", gives=Run, verb="read")
async def get_run(caller: Caller, thread_id: str, run_id: str) -> Response:
    """Retrieve a run."""
    run = await service.get(caller.deps, RunKey(caller.owner, thread_id, run_id))
    return answer_polled(run, caller.deps.now())


@routes.post("/{thread_id}/runs/{run_id}", gives=Run, optional_body=True, repeatable=IN_THREAD)
async def modify_run(caller: Caller, thread_id: str, run_id: str, body: ModifyRun) -> Response:
    """Modify a run's metadata."""
    return answer(await service.modify(caller, RunKey(caller.owner, thread_id, run_id), body))


@routes.post("/{thread_id}/runs/{run_id}/cancel", gives=Run, verb="run", repeatable=IN_THREAD)
async def cancel_run(caller: Caller, thread_id: str, run_id: str) -> Response:
    """Cancel a run that is not over."""
    return answer(await service.cancel(caller, RunKey(caller.owner, thread_id, run_id)))


@routes.post(
    "/{thread_id}/runs/{run_id}/submit_tool_outputs",
    gives=Run,
    query=[INCLUDE],
    streams=True,
    verb="submit_outputs",
    repeatable=IN_THREAD,
)
async def submit_tool_outputs(
    caller: Caller, thread_id: str, run_id: str, body: SubmitToolOutputs, include: list[str], driven: DrivenRuns
) -> Response:
    """Give a run the outputs of all its pending function calls."""
    key = RunKey(caller.owner, thread_id, run_id)
    if body.stream:
        return EventStream(await service.submit_streamed(driven, caller, key, body, include))
    return answer(await service.submit(driven, caller, key, body))


@routes.get("/{thread_id}/runs/{run_id}/steps", gives=ListOf(RunStep), query=[PAGE_QUERY, INCLUDE], verb="read")
async def list_steps(caller: Caller, thread_id: str, run_id: str, query: ListQuery, include: list[str]) -> Response:
    """List a run's steps."""
    page = await service.list_steps(caller.deps, RunKey(caller.owner, thread_id, run_id), query)
    steps = [answered_step(record.data["step"], include) for record in page.records]
    return answer(list_json(steps, page.has_more))


@routes.get("/{thread_id}/runs/{run_id}/events", gives=ListOf(RunEvent), query=[PAGE_QUERY])
async def list_events(caller: Caller, thread_id: str, run_id: str, query: ListQuery) -> Response:
    """List what happened to a run, and who did it."""
    page = await service.list_events(caller.deps, RunKey(caller.owner, thread_id, run_id), query)
    return answer(list_json([record.data for record in page.records], page.has_more))


@routes.get("/{thread_id}/runs/{run_id}/steps/{step_id}", gives=RunStep, query=[INCLUDE], verb="read")
async def get_step(caller: Caller, thread_id: str, run_id: str, step_id: str, include: list[str]) -> Response:
    """Retrieve a run step."""
    step = await service.get_step(caller.deps, RunKey(caller.owner, thread_id, run_id), step_id)
    return answer(answered_step(step, include))
