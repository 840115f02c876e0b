"""The secret in sessions' names is one per box, whichever hosts ask for it, and none that could be worked out."""

from __future__ import annotations

import asyncio

from shared.session_secret import SessionSecret


async def test_all_hosts_of_a_box_have_one_secret(home):
    hosts = [SessionSecret(home.store()) for _ in range(5)]

    secrets = await asyncio.gather(*(host.get() for host in hosts))

    assert len({*secrets}) == 1
    assert len(secrets[0]) == 32
    assert await SessionSecret(home.store()).get() == secrets[0]


async def test_a_secret_is_read_once(home, monkeypatch):
    store = home.store()
    host = SessionSecret(store)
    secret = await host.get()
    monkeypatch.setattr(store, "get", None)
    assert await host.get() == secret
