"""Connections are handed from the process that listens to those that serve."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from shared.embedded.door import Door, Gate


class Peer(asyncio.Protocol):
    """Says who has got the connection."""

    def __init__(self, name: bytes):
        self.name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self.name)
        transport.close()


class House:
    """A gate, and those who serve behind it."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.gate = Gate(self.listener)
        self.links: list[socket.socket] = []

    def serves(self, name: bytes, orphaned: Callable[[], None] = lambda: None) -> Door:
        """One more serves."""
        ours, theirs = socket.socketpair()
        for link in (ours, theirs):
            link.setblocking(False)
            self.links.append(link)
        door = Door(theirs, lambda: Peer(name), orphaned)
        self.gate.add(ours)
        return door

    def close(self) -> None:
        self.gate.close()
        for link in self.links:
            if link.fileno() >= 0:
                asyncio.get_running_loop().remove_reader(link)
            link.close()


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    yield house
    house.close()


async def who(address: tuple[str, int], times: int) -> list[bytes]:
    """Which process each of so many connections got to."""
    said = []
    async with asyncio.timeout(10):
        for _ in range(times):
            reader, writer = await asyncio.open_connection(*address)
            said.append(await reader.read())
            writer.close()
    return said


async def test_they_get_connections_in_turn(house):
    house.serves(b"a")
    house.serves(b"b")
    assert sorted(await who(house.address, 6)) == [b"a"] * 3 + [b"b"] * 3


async def test_connections_wait_until_somebody_serves(house):
    waiting = asyncio.create_task(who(house.address, 1))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    house.serves(b"a")
    assert await waiting == [b"a"]


async def test_one_that_ends_gets_no_more(house):
    ending = house.serves(b"a")
    house.serves(b"b")
    ending.close()
    assert await who(house.address, 4) == [b"b"] * 4


async def test_one_whose_parent_has_ended_hears_of_it(house):
    orphaned = asyncio.Event()
    house.serves(b"a", orphaned.set)
    house.gate.remove(house.links[0])
    house.links[0].close()
    async with asyncio.timeout(10):
        await orphaned.wait()
