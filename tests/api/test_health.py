"""Whether the box works: `/healthz?deep=1`, and what is left of `/v1/models` when its model is away."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest
from aiohttp import web
from azure.core.exceptions import HttpResponseError

from shared.api.health import FRESH
from shared.store.base import Unavailable
from tests.api.conftest import ModelBox

#: What the endpoint of a test answers to the list of models, by the path below which it is asked.
STATUSES = {"right": 200, "refusing": 401, "elsewhere": 404, "busy": 429, "broken": 503, "odd": 418}


class Endpoint:
    """A model endpoint that only lists its models, in a thread of its own; counts how often."""

    def __init__(self) -> None:
        self.asked = 0
        self.url = ""
        self._ready, self._over = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Endpoint:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        app = web.Application()
        app.router.add_get("/{status}/models", self._models)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._over.wait()
        await runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        self.asked += 1
        status = STATUSES[request.match_info["status"]]
        if status != 200:
            return web.json_response({"error": {"message": "sk-secret is wrong", "code": "x"}}, status=status)
        return web.json_response({"object": "list", "data": [{"id": "gpt-x"}, {"id": "qwen3:latest"}]})


@pytest.fixture(scope="module")
def endpoint():
    with Endpoint() as made:
        yield made


@pytest.fixture
def box(tmp_path, settings, monkeypatch):
    """A box with the model of its settings instead of a scripted one."""
    made = ModelBox(tmp_path, {"openai_api_key": "sk-secret"} | settings)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def settings(endpoint, request):
    base_url, aliases = getattr(request, "param", ("right", {}))
    where = f"{endpoint.url}/{base_url}" if base_url in STATUSES else base_url
    return {"openai_base_url": where, "model_aliases": aliases}


@pytest.fixture
def settled(box, endpoint):
    """A box asks once at its start which models end; that is over."""
    for _ in range(100):
        seen = endpoint.asked
        time.sleep(0.5)
        if endpoint.asked == seen:
            return


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize("query", ["", "?deep=0", "?deep="])
def test_the_process_answers(raw, endpoint, settled, query):
    before = endpoint.asked
    assert raw.get(f"/healthz{query}").json() == {"status": "ok"}
    assert endpoint.asked == before


@pytest.mark.parametrize("settings", [("right", {}), ("right", {"*": "gpt-x", "a": "qwen3"})], indirect=True)
def test_a_box_that_works_says_so(raw):
    response = raw.get("/healthz?deep=1")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "model": "answers", "storage": "answers", "poison": 0}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("refusing", {}), "refuses the key (401)"),
        (("elsewhere", {}), "(404)"),
        (("busy", {}), "(429)"),
        (("broken", {}), "(503)"),
        (("odd", {}), "(418)"),
        (("right", {"*": "gpt-y"}), "does not list gpt-y"),
        ((f"http://127.0.0.1:{closed_port()}/v1", {}), "refused the connection"),
        (("http://no-such-host.invalid/v1", {}), "name is unknown"),
        (("localhost:11434/v1", {}), "http://"),
        (("http://:80x/v1", {}), "http://"),
    ],
    indirect=["settings"],
)
def test_what_keeps_the_model_from_answering_is_said_in_one_line(raw, settings, words):
    response = raw.get("/healthz?deep=1")
    assert response.status_code == 503
    said = response.json()
    assert (said["status"], said["storage"]) == ("failing", "answers")
    assert words in said["model"]
    for secret in ("sk-secret", "127.0.0.1", "no-such-host", "\n"):
        assert secret not in said["model"]


def test_storage_that_is_away_is_said(raw, box, monkeypatch):
    async def away(*_: object) -> None:
        raise Unavailable("the account secret.example is away")

    monkeypatch.setattr(box.deps.store, "get", away)
    response = raw.get("/healthz?deep=1")
    assert (response.status_code, response.json()["storage"]) == (503, "could not be reached")


def test_storage_that_refuses_is_told_from_storage_that_is_away(raw, box, monkeypatch):
    async def refuse(*_: object) -> None:
        forbidden = HttpResponseError("AuthorizationPermissionMismatch")
        forbidden.status_code = 403
        raise Unavailable("no") from forbidden

    monkeypatch.setattr(box.deps.store, "get", refuse)
    answer = raw.get("/healthz?deep=1")
    assert answer.status_code == 503
    assert answer.json()["storage"] == "refuses the box: see the roles of its identity"


def test_many_who_ask_are_one_question_to_the_model(raw, endpoint, settled):
    before, started = endpoint.asked, time.monotonic()
    for _ in range(5):
        raw.get("/healthz?deep=1")
    assert endpoint.asked <= before + 1 + (time.monotonic() - started) // FRESH


@pytest.mark.parametrize("settings", [("refusing", {"gpt-4o": "gpt-x", "*": "gpt-z"})], indirect=True)
def test_aliases_are_listed_when_the_provider_does_not_list(client):
    assert [model.id for model in client.models.list()] == ["gpt-z", "gpt-4o", "gpt-x"]
    assert client.models.retrieve("gpt-4o").id == "gpt-4o"
