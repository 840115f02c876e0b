"""Boxes between which things move, what comes in, and what a client can see of it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
from pydantic import SecretStr

from shared.app import build, storage_for
from shared.config import Settings
from shared.deps import Caller
from shared.llm.scripted import ScriptedLlm
from shared.moving.exports import Chosen, Export
from shared.moving.imports import Import, Wanted
from shared.moving.sources import opened
from tests.fakes.ports import ported
from tests.warm import warm

CREATED = 1_716_470_000
TAIL = "zWn5Xb9Rj3HdT4mVq8Kc2"


class Died(BaseException):
    """The process is gone."""


@asynccontextmanager
async def opened_box(home: Path, owner: str = "me", azure: str = ""):
    """A box nobody else uses, or an owner's part of one on a storage account, and raw requests to it."""
    keys = {owner: SecretStr("k"), "you": SecretStr("y")}
    account = SecretStr(azure)
    given = Settings(_env_file=None, box_home=home, box_api_keys=keys, sandbox="none", AzureWebJobsStorage=account)
    box = build(given, storage=ported(storage_for(given)), llm=ScriptedLlm())
    transport = httpx.ASGITransport(app=box.asgi)
    headers = {"Authorization": "Bearer k"}
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://box/v1", headers=headers) as client:
            yield box, client
    finally:
        await box.close()


def caller_of(box, owner: str = "me") -> Caller:
    return Caller(box.deps, owner)


async def come(box, folder: Path, *, owner: str = "me", write: bool = True, **wanted: Any):
    return await Import(Caller(box.deps, owner), opened(folder), Wanted(**wanted), write=write).run(lambda: None)


async def leave(box, folder: Path, *, owner: str = "me", **chosen: Any) -> dict[str, bytes]:
    """An export's files by name, without the manifest's time."""
    await Export(Caller(box.deps, owner), folder, Chosen(**chosen)).run(lambda: None)
    return content_of(folder)


def content_of(folder: Path) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    manifest = json.loads(found["manifest.json"])
    del manifest["exported_at"]
    return found | {"manifest.json": json.dumps(manifest).encode()}


async def walk(client) -> dict[str, Any]:
    """Everything that a client can read, every list in both orders and page by page."""
    seen: dict[str, Any] = {}

    async def every(path: str, *, alone: bool = True) -> list[str]:
        ids = {}
        for order in ("asc", "desc"):
            query, found = {"order": order, "limit": 3}, []
            while True:
                page = (await client.get(path, params=query)).json()
                found += page["data"]
                if not page["has_more"]:
                    break
                query["after"] = page["last_id"]
            ids[order] = [each["id"] for each in found]
            seen[f"{path} {order}"] = found
            for each in found if alone else ():
                one = await client.get(f"{path}/{each['id']}")
                assert one.json() == each
        assert ids["asc"] == ids["desc"][::-1]
        return ids["asc"]

    await every("assistants")
    for file in await every("files"):
        seen[file] = (await client.get(f"files/{file}/content")).content
    for thread in await every("threads"):
        await every(f"threads/{thread}/messages")
        for run in await every(f"threads/{thread}/runs"):
            await every(f"threads/{thread}/runs/{run}/steps")
            await every(f"threads/{thread}/runs/{run}/events", alone=False)
    return seen


def written(folder: Path, content: dict[str, Any]) -> Path:
    (folder / "threads").mkdir(parents=True)
    (folder / "files").mkdir()
    (folder / "assistants.json").write_text(json.dumps(content["assistants"]))
    for each in content["threads"]:
        (folder / "threads" / f"{each['thread']['id']}.json").write_text(json.dumps(each))
    listed = [
        {"id": f"{kind}{TAIL}", "object": "file", "created_at": CREATED, "filename": "a.txt", "bytes": 5}
        | {"purpose": "assistants"}
        for kind in ("file-", "assistant-")
    ]
    (folder / "files.json").write_text(json.dumps(listed))
    for each in listed:
        (folder / "files" / f"{each['id']}.txt").write_bytes(b"Hello")
    return folder


def a_story() -> dict[str, Any]:
    """A little of everything, and more messages than fit into a commit."""
    thread_id = f"thread_{TAIL}0"
    messages = [
        {"id": f"msg_{TAIL}{place:03}", "object": "thread.message", "created_at": CREATED + place // 9, "role": "user"}
        | {"thread_id": thread_id, "content": [{"type": "text", "text": {"value": str(place), "annotations": []}}]}
        for place in range(100)
    ]
    run = {"id": f"run_{TAIL}", "status": "in_progress", "model": "m", "assistant_id": "asst_z", "created_at": CREATED}
    run |= {"object": "thread.run", "thread_id": thread_id, "steps": []}
    thread = {"id": thread_id, "object": "thread", "created_at": CREATED}
    other = {"id": f"thread_{TAIL}1", "object": "thread", "created_at": CREATED}
    assistant = {"id": "asst_z", "object": "assistant", "created_at": CREATED, "model": "gpt-4o"}
    bundles = [{"thread": thread, "messages": messages, "runs": [run]}, {"thread": other, "messages": [], "runs": []}]
    return {"assistants": [assistant], "threads": bundles}


async def dead_after(box, commits: int, applied: bool):
    """Let the process die in one of its commits, before or after it is applied."""
    left = commits

    async def commit(own, partition, changes, *after):
        nonlocal left
        left -= 1
        if left >= 0:
            return await own(partition, changes, *after)
        if applied and left == -1:
            await own(partition, changes, *after)
        raise Died

    box.deps.store.replace(commit=commit)


def rows(home: Path) -> list[Any]:
    with closing(sqlite3.connect(home / "box.db")) as database:
        return database.execute("SELECT partition, key, data, due FROM records ORDER BY 1, 2").fetchall()


def box_program(home: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "OPENAI" not in name}
    environment |= {"BOX_HOME": str(home), "SANDBOX": "none", **settings}
    line = warm("shared", *words)
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120)
