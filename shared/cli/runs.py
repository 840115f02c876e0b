"""`runs`: which there are, what happened in one, and how one is ended or started again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final, get_args

import click

from shared.cli.api import ApiClient, ErrorAnswer, opened
from shared.cli.calls import call_line
from shared.cli.tables import moment, print_json, print_objects, print_outcome
from shared.cli.timeline import timeline
from shared.cli.words import Failed, Problem, as_json, elsewhere, examples, owned
from shared.errors import ApiError
from shared.json_types import Json
from shared.objects.run import RunKey, RunStatus
from shared.runs import lease, lifecycle, queue_messages
from shared.runs.recorder import Recorder

STATES: Final = get_args(RunStatus)
NOT_FOUND: Final = 404
#: Seconds of the units in which an age is given.
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@click.group(epilog=examples("runs list --state failed", "runs show thread_abc run_def"))
def runs() -> None:
    """Runs: list, show, cancel, retry."""


@runs.command("list", epilog=examples("runs list --state in_progress --older 10m", "runs list --thread thread_abc"))
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="In this state; may be repeated.")
@click.option("--older", default="", metavar="AGE", help="Made so long ago at least: 30s, 10m, 2h, 7d.")
@click.option("--newer", default="", metavar="AGE", help="Made within this time.")
@click.option("--thread", default="", metavar="ID", help="Of this thread alone.")
@as_json
@owned
@elsewhere
def list_all(
    states: tuple[str, ...], older: str, newer: str, thread: str, json: bool, owner: str, url: str, key: str
) -> None:
    """List runs by state and age. Without --thread all threads are looked into, with a call or more each."""
    now = time.time()
    last, first = now - seconds(older) if older else None, now - seconds(newer) if newer else None

    async def found() -> tuple[list[Json], int]:
        async with opened(url, key, owner) as api:
            kept = [
                run
                async for run in every_run(api, thread)
                if (not states or run["status"] in states)
                and (last is None or run["created_at"] <= last)
                and (first is None or run["created_at"] >= first)
            ]
            return kept, api.calls

    kept, calls = asyncio.run(found())
    print_objects(kept, ("run", "thread", "state", "made", "model", "trouble"), row, json=json)
    click.echo(f"{len(kept)} found with {calls} calls", err=True)


def row(run: Json) -> tuple[object, ...]:
    """A line of the list."""
    return run["id"], run["thread_id"], run["status"], moment(run["created_at"]), run["model"], trouble(run)


async def every_run(api: ApiClient, thread: str) -> AsyncIterator[Json]:
    """The runs of a thread, or of all."""
    if thread:
        async for run in api.all(f"threads/{thread}/runs"):
            yield run
        return
    async for each in api.all("threads"):
        async for run in api.all(f"threads/{each['id']}/runs"):
            yield run


def seconds(age: str) -> float:
    """An age such as 10m. Raises Problem."""
    try:
        return float(age[:-1]) * UNITS[age[-1:]]
    except (KeyError, ValueError) as error:
        raise Problem(f"{age!r} is no age: 30s, 10m, 2h, 7d") from error


def trouble(run: Json) -> str:
    """Why the run did not complete, if it says so."""
    if run["last_error"] is not None:
        return f"{run['last_error']['code']}: {run['last_error']['message']}"
    return str((run["incomplete_details"] or {}).get("reason", ""))


@runs.command(epilog=examples("runs show thread_abc run_def"))
@click.argument("thread")
@click.argument("run")
@as_json
@owned
@elsewhere
def show(thread: str, run: str, json: bool, owner: str, url: str, key: str) -> None:
    """Show a run as a trace: its steps with their times, calls, outputs and tokens; then what happened to it, and who
    did it.
    """

    async def found() -> tuple[Json, list[Json], list[Json]]:
        async with opened(url, key, owner) as api:
            path = f"threads/{thread}/runs/{run}"
            steps = [each async for each in api.all(f"{path}/steps", order="asc")]
            return await api.ask("GET", path), steps, await events_of(api, path)

    made, steps, events = asyncio.run(found())
    if json:
        return print_json(made | {"steps": steps, "events": events})
    click.echo("\n".join([*trace(made, steps), "", *timeline(events)]))
    return None


async def events_of(api: ApiClient, path: str) -> list[Json]:
    """What happened to the run; nothing from a box that does not know."""
    try:
        return [each async for each in api.all(f"{path}/events", order="asc")]
    except ErrorAnswer as error:
        if error.status != NOT_FOUND:
            raise
        return []


def trace(run: Json, steps: list[Json]) -> list[str]:
    """The lines of a run's trace; times are seconds since it was made."""
    began = run["created_at"]
    ended = next((run[name] for name in ("completed_at", "failed_at", "cancelled_at") if run[name] is not None), None)
    lasted = f", {ended - began} s" if ended is not None else ""
    lines = [f"{run['id']}  {run['status']}  {run['model']}  made {moment(began)} UTC{lasted}{tokens(run)}"]
    if trouble(run):
        lines.append(f"  {trouble(run)}")
    for step in steps:
        lines.append(
            f"  +{step['created_at'] - began:>3} s  {step['type']}  {step['status']}{tokens(step)}  {step['id']}"
        )
        lines += [f"          {line}" for line in details(step["step_details"])]
    return lines


