"""A real server on a free port for each test, and the real SDK clients that talk to it.

    def test_something(client, http, llm): ...
    async def test_something(async_client): ...

The server has an event loop of its own in a thread; `box.run` carries a coroutine over to it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import httpx2 as httpx
import pytest
import uvicorn
from openai import AsyncOpenAI, AzureOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI
from pydantic import SecretStr

from shared.app import build, storage_for, vectors
from shared.config import Settings
from shared.deps import Deps
from shared.llm.responses import from_settings
from shared.llm.scripted import ScriptedLlm
from shared.telemetry.base import Telemetry
from shared.tools.base import Tool
from tests.fakes.ports import Port, ported
from tests.fakes.weather import WEATHER

Result = TypeVar("Result")

#: Made once: a client that makes its own takes a tenth of a second for it.
TLS = ssl.create_default_context()

KEY, OTHER_KEY = "sk-test-0123456789", "sk-other-0123456789"

#: Seconds after which what failed is tried again.
RETRY_DELAY = 0.1

#: What every SDK client of the tests is made with.
SDK: dict[str, Any] = {"api_key": KEY, "max_retries": 0, "timeout": 20, "_strict_response_validation": True}


def listening_socket() -> socket.socket:
    """A free port. asyncio turns Nagle's algorithm off only where the protocol is named; it costs 40 ms an answer."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    return listening


class Server(uvicorn.Server):
    """Tells when it listens, and stops at once."""

    def __init__(self, config: uvicorn.Config, listening: threading.Event):
        super().__init__(config)
        self.listening = listening
        self.over = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        await self.over.wait()


class Clock:
    """The box's time, which tests can move on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += seconds


class Box:
    """The box under test: its address, its loop, its ports, whose methods `box.deps.store.replace(…)` replaces."""

    def __init__(self, home: Path, settings: dict[str, Any], certificate: Path | None = None):
        """With a certificate for `localhost` (and its key, in one file), the box speaks TLS."""
        self.llm = ScriptedLlm()
        self.tools: list[Tool] = []
        self.clock = Clock()
        self.telemetry: Telemetry | None = None
        keys = {"me": SecretStr(KEY), "other": SecretStr(OTHER_KEY)}
        self.settings = Settings(_env_file=None, **({"box_home": home, "box_api_keys": keys} | settings))
        self.socket = listening_socket()
        self.certificate = certificate
        name = "http://127.0.0.1" if certificate is None else "https://localhost"
        self.url = f"{name}:{self.socket.getsockname()[1]}"
        self.deps: Deps
        self.loop: asyncio.AbstractEventLoop
        self._server: Server
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="box")

    def start(self) -> None:
        self._thread.start()
        assert self._listening.wait(10)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._server.over.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def event(self) -> asyncio.Event:
        """An event for `pause`; set it with `loop.call_soon_threadsafe`."""
        return asyncio.Event()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run something in the box's own loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        made = build(
            self.settings,
            storage=ported(storage_for(self.settings)),
            llm=self.llm,
            embedders=Port(vectors(self.settings)),
            tools=self.tools,
            telemetry=self.telemetry,
            clock=self.clock,
        )
        self.deps = made.deps
        config = uvicorn.Config(
            made.asgi, log_config=None, lifespan="off", timeout_graceful_shutdown=1, ssl_certfile=self.certificate
        )
        self._server = Server(config, self._listening)
        async with made.at_work(retry_delay=RETRY_DELAY):
            await self._server.serve(sockets=[self.socket])


class ModelBox(Box):
    """A box that asks the models which its settings name, instead of a script."""

    def __init__(self, home: Path, settings: dict[str, Any]):
        super().__init__(home, settings)
        self.llm = from_settings(self.settings)  # type: ignore[assignment]


@pytest.fixture
def settings() -> dict[str, Any]:
    """Settings that differ from the defaults; override in a test module or by parametrisation."""
    return {}


@pytest.fixture
def tools() -> list[Tool]:
    """Tools the box runs itself; override in a test module."""
    return []


@pytest.fixture
def box(tmp_path, settings, tools):
    box = Box(tmp_path, settings)
    box.tools = tools
    box.start()
    yield box
    box.stop()


@pytest.fixture
def llm(box):
    return box.llm


@pytest.fixture
def client(box):
    with OpenAI(base_url=f"{box.url}/v1", http_client=DefaultHttpxClient(verify=TLS), **SDK) as client:
        yield client


@pytest.fixture
async def async_client(box):
    http_client = DefaultAsyncHttpxClient(verify=TLS)
    async with AsyncOpenAI(base_url=f"{box.url}/v1", http_client=http_client, **SDK) as client:
        yield client


@pytest.fixture
def azure(box):
    http_client = DefaultHttpxClient(verify=TLS)
    version = "2024-05-01-preview"
    with AzureOpenAI(azure_endpoint=box.url, api_version=version, http_client=http_client, **SDK) as client:
        yield client


def below(url: str, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers=headers, timeout=20, verify=TLS)


@pytest.fixture
def http(box):
    """Raw requests with a key, below `/v1`."""
    with below(f"{box.url}/v1/", Authorization=f"Bearer {KEY}") as client:
        yield client


@pytest.fixture
def wait(http):
    """Poll a run until it stops."""

    def wait(run):
        for _ in range(1000):
            run = http.get(f"threads/{run['thread_id']}/runs/{run['id']}").json()
            if run["status"] not in ("queued", "in_progress"):
                return run
            time.sleep(0.01)
        raise AssertionError(run)

    return wait


@pytest.fixture
def other(box):
    """Raw requests of another owner."""
    with below(f"{box.url}/v1/", Authorization=f"Bearer {OTHER_KEY}") as client:
        yield client


@pytest.fixture
def raw(box):
    """Raw requests without a key, below the root."""
    with below(box.url) as client:
        yield client


@pytest.fixture
def assistant(client):
    """An assistant that may ask for the weather; override in a test module."""
    return client.beta.assistants.create(model="gpt-x", name="Helper", instructions="Be kind.", tools=[WEATHER])


@pytest.fixture
def thread(client):
    """A thread with a question; override in a test module."""
    return client.beta.threads.create(messages=[{"role": "user", "content": "Weather?"}])


@pytest.fixture
def ask(client, assistant, thread):
    """Run the thread and poll until it stops."""

    def ask(**more):
        more = {"assistant_id": assistant.id, "poll_interval_ms": 10} | more
        return client.beta.threads.runs.create_and_poll(thread_id=thread.id, **more)

    return ask


@pytest.fixture
def submit(client, thread):
    """Give a run the outputs by call id, and poll until it stops."""

    def submit(run, **outputs):
        tool_outputs = [{"tool_call_id": each, "output": output} for each, output in outputs.items()]
        return client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=thread.id, tool_outputs=tool_outputs, poll_interval_ms=10
        )

    return submit


@pytest.fixture
def stream(http, assistant, thread):
    """Start a streamed run and read (event, data, seconds since the request) one by one."""

    def stream(path=None, *, params=None, headers=None, **body):
        path = path or f"threads/{thread.id}/runs"
        body = {"stream": True} | ({} if "tool_outputs" in body else {"assistant_id": assistant.id}) | body
        started = time.monotonic()
        with http.stream("POST", path, params=params, json=body, headers=headers, timeout=60) as response:
            assert response.status_code == 200
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            name = ""
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data = line.removeprefix("data: ")
                    yield name, data if data == "[DONE]" else json.loads(data), time.monotonic() - started

    return stream
