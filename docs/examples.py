"""Examples for the API's description, recorded: a client's story with a box, and what was said in it.

`make docs` writes shared/api/examples.json: "POST /v1/threads" -> {"body": {…}, "answer": {…}, "events": "event: …"},
with steady ids and times. What the box answers is never written by hand, so the examples cannot grow old.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx
from pydantic import SecretStr

from shared.app import build
from shared.config import Settings
from shared.llm.scripted import ScriptedLlm, call, text

KEY: Final = "docs"
ADMIN_KEY: Final = "docs-admin"
#: The time of every example: 2026-08-26.
NOW: Final = 1787702400
PREFIXES: Final = (
    "asst_",
    "thread_",
    "msg_",
    "run_",
    "step_",
    "call_",
    "vs_",
    "vsfb_",
    "upload_",
    "part_",
    "file-",
    "key_",
    "appr_",
    "hold_",
    "ctok_",
    "evt_",
    "resp_",
    "req_",
)
IDENTIFIER: Final = re.compile(rf"\b({'|'.join(PREFIXES)})([0-9A-Za-z]{{20,}})")
SECRET: Final = re.compile(r"\bbox-[\w-]{43}")
TOKEN: Final = re.compile(r"\bboxt-[\w.-]+")
TIMES: Final = re.compile(r'(_at\\?": ?)\d{10}')
#: What else differs from run to run -> what stands for it.
UNSTEADY: Final = (
    (re.compile(r'(_at_ms": ?)\d{13}'), rf"\g<1>{NOW}000"),
    (re.compile(r'(duration_ms": ?)\d+'), r"\g<1>812"),
    (re.compile(r'("by": ?")[^"]+-\d+-[0-9a-f]{16}"'), r'\g<1>worker-4711-9f2c61d0a7b3e845"'),
)
WEATHER: Final = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
Json = dict[str, Any]


class Recorder:
    """Talks to the box and keeps, for each route, the first request with its answer."""

    def __init__(self, client: httpx.AsyncClient):
        self.client = client
        self.kept: dict[str, Json] = {}

    async def __call__(self, method: str, route: str, body: Json | None = None, **sent: Any) -> Any:
        """Send a request to a route, "/threads/{thread_id}"; its parts are given by name, files as to httpx.

        A body that streams is the route's example of events.
        """
        parts = {name: sent.pop(name) for name in re.findall(r"{(\w+)}", route)}
        response = await self.client.request(method, f"/v1{route.format(**parts)}", json=body, **sent)
        kept = self.kept.setdefault(f"{method} /v1{route.partition('?')[0]}", {})
        if response.headers["content-type"].startswith("text/event-stream"):
            kept.setdefault("events", response.text)
            return response.text
        if response.headers["content-type"].startswith("application/json"):
            answer = response.json()
            if response.is_error:
                kept.setdefault("error", answer)
                return answer
            if body is not None:
                kept.setdefault("body", body)
            kept.setdefault("answer", answer)
            return answer
        return response.text


async def story(say: Recorder, llm: ScriptedLlm) -> None:
    """A client's life with the box."""
    await assistants(say)
    await files(say)
    await approval(say, llm)
    await conversation(say, llm)
    models = await say("GET", "/models")
    await say("GET", "/models/{model}", model=models["data"][0]["id"])
    await say("GET", "/usage?group_by=model")
    await administration(say)


async def administration(say: Recorder) -> None:
    """An owner with a key that is replaced and removed, who gets objects from elsewhere; and a legal hold."""
    admin: Json = {"headers": {"Authorization": f"Bearer {ADMIN_KEY}"}}
    first = await say("POST", "/admin/owners", {"name": "ann"}, **admin)
    await say("GET", "/admin/owners", **admin)
    await say("GET", "/admin/usage", **admin)
    await say("POST", "/admin/owners", {"name": "ann"}, **admin)
    await say("DELETE", "/admin/owners/{owner}/keys/{key_id}", owner="ann", key_id=first["id"], **admin)
    await say("POST", "/admin/owners/{owner}/rotate", owner="ann", **admin)
    assistant = b'{"id": "asst_old", "object": "assistant", "created_at": 1716470000, "model": "gpt-4o"}'
    await say("POST", "/admin/import?owner=ann", files={"dump.jsonl": assistant}, **admin)
    await say("DELETE", "/admin/owners/{owner}", owner="ann", **admin)
    held = "/admin/owners/{owner}/holds"
    hold = await say("POST", held, {"metadata": {"user": "7"}, "reason": "case 4711"}, owner=KEY, **admin)
    await say("GET", held, owner=KEY, **admin)
    await say("GET", "/legal_holds")
    await say("DELETE", f"{held}/{{hold_id}}", owner=KEY, hold_id=hold["id"], **admin)


