"""Several processes of the embedded host at one address: the parent starts them, and again when one of them dies.

The parent listens, and hands the connections out in turn, so that the address is held and connections wait, whoever
dies. A link leads from each child to it: a child greets there when it serves, gets its connections, and ends when its
parent has. What they do together, they do by the storage and by wake-ups; the parent knows nothing of it.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Final

from shared.config import Settings
from shared.embedded.door import Gate
from shared.embedded.server import GRACE_SECONDS, cannot_listen, signals, until_stopped

logger = logging.getLogger(__name__)

#: Connections that wait to be accepted, as with one process.
BACKLOG: Final = 2048
#: Seconds for the children to end: their answers' grace, and as long again for putting away what they drive.
STOP_SECONDS: Final = 2.0 * GRACE_SECONDS + 2.0
#: Seconds between two starts in a place, at the least.
START_INTERVAL: Final = 1.0


def run(settings: Settings) -> int:
    """`python -m shared run` with more than one process. Returns the exit code."""
    return until_stopped(Parent(listening(settings), settings.box_processes).run())


def listening(settings: Settings) -> socket.socket:
    """The socket at the box's address. One that cannot be had ends the program, with advice."""
    address = (settings.box_host, settings.box_port)
    family = socket.AF_INET6 if ":" in settings.box_host else socket.AF_INET
    try:
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        sys.exit(cannot_listen(*address, error))


class Parent:
    """Keeps a child in each place until it is told to stop."""

    def __init__(self, listener: socket.socket, places: int) -> None:
        self._gate, self._places = Gate(listener), places
        #: The exit code: that of a child that could not start.
        self.code = 0
        self._stopping = asyncio.Event()
        #: Set when the first child serves: what it has found, made or complained about, is so for all.
        self._serves = asyncio.Event()
        self._ready: set[int] = set()
        self._greeting = ""
        self._children: set[asyncio.subprocess.Process] = set()

    async def run(self) -> None:
        """Return when all have ended."""
        with signals(lambda _: self._stopping.set()):
            places = [asyncio.create_task(self._keep(place)) for place in range(self._places)]
            await self._stopping.wait()
            self._gate.close()
            self._serves.set()
            self._end(signal.SIGTERM)
            _, late = await asyncio.wait(places, timeout=STOP_SECONDS)
            self._end(signal.SIGKILL)
            if late:
                await asyncio.wait(late)
        if self.code:
            sys.exit(self.code)

    def _end(self, number: signal.Signals) -> None:
        """Send all children a signal."""
        for child in self._children:
            with suppress(ProcessLookupError):  # it has just ended by itself
                child.send_signal(number)

    async def _keep(self, place: int) -> None:
        """Start a child, and the next one when it has died."""
        if place > 0:
            await self._serves.wait()
        speaks = place == 0
        while not self._stopping.is_set():
            started = time.monotonic()
            served, code = await self._live(place, speaks=speaks)
            if self._stopping.is_set():
                return
            if not served and code > 0:  # it has said why
                self.code = code
                self._stopping.set()
                return
            speaks = speaks and not served
            logger.warning("process ended", extra={"action": "process_ended", "place": place, "code": code})
            await asyncio.sleep(max(0.0, started + START_INTERVAL - time.monotonic()))

    async def _live(self, place: int, *, speaks: bool) -> tuple[bool, int]:
        """A child's life: whether it has served, and its exit code, below 0 for a signal that killed it."""
        ours, theirs = socket.socketpair()
        with theirs:
            # The same command line once more: the same interpreter and options, wherever they came from.
            command = [sys.executable, *sys.orig_argv[1:], "--handed", str(theirs.fileno()), str(speaks)]
            child = await asyncio.create_subprocess_exec(*command, pass_fds=[theirs.fileno()])
        self._children.add(child)
        if self._stopping.is_set():
            self._end(signal.SIGTERM)
        try:
            served = await self._listen(ours, place, speaks=speaks)
            return served, await child.wait()
        finally:
            self._gate.remove(ours)
            ours.close()
            self._children.discard(child)

    async def _listen(self, link: socket.socket, place: int, *, speaks: bool) -> bool:
        """Hear what a child says until it is gone, and let it serve from its first words on; whether there were any."""
        link.setblocking(False)
        served = False
        with suppress(ConnectionError):
            while words := await asyncio.get_running_loop().sock_recv(link, 1 << 16):
                if not served and not self._stopping.is_set():
                    self._gate.add(link)
                served = True
                self._heard(place, words.decode() if speaks else "")
        return served

    def _heard(self, place: int, words: str) -> None:
        """Tell people what one of them says, after the greeting, which waits for the last of them."""
        self._serves.set()
        self._ready.add(place)
        self._greeting += words
        if len(self._ready) == self._places and not self._stopping.is_set():
            print(self._greeting, end="", flush=True)
            self._greeting = ""
