"""A box on a storage account (Azurite): an HTTP process and two workers, killed, and with a network that fails."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from functools import partial

import httpx2 as httpx
import pytest

from tests.contract.faults import Fault, answer_lost, answered_by_another, answers, never_sent, proxy_to
from tests.durability.hosts import RUNS, die_once, live_dangerously
from tests.durability.stories import STORIES, assistant, check, tell

MODES = ("streamed", "background")


@pytest.fixture
async def hosts(hosts):
    hosts.poll_seconds = 0.3
    return hosts


@pytest.fixture
def run_start():
    """Who drives a polled run: the HTTP process that accepted it; override by parametrisation."""
    return "here"


@pytest.fixture
def environment(request, account, run_start):
    turns = getattr(request, "param", "streamed")
    return {"AzureWebJobsStorage": account, "MODEL_TURNS": turns, "RUN_START": run_start}


@pytest.mark.long
@pytest.mark.parametrize("run_start", ["queue"])
@pytest.mark.parametrize("environment", MODES, indirect=True)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_death_of_a_worker_at_every_commit_in_turn(hosts, client, when):
    hosts.start(role="http")
    assistant_id = await assistant(client)
    assert await deaths(hosts, client, assistant_id, "worker", when) > 3, "the worker should have died more often"


@pytest.mark.long
@pytest.mark.parametrize(
    ("environment", "run_start"),
    [(MODES[0], "here"), (MODES[1], "here"), (MODES[0], "queue")],
    indirect=["environment"],
)
@pytest.mark.parametrize("when", ["between", "after"])
async def test_death_of_the_http_process_at_every_commit_in_turn(hosts, client, when, run_start):
    """It drives the run that it accepted, or only takes the requests of one: whoever is left goes on."""
    hosts.start(role="worker")
    hosts.start(role="http")
    assistant_id = await assistant(client)
    await hosts.kill(hosts.pids[-1])
    least = 3 if run_start == "here" else 1
    assert await deaths(hosts, client, assistant_id, "http", when) > least, "it should have died more often"


async def deaths(hosts, client, assistant_id, role, when):
    """Have a run told while a process of that role dies at its n-th commit, for n = 1, 2, ...; how often one died."""
    for count in range(1, 30):
        story = partial(tell, client, assistant_id, "mixed")
        (thread, run), has_died = await die_once(hosts, f"{when}:{count}", story, role=role)
        await check(client, hosts, "mixed", thread, run)
        await hosts.kill(hosts.pids[-1])
        if not has_died:
            return count - 1
    raise AssertionError("the story never ended")


@pytest.mark.parametrize(
    ("environment", "run_start"),
    [
        (MODES[0], "here"),
        pytest.param(MODES[1], "here", marks=pytest.mark.long),
        pytest.param(MODES[0], "queue", marks=pytest.mark.long),
    ],
    indirect=["environment"],
)
async def test_many_runs_under_random_deaths(hosts, client, model_url):
    before = await begun_without_key(model_url)
    http, *workers = hosts.start(role="http"), hosts.start(role="worker"), hosts.start(role="worker")
    assistant_id = await assistant(client)
    names = [random.choice([*STORIES]) for _ in range(RUNS)]
    roles = {http: "http"} | dict.fromkeys(workers, "worker")

    async def kill() -> None:
        victim = random.choice([*roles])
        await hosts.kill(victim)
        role = roles.pop(victim)
        roles[hosts.start(role=role)] = role

    ends = await live_dangerously([tell(client, assistant_id, story) for story in names], kill, at_once=8)

    for story, (thread, run) in zip(names, ends, strict=True):
        await check(client, hosts, story, thread, run)
    in_background = hosts.environment["MODEL_TURNS"] == "background"
    assert (await begun_without_key(model_url) == before) == in_background, "a background turn is begun with a key"


async def begun_without_key(model_url: str) -> int:
    """Turns the model was asked for without an idempotency key."""
    async with httpx.AsyncClient() as http:
        state = (await http.get(model_url.removesuffix("/v1") + "/fake/state")).json()
    return int(state["created"].get("", 0))


@pytest.mark.parametrize("environment", [MODES[0], pytest.param(MODES[1], marks=pytest.mark.long)], indirect=True)
async def test_five_percent_of_all_calls_fail(hosts, client, model_url, account):
    """Between box and storage, and between box and model: refused, never sent, the answer lost, or somebody else's."""
    faults = [answers(503, "ServerBusy"), never_sent, answer_lost, answered_by_another]

    def sometimes() -> Fault | None:
        return random.choice(faults) if random.random() < 0.05 else None

    async with httpx.AsyncClient() as http, AsyncExitStack() as stack:
        parts = dict(part.split("=", 1) for part in account.split(";"))
        for name in ("TableEndpoint", "BlobEndpoint", "QueueEndpoint"):
            proxy, parts[name] = await stack.enter_async_context(proxy_to(parts[name]))
            proxy.choose = sometimes
        hosts.environment["AzureWebJobsStorage"] = ";".join(f"{name}={value}" for name, value in parts.items())
        settings = model_url.removesuffix("/v1") + "/fake/settings"
        await http.post(settings, json={"fault_rate": 0.05})
        stack.push_async_callback(http.post, settings, json={"fault_rate": 0})
        for role in ("http", "worker", "worker"):
            hosts.start(role=role)
        assistant_id = await assistant(client)
        names = [random.choice([*STORIES]) for _ in range(RUNS)]
        ends = await asyncio.gather(*(tell(client, assistant_id, story) for story in names))
        for story, (thread, run) in zip(names, ends, strict=True):
            await check(client, hosts, story, thread, run)
        await hosts.close()
