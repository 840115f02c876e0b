"""What traces, metrics and the log tell of a user's whole story: contents only where they are asked for, no secrets."""

from __future__ import annotations

import base64
import json
import logging
import time
from typing import Any

import pytest

from shared.llm.scripted import call, fail, text
from shared.logs import LogLine
from shared.telemetry.exposition import lines_of
from shared.tools.base import tool
from shared.tools.delivery import AllowedDomains
from shared.tools.outbox import Outbox
from shared.tools.send_email import send_email_tool
from tests.api.canary import CANARY, live
from tests.api.conftest import KEY
from tests.api.test_traces import box, told  # noqa: F401
from tests.fakes.mcp_server import mcp_server
from tests.fakes.webhook_receiver import receiving
from tests.fakes.workflow import SIGNATURE, workflow

SECRET = "Geheimnis5X"
HOOK = "whsec_" + base64.b64encode(f"{SECRET} of thirty-two bytes ...".encode()).decode()
SECRETS = (SECRET, SIGNATURE, KEY, HOOK, HOOK.removeprefix("whsec_"))
CAPTURE = "otel_instrumentation_genai_capture_message_content"
#: Whoever stands in for the world outside has a log of his own, and clients have theirs.
OTHERS = ("uvicorn", "mcp.server", "httpx", "openai", "asyncio", "python_multipart", "matplotlib")


@pytest.fixture
def world():
    """What is outside the box."""
    with mcp_server(indiscreet="anything") as server, workflow() as app, receiving() as receiver:
        receiver.otherwise = 500
        yield server, app, receiver


@pytest.fixture
def contents() -> str:
    """Whether spans have them; override by parametrisation."""
    return ""


@pytest.fixture
def settings(world, tmp_path, contents):
    server, app, receiver = world
    return {
        "sandbox": "auto",
        "box_home": tmp_path / "home",
        "reasoning_summary": "auto",
        "mcp_allowed_hosts": server.host,
        "openapi_allowed_hosts": app.host,
        "connections": {"weather": {"url": app.address}},
        "webhooks": {"shop": {"url": f"{receiver.url}?key={SECRET}", "secret": HOOK}},
        "webhook_allowed_hosts": receiver.host,
        CAPTURE: contents,
    }


@pytest.fixture
def tools(tmp_path):
    async def trip(word: str) -> str:
        """Fail, saying why."""
        raise RuntimeError(word)

    outbox = Outbox(tmp_path / "home" / "outbox", "email")
    return [
        send_email_tool(outbox, AllowedDomains.parse("example.com")),
        tool(trip, idempotent=True, timeout=5),
    ]


def runs(http, tools=(), **more):
    """A run to where it stops; `tools` are the assistant's."""

    def headers():
        return {"idempotency-key": f"{SECRET}{time.monotonic_ns()}", "tracestate": f"a={SECRET}"}

    body = {"model": "gpt-x", "tools": [*tools], "metadata": {"server_tools": "trip", "note": CANARY}}
    made = http.post("assistants", json=body, headers=headers())
    assert made.status_code == 200, made.text
    thread = {"messages": [{"role": "user", "content": CANARY}], "metadata": {"note": CANARY}}
    body = {"assistant_id": made.json()["id"], "thread": thread, **more}
    run = http.post("threads/runs", json=body, headers=headers()).json()
    path = f"threads/{run['thread_id']}/runs/{run['id']}"
    while run["status"] in ("queued", "in_progress"):
        time.sleep(0.1)
        run = http.get(path).json()
    return run


def files_that_fail(client, http):
    """One that cannot be read, one of no known kind; the batch of both."""
    broken = client.files.create(file=(f"{CANARY}.pdf", f"%PDF-1.4 {CANARY}".encode()), purpose="assistants").id
    odd = client.files.create(file=(f"{CANARY}.docx", CANARY.encode()), purpose="assistants").id
    store = client.vector_stores.create(name=CANARY, metadata={"note": CANARY}).id
    http.post(f"vector_stores/{store}/file_batches", json={"file_ids": [broken, odd]})
    while client.vector_stores.retrieve(store).status != "completed":
        time.sleep(0.02)
    assert client.vector_stores.retrieve(store).file_counts.failed == 2
    client.vector_stores.search(store, query=CANARY)


