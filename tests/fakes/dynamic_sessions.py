"""The REST interface of Azure Container Apps dynamic sessions, with its limits, over our own local sandbox.

Sessions come into being when named and vanish, files and all, when they have idled for the cooldown. Output is cut at
4,096 characters, one image is returned, a full pool answers 404.
"""

from __future__ import annotations

import ast
import base64
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from shared.sandbox.base import CellResult, FileInfo, FileMissing, FileRefused
from shared.sandbox.local.sandbox import LocalSandbox

CLASSIC = "2024-02-02-preview"
NEW = ("2024-10-02-preview", "2025-02-02-preview", "2025-10-02-preview")
DELETING = "2025-10-02-preview"
AUDIENCE = "https://dynamicsessions.io"
EXECUTOR = "executor"
BASE = "/subscriptions/s/resourceGroups/g/sessionPools/p"
IDENTIFIER = re.compile(r"[A-Za-z0-9-]{4,128}")
#: Characters of stdout and of stderr in an answer.
SHOWN = 4096
LONGEST = 220

#: A session in Azure has none of our modules; the local sandbox does.
HIDE_OURS = """
import os, sys
if "/opt/box" in sys.path:
    sys.path.remove("/opt/box")
    os.environ.pop("PYTHONPATH", None)
    os.environ.pop("MPLBACKEND", None)
    for _name in [each for each in sys.modules if each.startswith("box_")]:
        sys.modules.pop(_name, None)
"""


def token(audience: str = AUDIENCE, identity: str = EXECUTOR) -> str:
    """An access token as Entra would write it, but for the signature."""
    parts = ({"alg": "none"}, {"aud": audience, "oid": identity})
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{head}.{body}.unsigned"


class DynamicSessions:
    """One session pool."""

    def __init__(
        self,
        sandbox: LocalSandbox,
        *,
        clock: Callable[[], float] = time.monotonic,
        cooldown: float = 300,
        sessions: int = 10,
        upload_limit: int = 128 * 1024 * 1024,
    ):
        self._sandbox, self._clock, self._cooldown = sandbox, clock, cooldown
        self._sessions, self._upload_limit = sessions, upload_limit
        self._used: dict[str, float] = {}
        #: Statuses to answer with before anything else, each once.
        self.failures: list[int] = []
        #: Texts to answer with instead, each once.
        self.texts: list[str] = []
        #: Method and path of every request.
        self.requests: list[str] = []

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """The management endpoint of the pool."""
        app = web.Application(middlewares=[self._guard], client_max_size=self._upload_limit + 65536)
        app.add_routes(
            [
                web.post(BASE + "/code/execute", self._execute),
                web.post(BASE + "/files/upload", self._upload),
                web.get(BASE + "/files", self._list),
                web.get(BASE + "/files/content/{name}", self._content),
                web.post(BASE + "/executions", self._execute),
                web.post(BASE + "/files", self._upload),
                web.get(BASE + "/files/{name}/content", self._content),
                web.delete(BASE + "/session", self._delete),
            ]
        )
        async with TestServer(app) as server:
            yield str(server.make_url(BASE))

    @web.middleware
    async def _guard(self, request: web.Request, handler) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path.removeprefix(BASE)}")
        if self.failures:
            return problem(self.failures.pop(0), "Scripted")
        if self.texts:
            return web.Response(text=self.texts.pop(0))
        who = claims(request.headers.get("Authorization", ""))
        if who.get("aud") != AUDIENCE:
            return problem(401, "Unauthorized")
        if who.get("oid") != EXECUTOR:
            return problem(403, "Forbidden")
        version = request.query.get("api-version", "")
        if version != CLASSIC and version not in NEW:
            return problem(400, "InvalidApiVersion")
        if not IDENTIFIER.fullmatch(request.query.get("identifier", "")):
            return problem(400, "InvalidIdentifier")
        return await handler(request)

    async def _session(self, request: web.Request) -> str | None:
        """The named session, made if need be; None when the pool is full."""
        now, name = self._clock(), request.query["identifier"]
        for other, used in list(self._used.items()):
            if used + self._cooldown <= now:
                del self._used[other]
                await self._sandbox.evict(other)
        if name not in self._used and len(self._used) >= self._sessions:
            return None
        self._used[name] = now
        return name

    async def _execute(self, request: web.Request) -> web.Response:
        body = await request.json()
        asked = body.get("properties", body)
        seconds = asked.get("timeoutInSeconds", 60)
        if not 0 < seconds <= LONGEST or asked["codeInputType"].lower() != "inline":
            return problem(400, "InvalidRequest")
        name = await self._session(request)
        if name is None:
            return problem(404, "SessionNotFound")
        async with self._sandbox.session(name) as session:
            hidden = await session.run(HIDE_OURS)
            assert hidden.status == "ok", hidden
            result = await session.run(asked["code"], seconds)
        classic = request.path.endswith("/code/execute")
        return web.json_response(classic_answer(result) if classic else new_answer(result, name))

    async def _upload(self, request: web.Request) -> web.Response:
        field = await (await request.multipart()).next()
        data = await field.read()
        if len(data) > self._upload_limit:
            return problem(413, "PayloadTooLarge")
        name = await self._session(request)
        if name is None:
            return problem(404, "SessionNotFound")

        async def once() -> AsyncIterator[bytes]:
            yield bytes(data)

        try:
            async with self._sandbox.session(name) as session:
                await session.put_file(field.filename, once())
        except FileRefused:
            return problem(400, "InvalidFileName")
        return web.json_response({"value": [classic_file(FileInfo(field.filename, len(data)))]})

    async def _list(self, request: web.Request) -> web.Response:
        name = await self._session(request)
        if name is None:
            return problem(404, "SessionNotFound")
        async with self._sandbox.session(name) as session:
            found = await session.list_files()
        return web.json_response({"value": [classic_file(file) for file in found]})

    async def _content(self, request: web.Request) -> web.Response:
        name = await self._session(request)
        if name is None:
            return problem(404, "SessionNotFound")
        try:
            async with self._sandbox.session(name) as session:
                data = b"".join([piece async for piece in session.read_file(request.match_info["name"])])
        except FileMissing:
            return problem(404, "FileNotFound")
        return web.Response(body=data, content_type="application/octet-stream")

    async def _delete(self, request: web.Request) -> web.Response:
        if request.query["api-version"] != DELETING:
            return problem(400, "InvalidApiVersion")
        name = request.query["identifier"]
        if self._used.pop(name, None) is None:
            return problem(404, "SessionNotFound")
        await self._sandbox.evict(name)
        return web.Response(status=204)


