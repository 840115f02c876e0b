"""Processes of a box under test, and a client that survives their deaths."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2 as httpx

from shared.app import build, storage_for
from shared.box import Box
from shared.config import Settings
from tests.durability.box_process import HostOrder
from tests.fakes.ports import ported
from tests.warm import warm

T = TypeVar("T")

KEY = "sk-durable"
#: Runs of a test with random deaths; `make durability` asks for more.
RUNS = int(os.environ.get("DURABILITY_RUNS", "25"))

#: Seconds until a test gives up on what must come; the dead must be gone sooner.
PATIENCE, LAST_BREATH = 120.0, 15.0

#: What is there after one commit is there before the next: of a long story both are tried at every other one, which is
#: after every number of commits.
EVERY_OTHER = [("between", range(1, 1000, 2)), ("after", range(1, 1000, 2))]

#: Statuses of a run that is over.
OVER = {"completed", "failed", "cancelled", "expired", "incomplete"}


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@asynccontextmanager
async def patience(what: str, seconds: float = PATIENCE) -> AsyncIterator[None]:
    """Fail, saying what was waited for, if the block does not end in time."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise AssertionError(f"waited {seconds:g} seconds for {what}") from error


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Nursery:
    """The process from which hosts are forked: starting one takes milliseconds."""

    def __init__(self, log: Path):
        self.log = log
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with log.open("ab") as errors:
            self.process = subprocess.Popen(warm("tests.durability.box_process"), **pipes, stderr=errors, text=True)

    def start(self, order: HostOrder) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        answer = ""
        with suppress(BrokenPipeError):
            print(json.dumps(order), file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        assert answer != "", f"the nursery died: {self.log.read_text()[-2000:]}"
        return int(answer)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=LAST_BREATH)