def tell(client, http, raw, llm, world):
    """Every kind of story, those included that go wrong."""
    server, app, _ = world
    live(client, llm, "ann", name="Helper")
    files_that_fail(client, http)
    llm.script([call("trip", word=CANARY)], [text("Done.")])
    runs(http)
    llm.script([call("nobody_knows", word=CANARY)])
    runs(http)
    llm.script([fail("server_error", CANARY)])
    assert runs(http)["status"] == "failed"
    llm.script([fail("rate_limit_exceeded", CANARY)])
    runs(http)
    mcp: dict[str, Any] = {
        "type": "mcp",
        "server_label": "one",
        "server_url": f"{server.url()}?sig={SECRET}",
        "require_approval": "never",
        "headers": {"X-Key": SECRET},
    }
    llm.script([call("repeat", fail=False), call("repeat", fail=True), call("forecast", city=CANARY)], [text("Done.")])
    runs(http, [mcp])
    runs(http, [mcp | {"server_url": f"http://127.0.0.1:9/mcp?sig={SECRET}"}])
    auth = {"type": "connection", "security_scheme": {"connection_id": "/projects/p/connections/weather"}}
    logic = {"type": "openapi", "openapi": {"name": "weather", "spec": app.document, "auth": auth}}
    for ends in ("indiscretion", "silence"):
        app.ends = ends
        llm.script([call("manual-invoke", body={"city": CANARY})], [text(CANARY)])
        runs(http, [logic])
    picture = {"type": "image_url", "image_url": {"url": f"https://example.com/a.png?sig={SECRET}"}}
    llm.script([text(CANARY)])
    http.post("threads", json={"messages": [{"role": "user", "content": [picture]}]})
    for path in (f"threads/{CANARY}", f"threads?after={CANARY}", f"nowhere/{SECRET}"):
        http.get(path)
        raw.get(f"/v1/{path}", headers={"Authorization": f"Bearer {SECRET}"})
    raw.post("/v1/files", content=CANARY, headers={"api-key": KEY, "content-type": f"multipart/form-data; x={CANARY}"})


def telling(told, box, caplog) -> dict[str, str]:  # noqa: F811
    """All that an operator is told."""
    lines = [LogLine("%(message)s").format(each) for each in caplog.records if not each.name.startswith(OTHERS)]
    return {
        "spans": "\n".join(each.to_json() for each in told.spans()),
        "metrics": json.dumps(told.metrics()),
        "exposition": "\n".join(line for each in box.telemetry.meters.numbers.all() for line in lines_of(each)),
        "log": "\n".join(lines),
    }


def quoted(text: str, word: str) -> list[str]:
    """The lines that have it."""
    return [line.strip()[:300] for line in text.splitlines() if word in line]


@pytest.mark.parametrize("contents", ["", "true"], ids=["without contents", "with contents"])
def test_neither_contents_nor_secrets_are_told(told, client, http, raw, llm, world, box, caplog, contents):  # noqa: F811
    caplog.set_level(logging.INFO)
    tell(client, http, raw, llm, world)
    told.settled(8)
    found = telling(told, box, caplog)
    for place, words in found.items():
        assert words, place
        for secret in SECRETS:
            assert quoted(words, secret) == [], place
        if not (contents and place == "spans"):
            assert quoted(words, CANARY) == [], place
    assert (CANARY in found["spans"]) == bool(contents)
    names = {each.name.partition(" ")[0] for each in told.spans()}
    assert names >= {"invoke_agent", "chat", "execute_tool", "lease", "ingest", "retrieval"}