def classic_answer(result: CellResult) -> dict:
    """What /code/execute says."""
    return {
        "$id": "1",
        "properties": {
            "status": "Success" if result.status == "ok" else "Failed",
            "stdout": result.logs[:SHOWN],
            "stderr": error_of(result)[:SHOWN],
            "result": value_of(result),
            "executionTimeInMilliseconds": 1,
        },
    }


def new_answer(result: CellResult, name: str) -> dict:
    """What /executions says."""
    outcome = classic_answer(result)["properties"]
    return {
        "id": "1",
        "identifier": name,
        "executionType": "Synchronous",
        "status": "Succeeded" if result.status == "ok" else "Failed",
        "result": {
            "stdout": outcome["stdout"],
            "stderr": outcome["stderr"],
            "executionResult": outcome["result"],
            "executionTimeInMilliseconds": 1,
        },
    }


def error_of(result: CellResult) -> str:
    """The traceback, or the name of what happened to the session."""
    ended = {"timeout": "Timeout", "killed": "ConnectionClosed"}
    return result.error or ended.get(result.status, "")


def value_of(result: CellResult) -> object:
    """The last value as JSON, or the last image."""
    if result.images:
        return {"type": "image", "format": "png", "base64_data": base64.b64encode(result.images[-1]).decode()}
    try:
        return ast.literal_eval(result.result or "''")
    except (ValueError, SyntaxError):
        return result.result


def classic_file(file: FileInfo) -> dict:
    """A file as the classic version lists it."""
    return {"properties": {"filename": file.name, "size": file.size, "lastModifiedTime": "2026-01-01T00:00:00Z"}}


def claims(header: str) -> dict:
    """The claims of a bearer token; the signature is not checked."""
    kind, _, text = header.partition(" ")
    parts = text.split(".")
    if kind != "Bearer" or len(parts) != 3:
        return {}
    return json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))


def problem(status: int, code: str) -> web.Response:
    """An error as the service writes it."""
    return web.json_response(
        {"error": {"code": code, "message": code}}, status=status, headers={"x-ms-error-code": code}
    )
