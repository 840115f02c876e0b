"""Fills a box with something of everything and writes down what it stored.

    python tests/golden/make.py tests/golden/box-0.2.json

Run it with the version whose storage is to be kept: it is ended in the middle of what it does, as by a power cut.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path.cwd()))

import httpx2 as httpx
from pydantic import SecretStr

from shared.app import build
from shared.config import Settings
from shared.llm.scripted import ScriptedLlm, call, fail, incomplete, pause, text
from shared.tools.base import tool
from tests.fakes.plain_sandbox import PlainSandbox
from tests.fakes.weather import WEATHER

STORY = b"The lighthouse of Brandan was painted green in 1911. Its keeper was called Eleanor."


async def send_letter(to: str) -> str:
    """Send a letter, which takes for ever."""
    await asyncio.sleep(3600)
    return to


class Maker:
    """A box at work, and names for what is made in it."""

    def __init__(self, home: Path, **settings: Any):
        keys = {"me": SecretStr("k")}
        self.llm = ScriptedLlm()
        self.now = int(time.time())
        self.ahead = 0.0
        letters = tool(send_letter, idempotent=False, timeout=7200)
        self.box = build(
            Settings(_env_file=None, box_home=home, box_api_keys=keys, **settings),
            llm=self.llm,
            tools=[letters],
            sandbox=PlainSandbox(home / "sandbox"),
            clock=lambda: time.time() + self.ahead,
        )
        transport = httpx.ASGITransport(app=self.box.asgi)
        headers = {"Authorization": "Bearer k"}
        self.http = httpx.AsyncClient(transport=transport, base_url="http://box/v1", headers=headers, timeout=60)
        self.made: dict[str, Any] = {}
        self.streams: list[asyncio.Task[Any]] = []

    async def post(self, path: str, **body: Any) -> Any:
        answer = await self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def get(self, path: str) -> Any:
        return (await self.http.get(path)).json()

    async def until(self, path: str, **wanted: str) -> Any:
        for _ in range(400):
            found = await self.get(path)
            if all(found[name] == value for name, value in wanted.items()):
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(found)

    async def file(self, name: str, data: bytes) -> str:
        answer = await self.http.post("/files", files={"file": (name, data)}, data={"purpose": "assistants"})
        return str(answer.json()["id"])

    async def run(self, name: str, status: str, *turns: Any, **more: Any) -> None:
        """A thread with one run that has come to a status."""
        self.llm.script(*turns)
        thread = await self.post("/threads", messages=[{"role": "user", "content": f"Question of {name}"}])
        run = await self.post(f"/threads/{thread['id']}/runs", assistant_id=self.made["assistant"], **more)
        self.made[name] = [thread["id"], run["id"]]
        await self.until(f"/threads/{thread['id']}/runs/{run['id']}", status=status)

    async def streamed(self, name: str, kind: str, *turns: Any, **more: Any) -> None:
        """A thread with a run that is being streamed when the box dies, in the middle of a step of that kind."""
        self.llm.script(*turns)
        thread = await self.post("/threads", messages=[{"role": "user", "content": f"Question of {name}"}])
        body = {"assistant_id": self.made["assistant"], "stream": True, **more}
        self.streams.append(asyncio.create_task(self.post(f"/threads/{thread['id']}/runs", **body)))
        [run] = await self.some(f"/threads/{thread['id']}/runs")
        self.made[name] = [thread["id"], run["id"]]
        [step] = await self.some(f"/threads/{thread['id']}/runs/{run['id']}/steps")
        assert step["type"] == kind
        await asyncio.sleep(0.5)

    async def some(self, path: str) -> Any:
        for _ in range(400):
            if found := (await self.get(path))["data"]:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(path)

    # -- what is made ------------------------------------------------------------------------------------------------

    async def at_work(self) -> None:
        """Everything that takes a box at work; tasks that hang are left hanging."""
        story = await self.file("story.txt", STORY)
        store = await self.post("/vector_stores", name="stories", file_ids=[story])
        await self.until(f"/vector_stores/{store['id']}", status="completed")
        tools = [{"type": "code_interpreter"}, {"type": "file_search"}, WEATHER]
        resources = {"file_search": {"vector_store_ids": [store["id"]]}}
        assistant = await self.post("/assistants", model="m", tools=tools, tool_resources=resources, name="Golden")
        self.made |= {"story": story, "store": store["id"], "assistant": assistant["id"]}
        code = "print(6 * 7)"
        await self.run(
            "completed",
            "completed",
            [call("code_interpreter", code=code), call("file_search", query="lighthouse")],
            [text("Green 【1:0†story.txt】.")],
        )
        await self.expired()
        await self.run("requires_action", "requires_action", [call("get_weather", call_id="call_golden")])
        await self.run("failed", "failed", [text("Hal"), fail("rate_limit_exceeded", "Too much.")])
        await self.run("incomplete", "incomplete", [text("Hal"), incomplete()])
        await self.run("cancelled", "in_progress", [pause(600.0), text("Never.")])
        thread, run = self.made["cancelled"]
        await self.post(f"/threads/{thread}/runs/{run}/cancel")
        await self.until(f"/threads/{thread}/runs/{run}", status="cancelled")
        await self.streamed("writing", "message_creation", [text("Half an ", pause(600.0), "answer")])
        await self.streamed(
            "calling",
            "tool_calls",
            [call("send_letter", to="Ann", call_id="call_letter")],
            metadata={"server_tools": "send_letter"},
        )

    async def expired(self) -> None:
        """A run whose client never came."""
        await self.run("expired", "requires_action", [call("get_weather")])
        self.ahead = 700.0
        await self.box.housekeeping()
        self.ahead = 0.0
        await self.until("/threads/{}/runs/{}".format(*self.made["expired"]), status="expired")

    async def at_the_provider(self, made: dict[str, Any]) -> None:
        """A run whose turn is taken in the background when the box dies."""
        self.made = made
        await self.run("polling", "in_progress", [pause(600.0), text("Never.")])
        await self.box.driven.wait()

    async def at_rest(self) -> None:
        """What waits in the queues: nobody takes messages any more."""
        for name in ("queued", "cancelling"):
            thread = await self.post("/threads", messages=[{"role": "user", "content": f"Question of {name}"}])
            run = await self.post(f"/threads/{thread['id']}/runs", assistant_id=self.made["assistant"])
            self.made[name] = [thread["id"], run["id"]]
        await self.post("/threads/{}/runs/{}/cancel".format(*self.made["cancelling"]))
        await self.in_line()
        files = [await self.file(f"late{number}.txt", b"Late news about Eleanor.") for number in range(3)]
        batch = await self.post(f"/vector_stores/{self.made['store']}/file_batches", file_ids=files)
        upload = await self.post("/uploads", filename="up.txt", purpose="assistants", bytes=8, mime_type="text/plain")
        part = await self.http.post(f"/uploads/{upload['id']}/parts", files={"data": ("p", b"eightby!")})
        self.made |= {"late": files, "batch": batch["id"], "upload": [upload["id"], part.json()["id"]]}

    async def in_line(self) -> None:
        """A message and a run that wait for the end of their thread's run."""
        thread = (await self.post("/threads", messages=[{"role": "user", "content": "Question ahead"}]))["id"]
        await self.post(f"/threads/{thread}/runs", assistant_id=self.made["assistant"])
        waiting: list[str] = []
        question = {"role": "user", "content": "Question in line"}
        for path, body in (("messages", question), ("runs", {"assistant_id": self.made["assistant"]})):
            answer = await self.http.post(f"/threads/{thread}/{path}", json=body, headers={"When-Busy": "queue"})
            waiting.append(answer.json()["id"])
        self.made |= {"in_line": [thread, waiting[1]], "waiting": waiting[0]}


