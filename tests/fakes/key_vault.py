"""A key vault on loopback with one key in versions: wraps and unwraps as Azure's does, and asks who is there."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TOKEN = "token-for-the-vault"
OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


class FakeVault:
    """Remembers what was asked of it; `status` is what it answers instead."""

    def __init__(self) -> None:
        self.versions: dict[str, rsa.RSAPrivateKey] = {}
        self.asked: list[str] = []
        self.status: list[int] = []
        self.rotate()

    def rotate(self) -> None:
        self.versions[secrets.token_hex(16)] = rsa.generate_private_key(65537, 2048)

    @property
    def newest(self) -> str:
        return [*self.versions][-1]

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/keys/headers", self._get)
        app.router.add_post("/keys/headers/{version}/{what}", self._wrap)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _get(self, request: web.Request) -> web.Response:
        kid = f"{self.url}/keys/headers/{self.newest}"
        return self._refusal(request, "get") or web.json_response({"key": {"kid": kid, "kty": "RSA"}})

    async def _wrap(self, request: web.Request) -> web.Response:
        what, version = request.match_info["what"], request.match_info["version"]
        body: dict[str, Any] = await request.json()
        if refusal := self._refusal(request, what):
            return refusal
        assert body["alg"] == "RSA-OAEP-256"
        if version not in self.versions:
            return web.json_response({"error": {"code": "KeyNotFound"}}, status=404)
        key, value = self.versions[version], base64.urlsafe_b64decode(body["value"] + "==")
        done = key.public_key().encrypt(value, OAEP) if what == "wrapkey" else key.decrypt(value, OAEP)
        text = base64.urlsafe_b64encode(done).decode().rstrip("=")
        return web.json_response({"kid": f"{self.url}/keys/headers/{version}", "value": text})

    def _refusal(self, request: web.Request, what: str) -> web.Response | None:
        self.asked.append(what)
        assert request.query["api-version"] == "7.4"
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"error": {"code": "Unauthorized"}}, status=401)
        return web.json_response({"error": {}}, status=self.status.pop(0)) if self.status else None