async def assistants(say: Recorder) -> None:
    """Made, looked at, changed, listed, deleted."""
    body: Json = {"model": "gpt-5.6-luna", "name": "Forecaster", "instructions": "Be brief.", "tools": [WEATHER]}
    made = (await say("POST", "/assistants", body))["id"]
    await say("GET", "/assistants")
    await say("GET", "/assistants/{assistant_id}", assistant_id=made)
    await say("POST", "/assistants/{assistant_id}", {"metadata": {"team": "weather"}}, assistant_id=made)
    await say("DELETE", "/assistants/{assistant_id}", assistant_id=made)
    await say("GET", "/assistants/{assistant_id}", assistant_id=made)


async def files(say: Recorder) -> None:
    """A file, an upload in parts, a store with files and what is found in it."""
    rules = ("refunds.md", b"Refunds are paid within 14 days.")
    form: Json = {"data": {"purpose": "assistants"}, "files": {"file": rules}}
    file = (await say("POST", "/files", **form))["id"]
    await say("GET", "/files")
    await say("GET", "/files/{file_id}", file_id=file)
    whole = {"filename": "long.md", "purpose": "assistants", "bytes": 6, "mime_type": "text/markdown"}
    upload = (await say("POST", "/uploads", whole))["id"]
    part = (await say("POST", "/uploads/{upload_id}/parts", upload_id=upload, files={"data": b"# Long"}))["id"]
    long = await say("POST", "/uploads/{upload_id}/complete", {"part_ids": [part]}, upload_id=upload)
    upload = (await say("POST", "/uploads", whole))["id"]
    await say("POST", "/uploads/{upload_id}/cancel", upload_id=upload)

    store = {"vector_store_id": (await say("POST", "/vector_stores", {"name": "Rules", "file_ids": [file]}))["id"]}
    one = "/vector_stores/{vector_store_id}/files/{file_id}"
    await settled(say, one, **store, file_id=file)
    await say("GET", "/vector_stores")
    await say("GET", "/vector_stores/{vector_store_id}", **store)
    await say("GET", "/vector_stores/{vector_store_id}/embedding", **store)
    await say("POST", "/vector_stores/{vector_store_id}/embedding", **store)
    await say("POST", "/vector_stores/{vector_store_id}", {"metadata": {"team": "sales"}}, **store)
    await say("POST", "/vector_stores/{vector_store_id}/files", {"file_id": long["file"]["id"]}, **store)
    await settled(say, one, **store, file_id=long["file"]["id"])
    await say("GET", "/vector_stores/{vector_store_id}/files", **store)
    await say("POST", one, {"attributes": {"year": 2026}}, **store, file_id=file)
    await say("GET", f"{one}/content", **store, file_id=file)
    await say("POST", "/vector_stores/{vector_store_id}/search", {"query": "When are refunds paid?"}, **store)
    batches = "/vector_stores/{vector_store_id}/file_batches"
    batch = {"batch_id": (await say("POST", batches, {"file_ids": [file]}, **store))["id"]}
    await settled(say, one, **store, file_id=file)
    await say("GET", f"{batches}/{{batch_id}}", **store, **batch)
    await say("GET", f"{batches}/{{batch_id}}/files", **store, **batch)
    await say("POST", f"{batches}/{{batch_id}}/cancel", **store, **batch)
    await say("DELETE", one, **store, file_id=file)
    await say("DELETE", "/vector_stores/{vector_store_id}", **store)
    await say("DELETE", "/files/{file_id}", file_id=file)


async def settled(say: Recorder, route: str, **parts: Any) -> None:
    """Wait until a file is indexed or a run is over; that is the route's example."""
    while True:
        say.kept.pop(f"GET /v1{route}", None)
        if (await say("GET", route, **parts))["status"] not in ("queued", "in_progress", "cancelling"):
            return
        await asyncio.sleep(0.02)


