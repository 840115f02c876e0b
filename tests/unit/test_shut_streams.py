"""Streams end soon after whoever began them has been shut out: by a key removed, or a token revoked."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from shared.api.auth import Callers
from shared.api.gateway import Gateway
from shared.api.sse import EventStream
from shared.config import Settings
from shared.errors import Unauthorized
from shared.runs.events import DONE, Event, Listener
from shared.sqlite import Database
from shared.store.base import Unavailable
from shared.store.sqlite import SqliteStore
from shared.stored_keys import StoredKeys, new_key
from shared.telemetry.base import OFF

TOKEN = "boxt-me.ctok_1.9.x"


class Tokens:
    """What is known of the token: what each look tells, the last for good."""

    def __init__(self, *looks: Exception | None):
        self.looks, self.seen = [*looks], 0

    async def grant(self, token: str) -> Any:
        return SimpleNamespace(owner="me", token=None)

    async def check(self, grant: Any) -> None:
        self.seen += 1
        told = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if told is not None:
            raise told


@pytest.fixture
async def keys(tmp_path):
    store = SqliteStore(Database(tmp_path / "box.db"))
    yield StoredKeys(store, time.time)
    await store.close()


class Streaming:
    """A client that hears a stream through the gateway, which looks every `ping` seconds."""

    def __init__(self, credential: str, keys: StoredKeys, tokens: Tokens | None = None, ping: float = 0.01):
        self.listener, self.heard = Listener(), b""
        settings = Settings(_env_file=None, box_api_keys={"me": SecretStr("sk-1")})
        tokens = tokens or Tokens(None)
        callers = Callers(settings, time.time, keys, tokens.grant, tokens.check)

        async def endpoint(request: Any) -> EventStream:
            return EventStream(self.listener, ping)

        directory: Any = SimpleNamespace(find=lambda method, path: (endpoint, {}))
        gateway = Gateway(None, directory, callers, OFF, region="local", granted=600)
        headers = [(b"authorization", f"Bearer {credential}".encode())]
        scope = {"type": "http", "method": "POST", "path": "/v1/threads/runs", "headers": headers, "query_string": b""}
        self._answering = asyncio.create_task(gateway(scope, asyncio.Event().wait, self._send))

    async def _send(self, message: Any) -> None:
        self.heard += message.get("body", b"")

    async def to_its_end(self) -> bytes:
        async with asyncio.timeout(5):
            await self._answering
        return self.heard

    async def goes_on(self, seconds: float = 0.1) -> bool:
        await asyncio.sleep(seconds)
        return not self._answering.done()

    async def leave(self) -> None:
        self._answering.cancel()
        await asyncio.wait([self._answering])


async def test_of_a_revoked_token(keys, caplog):
    caplog.set_level("INFO")
    refused = Unauthorized("This client token was revoked.", code="client_token_revoked")
    tokens = Tokens(None, Unavailable("away"), refused)
    client = Streaming(TOKEN, keys, tokens)
    heard = await client.to_its_end()
    assert heard.endswith(
        b'event: error\ndata: {"error":{"message":"This client token was revoked.","type":"invalid_request_error",'
        b'"param":null,"code":"client_token_revoked"}}\n\n'
    )
    assert tokens.seen == 3
    assert [each.code for each in caplog.records if getattr(each, "action", "") == "stream_shut"] == [refused.code]
    client.listener.put(Event("thread.message.delta", {}))
    assert client.listener.unread == 0


async def test_of_a_removed_key(keys):
    made, key = new_key("ann", 0)
    await keys.change([made.put()])
    client = Streaming(key, keys)
    assert await client.goes_on()
    await keys.change([made.delete()])
    heard = await client.to_its_end()
    assert b'"code":"invalid_api_key"' in heard
    assert key.encode() not in heard


async def test_but_not_those_of_keys_in_the_settings(keys):
    client = Streaming("sk-1", keys)
    assert await client.goes_on()
    client.listener.put(DONE)
    assert (await client.to_its_end()).endswith(b"event: done\ndata: [DONE]\n\n")


async def test_nobody_is_asked_about_a_stream_that_is_soon_over(keys):
    tokens = Tokens(None)
    client = Streaming(TOKEN, keys, tokens, ping=0.2)
    await client.goes_on(0.3)
    client.listener.put(DONE)
    await client.to_its_end()
    assert tokens.seen == 0


async def test_however_much_is_said_nobody_is_asked_more_often(keys):
    tokens = Tokens(None)
    client = Streaming(TOKEN, keys, tokens, ping=0.2)
    for _ in range(100):
        client.listener.put(Event("thread.message.delta", {}))
        await asyncio.sleep(0.01)
    assert 1 <= tokens.seen <= 6
    await client.leave()