def tokens(counted: Json) -> str:
    """What a run or step used."""
    usage = counted["usage"]
    return "" if usage is None else f"  {usage['prompt_tokens']} + {usage['completion_tokens']} tokens"


def details(step: Json) -> list[str]:
    """What a step did: the message it wrote, or its calls or activities, each cut to a line."""
    if step["type"] == "message_creation":
        return [step["message_creation"]["message_id"]]
    return [short(call_line(each)) for each in step.get(step["type"]) or ()]


def short(text: str, most: int = 300) -> str:
    """The beginning of a long text."""
    return text if len(text) <= most else f"{text[:most]} …"


@runs.command(epilog=examples("runs cancel thread_abc run_def"))
@click.argument("thread")
@click.argument("run")
@as_json
@owned
@elsewhere
def cancel(thread: str, run: str, json: bool, owner: str, url: str, key: str) -> None:
    """Cancel a run that is not over."""

    async def ask() -> Json:
        async with opened(url, key, owner) as api:
            return await api.ask("POST", f"threads/{thread}/runs/{run}/cancel")

    cancelled = asyncio.run(ask())
    print_outcome(cancelled | {"outcome": cancelled["status"]}, json=json)


@runs.command(epilog=examples("runs retry thread_abc run_def"))
@click.argument("thread")
@click.argument("run")
@as_json
@owned
@elsewhere
def retry(thread: str, run: str, json: bool, owner: str, url: str, key: str) -> None:
    """Send the message again that starts a run or brings it back, should all have been lost.

    It needs the storage, not --url. A run that somebody drives, that is over, or that waits for outputs is left alone.
    """

    async def send() -> None:
        async with opened(url, key, owner) as api:
            await start_again(api, thread, run)

    asyncio.run(send())
    done = {"id": run, "thread_id": thread, "outcome": "will be taken up by the next host or worker"}
    print_outcome(done, json=json)


async def start_again(api: ApiClient, thread: str, run: str) -> None:
    """Send the run's message. Raises Failed when it is not stuck."""
    deps = api.storage("The message that starts a run")
    try:
        recorder = await Recorder.load(deps, RunKey(api.owner, thread, run))
    except ApiError as error:
        raise Failed(str(error)) from error
    if recorder is None:
        raise Failed(f"No run found with id '{run}'.")
    record, status = recorder.record, recorder.run.status
    if not lifecycle.is_active(status) or status == "requires_action":
        raise Failed(f"The run is not stuck: it is {status}.")
    if record.is_in_line:
        raise Failed("The run is not stuck: it waits in line for its thread.")
    if record.lease is not None and lease.is_held(record, deps.clock()):
        raise Failed(f"The run is not stuck: it is driven until {moment(record.lease.until)} UTC at least.")
    await (queue_messages.cancel if status == "cancelling" else queue_messages.start)(deps, record)