def written(home: Path) -> dict[str, Any]:
    """Everything the box has stored."""
    database = sqlite3.connect(home / "box.db")
    records = database.execute("SELECT partition, key, data, due FROM records ORDER BY partition, key").fetchall()
    messages = database.execute("SELECT queue, body FROM messages ORDER BY queue, visible").fetchall()
    blobs = sorted(path for path in (home / "blobs").rglob("*") if path.is_file())
    return {
        "records": [[partition, key, json.loads(data), due] for partition, key, data, due in records],
        "messages": [[queue, json.loads(body)] for queue, body in messages],
        "blobs": {
            path.relative_to(home / "blobs").as_posix(): base64.b64encode(path.read_bytes()).decode() for path in blobs
        },
    }


async def main(home: Path, to: Path) -> None:
    """Make everything, die, and write it down."""
    maker = Maker(home, run_start="queue")
    work = maker.box.at_work()
    await work.__aenter__()
    await maker.at_work()
    for task in asyncio.all_tasks():
        name = getattr(task.get_coro(), "__qualname__", "")
        if name == "Consumer.run":
            task.cancel()
    await asyncio.sleep(0.1)
    await maker.at_rest()
    await Maker(home, model_turns="background").at_the_provider(maker.made)
    content = {"now": int(time.time()), "owner": "me", "made": maker.made, **written(home)}
    to.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")  # noqa: ASYNC240  nothing else runs any more
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(Path(tempfile.mkdtemp()), Path(sys.argv[1]).resolve()))
