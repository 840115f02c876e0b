"""Processes that listen at one address share out the connections that wait there."""

from __future__ import annotations

import asyncio
import socket

from shared.door import Door


async def test_two_that_listen_take_connections_in_turn():
    listener = socket.create_server(("127.0.0.1", 0))
    let_in: list[list[asyncio.Protocol]] = [[], []]

    def door(place: int) -> Door:
        def make() -> asyncio.Protocol:
            let_in[place].append(asyncio.Protocol())
            return let_in[place][-1]

        return Door(listener.dup(), make)

    clients = [socket.create_connection(listener.getsockname()) for _ in range(20)]
    doors = [door(place) for place in range(2)]
    async with asyncio.timeout(10):
        while sum(map(len, let_in)) < len(clients):  # noqa: ASYNC110  connections come at their own time
            await asyncio.sleep(0)
    for each in doors:
        each.close()
    for connection in (*clients, listener):
        connection.close()
    assert [len(each) for each in let_in] == [10, 10]


async def test_a_door_that_is_closed_lets_nobody_in():
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    let_in: list[asyncio.Protocol] = []

    def make() -> asyncio.Protocol:
        let_in.append(asyncio.Protocol())
        return let_in[-1]

    Door(listener.dup(), make).close()
    with socket.create_connection(address):
        await asyncio.sleep(0.05)
    listener.close()
    assert let_in == []
