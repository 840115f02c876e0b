"""Answers leave in one piece, and nothing of them is lost or kept back."""

from __future__ import annotations

import asyncio

import pytest

from shared.embedded.joined_writes import ENOUGH, JoinedWrites


class Wire:
    """The transport below: what was sent, piece by piece."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.sent.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str) -> str:
        return name


@pytest.fixture
async def wire():
    return Wire()


@pytest.fixture
async def joined(wire):
    return JoinedWrites(wire, asyncio.get_running_loop())


async def test_a_head_and_its_body_are_one_piece(joined, wire):
    joined.write(b"head ")
    joined.write(b"body")
    assert wire.sent == []
    await asyncio.sleep(0)
    joined.write(b"next")
    await asyncio.sleep(0)
    assert wire.sent == [b"head body", b"next"]


async def test_what_is_much_does_not_wait(joined, wire):
    joined.write(b"head")
    joined.write(b"x" * ENOUGH)
    assert [len(each) for each in wire.sent] == [4 + ENOUGH]
    joined.write(b"end")
    await asyncio.sleep(0)
    assert wire.sent[1:] == [b"end"]


async def test_closing_sends_what_is_kept_before(joined, wire):
    joined.write(b"last words")
    joined.close()
    assert (wire.sent, wire.closed) == ([b"last words"], True)
    await asyncio.sleep(0)


async def test_a_connection_that_is_gone_is_not_written_to(joined, wire):
    joined.write(b"too late")
    wire.close()
    await asyncio.sleep(0)
    assert (wire.sent, joined.get_extra_info("peername")) == ([], "peername")
