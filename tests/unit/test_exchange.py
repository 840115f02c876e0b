"""An answer leaves in as few pieces as it can, whole, or is cut where the client sees that it is not."""

from __future__ import annotations

import asyncio

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from shared.embedded.exchange import Exchange

START = {"type": "http.response.start", "status": 200}
LENGTH_4 = [(b"content-length", b"4")]


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


@pytest.fixture
def wire():
    return Wire()


async def answered(wire, *messages, method="GET", keep_alive=True, expects_word=False) -> int:
    """Let an app send these messages; how often the exchange said that it is complete."""
    ends = []

    async def app(scope, receive, send):
        if expects_word:
            await receive()
        for message in messages:
            await send(message)

    options = {"own_headers": [(b"date", b"now")], "expects_word": expects_word, "keep_alive": keep_alive}
    exchange = Exchange({"method": method}, wire, FlowControl(wire), on_response=lambda: ends.append(1), **options)
    exchange.end_body()
    await exchange.run(app, set())
    return len(ends)


def body(words, more=False):
    return {"type": "http.response.body", "body": words, "more_body": more}


async def test_a_head_and_its_body_are_one_piece(wire):
    assert await answered(wire, START | {"headers": LENGTH_4}, body(b"body")) == 1
    assert wire.sent == [b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 4\r\n\r\nbody"]
    assert not wire.closed


async def test_pieces_of_unknown_length_tell_their_own(wire):
    await answered(wire, START, body(b"", more=True), body(b"first", more=True), body(b"last"))
    head, *pieces = wire.sent
    assert head.endswith(b"transfer-encoding: chunked\r\n\r\n")
    assert pieces == [b"5\r\nfirst\r\n", b"4\r\nlast\r\n0\r\n\r\n"]


async def test_an_answer_without_a_body_has_none(wire):
    await answered(wire, START | {"headers": LENGTH_4}, body(b"body"), method="HEAD")
    await answered(wire, START | {"status": 304}, body(b""))
    assert [each.partition(b"\r\n\r\n")[2] for each in wire.sent] == [b"", b""]
    assert b"content-length: 4" in wire.sent[0]
    assert b"transfer-encoding" not in wire.sent[1]


async def test_the_last_answer_of_a_connection_says_so(wire):
    await answered(wire, START | {"headers": LENGTH_4}, body(b"body"), keep_alive=False)
    assert b"connection: close\r\n" in wire.sent[0]
    assert wire.closed


async def test_an_app_may_end_the_connection(wire):
    await answered(wire, START | {"headers": [*LENGTH_4, (b"connection", b"close")]}, body(b"body"))
    assert wire.sent[0].count(b"connection: close\r\n") == 1
    assert wire.closed


async def test_a_client_that_waits_for_a_word_gets_it(wire):
    await answered(wire, START | {"headers": LENGTH_4}, body(b"body"), expects_word=True)
    assert wire.sent[0] == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\x00b"])
async def test_a_header_that_would_be_two_is_never_sent(wire, value):
    assert await answered(wire, START | {"headers": [(b"x", value)]}, body(b"body")) == 0
    assert (wire.sent, wire.closed) == ([], True)


@pytest.mark.parametrize("words", [b"bod", b"bodies"])
async def test_a_body_of_another_length_is_cut(wire, words):
    assert await answered(wire, START | {"headers": LENGTH_4}, body(words)) == 0
    assert wire.closed


async def test_an_app_that_says_nothing_is_told_for(wire):
    assert await answered(wire) == 0
    assert wire.sent[0].startswith(b"HTTP/1.1 500 ")
    assert wire.closed


async def test_an_app_that_stops_halfway_is_cut(wire):
    assert await answered(wire, START, body(b"first", more=True)) == 0
    assert not wire.sent[0].endswith(b"0\r\n\r\n")
    assert wire.closed


async def test_what_comes_after_the_end_is_refused(wire, caplog):
    assert await answered(wire, START, body(b"all"), body(b"more")) == 1
    assert [record.action for record in caplog.records] == ["answer_cut"]


async def test_a_reader_waits_for_the_body_and_hears_of_the_end(wire):
    exchange = Exchange(
        {"method": "POST"},
        wire,
        FlowControl(wire),
        own_headers=[],
        expects_word=False,
        keep_alive=True,
        on_response=lambda: None,
    )
    reading = asyncio.create_task(exchange.receive())
    await asyncio.sleep(0)
    exchange.take(b"bo")
    exchange.take(b"dy")
    assert await reading == {"type": "http.request", "body": b"body", "more_body": True}
    exchange.end_body()
    assert await exchange.receive() == {"type": "http.request", "body": b"", "more_body": False}
    await exchange.send(START | {"headers": LENGTH_4})
    await exchange.send(body(b"body"))
    assert await exchange.receive() == {"type": "http.disconnect"}