@dataclass
class Hosts:
    """The processes of one box."""

    nursery: Nursery
    home: Path
    model_url: str
    environment: dict[str, str]
    #: How often clients look at their runs; each look costs the machine as much as a step of a run.
    poll_seconds: float = 0.05
    #: Whose key clients have.
    owner: str = "me"
    port: int = field(default_factory=free_port)
    pids: list[int] = field(default_factory=list)

    def start(self, role: str = "both", die: str = "") -> int:
        """Start a process and return its id."""
        environment = {
            "BOX_HOME": str(self.home),
            "BOX_API_KEYS": json.dumps({self.owner: KEY}),
            "OPENAI_BASE_URL": self.model_url,
            "OPENAI_API_KEY": "none",
            "LEASE_SECONDS": "1",
            "HEARTBEAT_SECONDS": "0.2",
            "SIDE_EFFECTS_PER_HOUR": "10000",
            **self.environment,
        }
        order = HostOrder(port=self.port, role=role, letters=str(self.home), die=die, environment=environment)
        self.pids.append(self.nursery.start(order))
        return self.pids[-1]

    async def death(self, pid: int) -> None:
        """Wait for a process to be gone."""
        while is_alive(pid):  # noqa: ASYNC110  the system has no event for the death of a grandchild
            await asyncio.sleep(0.01)
        self.pids.remove(pid)

    async def kill(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        async with patience(f"the death of process {pid}", LAST_BREATH):
            await self.death(pid)

    async def close(self) -> None:
        for pid in self.pids:  # all of them, even if one would not go
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in [*self.pids]:
            await self.kill(pid)

    def letters(self) -> list[str]:
        """Call ids of the letters that were sent."""
        log = self.home / "letters.log"
        return log.read_text().split() if log.exists() else []


@asynccontextmanager
async def opened(hosts: Hosts) -> AsyncIterator[Box]:
    """The same box in this process, between which and its storage a test can stand; it takes no messages."""
    account = hosts.environment.get("AzureWebJobsStorage", "")
    settings = Settings(_env_file=None, box_home=hosts.home, sandbox="none", AzureWebJobsStorage=account)
    box = build(settings, storage=ported(storage_for(settings)))
    try:
        yield box
    finally:
        await box.close()


async def die_once(
    hosts: Hosts, die: str, tell: Callable[[], Coroutine[Any, Any, T]], *, role: str = "both"
) -> tuple[T, bool]:
    """Have something told while a host dies as it is told to, and an heir takes its place.

    What came of it, and whether the host has died; it, or its heir, is the last of the hosts.
    """
    mortal = hosts.start(role=role, die=die)
    telling, dying = asyncio.create_task(tell()), asyncio.create_task(hosts.death(mortal))
    await asyncio.wait({telling, dying}, return_when=asyncio.FIRST_COMPLETED)
    has_died = dying.done()
    if has_died:
        hosts.start(role=role)
    told = await telling
    dying.cancel()
    return told, has_died


async def die_at_every_commit(
    hosts: Hosts,
    when: str,
    tell: Callable[[], Coroutine[Any, Any, None]],
    *,
    what: str = "runs",
    least: int = 3,
    most: int = 40,
    steps: range = range(1, 1000),
) -> None:
    """Have something told while a host dies `before` or `after` its n-th commit of `what`, or `between` it and what has
    to be there before, for n = 1, 2, ..., and an heir takes its place, until one survives: `tell` checks what came of
    it. Each time the client is another owner's; without `what`, all of that owner's commits count. `steps` are the n
    that are tried, up to `most`.
    """
    for count in steps[: most - 1]:
        hosts.owner = f"me-{hosts.port}-{count}"  # an account may have owners of other tests
        _, has_died = await die_once(hosts, f"{when}:{count}:{what or hosts.owner}", tell)
        await hosts.close()
        # A commit that was lost to a race is no occasion to die after it.
        if not has_died and count > least:
            return
    raise AssertionError(f"the host should have died at each of at least {least} commits, and survived in the end")


async def live_dangerously(
    lives: Sequence[Coroutine[Any, Any, T]], kill: Callable[[], Awaitable[None]], *, at_once: int
) -> list[T]:
    """Live all the lives, so many at once, and kill a host at a random moment after every fifth that ended.

    Death comes by progress, not by the clock: neither a fast machine nor a slow one changes what is tested.
    """
    gate, one_death, ended, deaths = asyncio.Semaphore(at_once), asyncio.Lock(), 0, 0

    async def live(life: Coroutine[Any, Any, T]) -> T:
        nonlocal ended, deaths
        async with gate:
            end = await life
        ended += 1
        if ended % 5 == 0 and ended < len(lives):
            deaths += 1
            async with one_death:  # two at once would choose the same victim
                await asyncio.sleep(random.uniform(0, 0.3))
                await kill()
        return end

    async with asyncio.TaskGroup() as group:  # whatever fails, nobody kills or starts a host after the test
        living = [group.create_task(live(life)) for life in lives]
    assert deaths >= 2, "nobody died"
    return [each.result() for each in living]


def answers(action: dict[str, Any]) -> dict[str, Any]:
    """What a client says to a run that requires an action: every call is approved, the weather is wet."""
    ids = [call["id"] for call in action[action["type"]]["tool_calls"]]
    if action["type"] == "submit_tool_approval":
        return {"tool_approvals": [{"tool_call_id": each, "approve": True} for each in ids]}
    return {"tool_outputs": [{"tool_call_id": each, "output": "wet"} for each in ids]}


class Client:
    """Asks again until somebody answers, and finds out whether what it asked for has happened already."""

    def __init__(self, hosts: Hosts):
        self.hosts = hosts
        self.http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{hosts.port}/v1/", headers={"api-key": KEY}, timeout=10
        )

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """An answer, however often it takes: for what may be asked twice."""
        async with patience(f"an answer to {method} {path}"):
            while True:
                response = await self.ask_once(method, path, body)
                if response is not None:
                    return response
                await asyncio.sleep(0.05)

    async def ask_once(self, method: str, path: str, body: Any = None) -> httpx.Response | None:
        """An answer, or None: 5xx answers and lost connections are no answers."""
        try:
            response = await self.http.request(method, path, json=body)
        except httpx.TransportError:
            return None
        return response if response.status_code < 500 else None

    async def get(self, path: str) -> Any:
        response = await self.ask("GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    async def thread(self, message: str) -> str:
        body = {"messages": [{"role": "user", "content": message}]}
        return str((await self.ask("POST", "threads", body)).json()["id"])

    async def begin(
        self, thread: str, assistant: str, server_tools: str = "*", *, stream: bool = False
    ) -> dict[str, Any]:
        """Create the thread's only run: an answer that was lost is looked up, not asked for twice."""
        metadata = {"server_tools": server_tools} if server_tools else {}
        body = {"assistant_id": assistant, "metadata": metadata, "instructions": thread, "stream": stream}
        async with patience(f"a run on {thread}"):
            while True:
                runs = (await self.get(f"threads/{thread}/runs"))["data"]
                if runs:
                    return dict(runs[0])
                await self.ask_once("POST", f"threads/{thread}/runs", body)

    async def finish(self, thread: str, run: dict[str, Any]) -> dict[str, Any]:
        """Poll the run and answer what it asks for, until it is over."""
        path = f"threads/{thread}/runs/{run['id']}"
        async with patience(f"the end of {path}"):
            while run["status"] not in OVER:
                if run["status"] == "requires_action":
                    await self.ask_once("POST", f"{path}/submit_tool_outputs", answers(run["required_action"]))
                await asyncio.sleep(self.hosts.poll_seconds)
                run = await self.get(path)
        return run

    async def reported(self, thread: str) -> int:
        """Tokens of which the model has told whoever drove the thread's run."""
        state = await self.http.get(self.hosts.model_url.removesuffix("/v1") + "/fake/state")
        return int(state.json()["reported"].get(thread, 0))

    async def close(self) -> None:
        await self.http.aclose()
