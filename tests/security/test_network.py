"""Model-written code has no network, and no socket of the host answers it."""

from __future__ import annotations

import os
import socket

import pytest

from tests.security.conftest import exception

NO_WAY = {"OSError", "ConnectionRefusedError", "PermissionError", "FileNotFoundError", "gaierror", "socket.gaierror"}


@pytest.mark.parametrize(
    "action",
    [
        "socket.create_connection(('127.0.0.1', TCP), 2)",
        "socket.create_connection(('93.184.216.34', 80), 2)",
        "socket.create_connection(('169.254.169.254', 80), 2)",
        "socket.create_connection(('::1', TCP), 2)",
        "socket.getaddrinfo('example.com', 80)",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('8.8.8.8', 53))",
        "socket.socket(socket.AF_UNIX).connect(UNIX)",
        "socket.socket(socket.AF_UNIX).connect(ABSTRACT)",
        "socket.socket(socket.AF_UNIX).connect('/run/docker.sock')",
        "socket.socket(socket.AF_UNIX).connect('/run/dbus/system_bus_socket')",
        "socket.socket(40, socket.SOCK_STREAM)",  # AF_VSOCK: the hypervisor
        "socket.socket(38, socket.SOCK_SEQPACKET)",  # AF_ALG: the kernel's ciphers
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
        "__import__('urllib.request').request.urlopen(f'http://127.0.0.1:{TCP}/', timeout=2)",
    ],
)
async def test_no_way_out(run, action):
    assert exception(await run(action)).rpartition(".")[2].replace("URLError", "OSError") in NO_WAY


async def test_datagrams_to_the_host_do_not_arrive(run, host):
    await run("socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', UDP))")
    assert not host.visited()


async def test_half_a_pair_of_sockets_reaches_no_socket_of_the_host(run, host):
    """As a log daemon has one: everybody may write to it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.setblocking(False)
        log.bind(f"{host.home}/log")
        os.chmod(f"{host.home}/log", 0o777)
        await run(f"a, b = socket.socketpair(type=socket.SOCK_DGRAM)\na.sendto(b'x', {f'{host.home}/log'!r})")
        with pytest.raises(BlockingIOError):
            log.recv(1)


async def test_there_is_no_loopback_either(run):
    """Its buffers are kernel memory that the whole machine shares: a hundred sockets would hold half a gigabyte."""
    assert exception(await run("socket.create_server(('127.0.0.1', TCP))")) in NO_WAY
