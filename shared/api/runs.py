"""Runs and their steps over HTTP."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from shared.api.answers import answer
from shared.api.json_body import body
from shared.api.openapi import ListOf, documented, paging, parameter
from shared.api.requests import caller, include, list_query
from shared.api.routing import resource
from shared.api.sse import event_stream
from shared.objects.run import Run, RunKey
from shared.objects.run_requests import CreateRun, CreateThreadAndRun, ModifyRun, SubmitToolOutputs
from shared.objects.step import RunStep
from shared.paging import list_json
from shared.runs import create, service
from shared.runs.streamed import Drives
from shared.runs.tool_call_views import RESULT_CONTENT, answered_step

router = resource("/v1/threads", "Runs")

#: Milliseconds after which polling helpers should ask again.
POLL_AFTER = {"openai-poll-after-ms": "500"}


INCLUDE = parameter(
    "include[]", {"type": "array", "items": {"type": "string"}}, "What to add: `" + RESULT_CONTENT + "`."
)


def drives(request: Request) -> Drives:
    """The streamed runs of this host."""
    found: Drives = request.app.state.drives
    return found


@router.post("/runs", **documented(Run, CreateThreadAndRun, streams=True))
async def create_thread_and_run(request: Request) -> Response:
    """Create a thread and run it in one request."""
    deps, owner = caller(request)
    wanted = await body(request, CreateThreadAndRun)
    if wanted.stream:
        return event_stream(await create.create_with_thread_streamed(drives(request), owner, wanted))
    return answer(await create.create_with_thread(deps, owner, wanted))


@router.post("/{thread_id}/runs", **documented(Run, CreateRun, [INCLUDE], streams=True))
async def create_run(request: Request, thread_id: str) -> Response:
    """Create a run."""
    deps, owner = caller(request)
    wanted = await body(request, CreateRun)
    if wanted.stream:
        return event_stream(await create.create_streamed(drives(request), owner, thread_id, wanted, include(request)))
    return answer(await create.create(deps, owner, thread_id, wanted))


@router.get("/{thread_id}/runs", **documented(ListOf(Run), query=paging()))
async def list_runs(request: Request, thread_id: str) -> Response:
    """List the thread's runs."""
    deps, owner = caller(request)
    page = await service.list_runs(deps, owner, thread_id, list_query(request))
    return answer(list_json([record.data["run"] for record in page.records], page.has_more))


@router.get("/{thread_id}/runs/{run_id}", **documented(Run))
async def get_run(request: Request, thread_id: str, run_id: str) -> Response:
    """Retrieve a run."""
    deps, owner = caller(request)
    return answer(await service.get(deps, RunKey(owner, thread_id, run_id)), headers=POLL_AFTER)


@router.post("/{thread_id}/runs/{run_id}", **documented(Run, ModifyRun, optional_body=True))
async def modify_run(request: Request, thread_id: str, run_id: str) -> Response:
    """Modify a run's metadata."""
    deps, owner = caller(request)
    wanted = await body(request, ModifyRun)
    return answer(await service.modify(deps, RunKey(owner, thread_id, run_id), wanted))


@router.post("/{thread_id}/runs/{run_id}/cancel", **documented(Run))
async def cancel_run(request: Request, thread_id: str, run_id: str) -> Response:
    """Cancel a run that is not over."""
    deps, owner = caller(request)
    return answer(await service.cancel(deps, RunKey(owner, thread_id, run_id)))


@router.post(
    "/{thread_id}/runs/{run_id}/submit_tool_outputs", **documented(Run, SubmitToolOutputs, [INCLUDE], streams=True)
)
async def submit_tool_outputs(request: Request, thread_id: str, run_id: str) -> Response:
    """Give a run the outputs of all its pending function calls."""
    deps, owner = caller(request)
    wanted, key = await body(request, SubmitToolOutputs), RunKey(owner, thread_id, run_id)
    if wanted.stream:
        return event_stream(await service.submit_streamed(drives(request), key, wanted, include(request)))
    return answer(await service.submit(deps, key, wanted))


@router.get("/{thread_id}/runs/{run_id}/steps", **documented(ListOf(RunStep), query=[*paging(), INCLUDE]))
async def list_steps(request: Request, thread_id: str, run_id: str) -> Response:
    """List a run's steps."""
    deps, owner = caller(request)
    page = await service.list_steps(deps, RunKey(owner, thread_id, run_id), list_query(request))
    wanted = include(request)
    steps = [answered_step(record.data["step"], wanted) for record in page.records]
    return answer(list_json(steps, page.has_more))


@router.get("/{thread_id}/runs/{run_id}/steps/{step_id}", **documented(RunStep, query=[INCLUDE]))
async def get_step(request: Request, thread_id: str, run_id: str, step_id: str) -> Response:
    """Retrieve a run step."""
    deps, owner = caller(request)
    step = await service.get_step(deps, RunKey(owner, thread_id, run_id), step_id)
    return answer(answered_step(step, include(request)))
