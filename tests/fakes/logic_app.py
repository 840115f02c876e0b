"""A local Logic App: an HTTP trigger that takes Entra tokens only, checks the schema, and fails like the real one."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

TENANT, IDENTITY = "5f6a1c9e-tenant", "b8d2-identity"
WORKFLOWS = Path(__file__).parents[2] / "infra" / "workflows"


@dataclass(frozen=True)
class Token:
    token: str


class FakeIdentity:
    """Issues unsigned tokens as a managed identity does: the audience is the scope without its ending."""

    def __init__(self, oid: str = IDENTITY):
        self.oid = oid

    async def __aenter__(self) -> FakeIdentity:
        return self

    async def __aexit__(self, *failure: object) -> None:
        pass

    async def get_token(self, *scopes: str) -> Token:
        (scope,) = scopes
        assert scope.endswith("/.default"), "Entra knows scopes only"
        claims = {
            "aud": scope.removesuffix("/.default"),
            "iss": f"https://sts.windows.net/{TENANT}/",
            "oid": self.oid,
        }
        parts = ({"alg": "none"}, claims)
        return Token(".".join([*(base64.urlsafe_b64encode(json.dumps(p).encode()).decode() for p in parts), "x"]))


class FakeLogicApp:
    """One workflow; `broken` is None, a status to answer with, "silent", "hangup" or, in its answer, "endless"."""

    def __init__(self, workflow: str):
        self.workflow = workflow
        self.broken: int | str | None = None
        self.accepted: list[dict[str, str]] = []
        self.tracking_ids: list[str] = []
        self._released = asyncio.Event()

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/workflows/{name}/triggers/manual/paths/invoke", self._invoke)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        self.url = (
            f"http://127.0.0.1:{port}/workflows/{self.workflow}/triggers/manual/paths/invoke?api-version=2016-10-01"
        )

    async def stop(self) -> None:
        self._released.set()
        await self._runner.cleanup()

    async def _invoke(self, request: web.Request) -> web.StreamResponse:
        if "sig" in request.query or "api-version" not in request.query:
            return _error(401, "DirectApiAuthorizationRequired")
        if not _admitted(request.headers.get("Authorization", "")):
            return _error(403, "MisMatchingOAuthClaims")
        body = await request.json()
        if not _fits(body, schema(self.workflow)):
            return _error(400, "TriggerInputSchemaMismatch")
        if self.broken == "silent":
            await self._released.wait()
        if self.broken == "hangup":
            assert request.transport is not None
            request.transport.close()
        if isinstance(self.broken, int):
            return _error(self.broken, "Failed")
        self.accepted.append(body)
        self.tracking_ids.append(request.headers["x-ms-client-tracking-id"])
        if self.broken == "endless":
            return await self._endless(request)
        return web.json_response({"status": "sent"})

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while not self._released.is_set():
            await response.write(b" " * 65_536)
            await asyncio.sleep(0.001)
        return response


def schema(workflow: str) -> dict[str, Any]:
    """What the workflow's trigger takes, as it is deployed."""
    definition = json.loads((WORKFLOWS / f"{workflow}.json").read_text())
    found: dict[str, Any] = definition["triggers"]["manual"]["inputs"]["schema"]
    return found


def _fits(body: dict[str, Any], wanted: dict[str, Any]) -> bool:
    assert wanted["additionalProperties"] is False
    assert all(each == {"type": "string"} for each in wanted["properties"].values())
    texts = all(isinstance(value, str) for value in body.values())
    return texts and set(wanted["required"]) <= set(body) <= set(wanted["properties"])


def _admitted(authorization: str) -> bool:
    scheme, _, token = authorization.partition(" ")
    if scheme != "Bearer" or token.count(".") != 2:
        return False
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1]))
    return claims == {
        "aud": "https://management.azure.com",
        "iss": f"https://sts.windows.net/{TENANT}/",
        "oid": IDENTITY,
    }


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": ""}}, status=status)