async def conversation(say: Recorder, llm: ScriptedLlm) -> None:
    """A thread, a streamed run that asks for a function and gets its output, and what is there afterwards."""
    body: Json = {"model": "gpt-5.6-luna", "name": "Forecaster", "tools": [WEATHER]}
    assistant = (await say("POST", "/assistants", body))["id"]
    thread = {"thread_id": (await say("POST", "/threads", {"metadata": {"user": "7"}}))["id"]}
    question = {"role": "user", "content": "Will it rain in Oslo?"}
    message = (await say("POST", "/threads/{thread_id}/messages", question, **thread))["id"]
    llm.script([call("get_weather", city="Oslo")], [text("Yes, ", "in the evening.")])
    runs = "/threads/{thread_id}/runs"
    await say("POST", runs, {"assistant_id": assistant, "stream": True}, **thread)
    run = {"run_id": (await say("GET", runs, **thread))["data"][0]["id"]}
    one = f"{runs}/{{run_id}}"
    waiting = await say("GET", one, **thread, **run)
    calls = waiting["required_action"]["submit_tool_outputs"]["tool_calls"]
    outputs: Json = {"tool_outputs": [{"tool_call_id": calls[0]["id"], "output": "rain from 18:00"}]}
    submit = f"{one}/submit_tool_outputs"
    await say("POST", submit, outputs | {"stream": True}, **thread, **run)
    await say("POST", one, {"metadata": {"seen": "yes"}}, **thread, **run)
    await say("POST", f"{one}/cancel", **thread, **run)
    steps = await say("GET", f"{one}/steps", **thread, **run)
    await say("GET", f"{one}/events", **thread, **run)
    await say("GET", f"{one}/steps/{{step_id}}", **thread, **run, step_id=steps["data"][0]["id"])
    await say("GET", "/threads/{thread_id}/messages", **thread)
    await say("GET", "/threads/{thread_id}/messages/{message_id}", **thread, message_id=message)
    changed = {"metadata": {"seen": "yes"}}
    await say("POST", "/threads/{thread_id}/messages/{message_id}", changed, **thread, message_id=message)
    await say("DELETE", "/threads/{thread_id}/messages/{message_id}", **thread, message_id=message)
    llm.script([call("get_weather", city="Bergen")])
    await say("POST", runs, {"assistant_id": assistant, "stream": True}, **thread)
    run = {"run_id": (await say("GET", runs, **thread))["data"][0]["id"]}
    await say("POST", f"{one}/cancel", **thread, **run)
    await settled(say, one, **thread, **run)
    llm.script([call("get_weather", call_id=calls[0]["id"], city="Oslo")], [text("Yes.")])
    await say("POST", runs, {"assistant_id": assistant, "stream": True}, **thread)
    run = {"run_id": (await say("GET", runs, **thread))["data"][0]["id"]}
    await say("POST", submit, outputs, **thread, **run)
    await settled(say, one, **thread, **run)
    both: Json = {"assistant_id": assistant, "thread": {"messages": [question]}}
    llm.script([text("Yes.")], [text("Yes.")], [text("Yes.")])
    await say("POST", runs, {"assistant_id": assistant}, **thread)
    await say("POST", "/threads/runs", both)
    await say("POST", "/threads/runs", both | {"stream": True})
    await say("GET", "/threads")
    await say("GET", "/threads/{thread_id}", **thread)
    await say("POST", "/threads/{thread_id}", {"metadata": {"user": "8"}}, **thread)
    body = {"assistant_ids": [assistant], **thread, "expires_in": 600, "verbs": ["read", "post_messages", "run"]}
    token = await say("POST", "/client_tokens", body)
    await say("GET", "/client_tokens")
    await say("DELETE", "/client_tokens/{token_id}", token_id=token["id"])
    await say("DELETE", "/threads/{thread_id}", **thread)


async def approval(say: Recorder, llm: ScriptedLlm) -> None:
    """A run that waits until somebody approves a call of the box's own tool."""
    body: Json = {"model": "gpt-5.6-luna", "metadata": {"server_tools": "get_current_time:ask"}}
    assistant = (await say("POST", "/assistants", body))["id"]
    llm.script([call("get_current_time", timezone="Europe/Oslo")])
    made = await say("POST", "/threads/runs", {"assistant_id": assistant})
    run = {"thread_id": made["thread_id"], "run_id": made["id"]}
    await settled(say, "/threads/{thread_id}/runs/{run_id}", **run)
    await say("GET", "/approvals")
    await say("POST", "/threads/{thread_id}/runs/{run_id}/cancel", **run)


def steady(document: str) -> str:
    """Ids numbered in the order in which they appear, and one time."""
    known: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        prefix, tail = found.groups()
        return known.setdefault(found[0], f"{prefix}{len(known) + 1:0{len(tail)}d}")

    document = TOKEN.sub("boxt-shown-this-once", SECRET.sub("box-shown-this-once", document))
    for unsteady, instead in UNSTEADY:
        document = unsteady.sub(instead, document)
    return TIMES.sub(rf"\g<1>{NOW}", IDENTIFIER.sub(named, document))


@cache
def recorded() -> str:
    """The document of all examples."""

    async def told() -> dict[str, Json]:
        with tempfile.TemporaryDirectory() as home:
            settings = Settings(
                _env_file=None,
                box_home=Path(home),
                sandbox="none",
                box_api_keys={KEY: SecretStr(KEY)},
                box_admin_keys={KEY: SecretStr(ADMIN_KEY)},
            )
            llm = ScriptedLlm()
            box = build(settings, llm=llm)
            transport = httpx.ASGITransport(box.asgi)
            headers = {"Authorization": f"Bearer {KEY}"}
            async with (
                box.at_work(),
                httpx.AsyncClient(transport=transport, base_url="http://box", headers=headers) as client,
            ):
                say = Recorder(client)
                await story(say, llm)
            return say.kept

    return steady(json.dumps(asyncio.run(told()), indent=1, ensure_ascii=False)) + "\n"
