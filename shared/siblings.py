"""The processes that share a home: each has a datagram socket in a folder of it, and hears names there.

What cannot be sent is kept for a moment, then forgotten; a socket that nobody holds any more is removed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from shared.home import make_private
from shared.logs import kind_of

logger = logging.getLogger(__name__)

#: Names in one datagram: macOS takes 2 KB of them.
AT_ONCE: Final = 20
#: Names kept for a sibling that is too busy to take them, and seconds until it is tried again.
KEPT_NAMES: Final = 1000
LATER: Final = 0.005
#: Seconds after which the folder is read again, whatever its time of change says: that is not exact.
FRESH: Final = 1.0
#: Bytes of a datagram, generously.
DATAGRAM: Final = 16 * 1024


class Siblings:
    """Tells the others. Needs POSIX and an event loop; where sockets cannot be had, nobody hears anything."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError when the folder cannot be made."""
        make_private(folder)
        self._folder = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0))
        # A socket's address is 100 bytes at most: Linux takes this for however long a path.
        short = Path(f"/proc/self/fd/{self._folder}")
        self._path = short if short.exists() else folder
        self._socket: socket.socket | None = None
        self._name = ""
        self._others: list[str] = []
        self._seen, self._seen_at = 0, -FRESH
        #: What all of them are to be told next, and what each was not told yet, in order.
        self._next: dict[str, None] = {}
        self._untold: dict[str, dict[str, None]] = {}
        self._timer: asyncio.Handle | None = None
        self._is_closed = False

    def open(self, hear: Callable[[str], None]) -> None:
        """Have a socket of our own, and call `hear` with each name that arrives."""
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        own = self._made()
        try:
            own.bind(str(self._path / self._name))
        except OSError as error:
            logger.warning("no wake-ups", extra={"action": "wakes_off", "reason": kind_of(error)})
            self._name = ""
            return
        asyncio.get_running_loop().add_reader(own, self._read, own, hear)

    def tell(self, name: str) -> None:
        """Tell all siblings, as soon as this event loop gets round to it."""
        if self._is_closed:
            return
        self._next[name] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_soon(self._send)

    def close(self) -> None:
        """Send what can be sent, and be gone."""
        if self._is_closed:
            return
        self._send()
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            if self._name:
                asyncio.get_running_loop().remove_reader(self._socket)
                (self._path / self._name).unlink(missing_ok=True)
            self._socket.close()
        os.close(self._folder)

    def _made(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        return self._socket

    def _siblings(self) -> list[str]:
        """The names of their sockets."""
        changed, now = os.fstat(self._folder).st_mtime_ns, time.monotonic()
        if changed != self._seen or now - self._seen_at > FRESH:
            self._seen, self._seen_at = changed, now
            self._others = [name for name in os.listdir(self._folder) if name != self._name]
        return self._others

    def _send(self) -> None:
        self._timer = None
        told, self._next = self._next, {}
        for sibling in self._siblings():
            names = self._untold.setdefault(sibling, {})
            names |= told
            if len(names) > KEPT_NAMES:
                del self._untold[sibling]
        for sibling, names in [*self._untold.items()]:
            if self._is_told(sibling, names):
                del self._untold[sibling]
        if self._untold:
            self._timer = asyncio.get_running_loop().call_later(LATER, self._send)

    def _is_told(self, sibling: str, names: dict[str, None]) -> bool:
        """Send the names; False when some are left for later."""
        while some := [*islice(names, AT_ONCE)]:
            try:
                self._made().sendto("\n".join(some).encode(), str(self._path / sibling))
            except (ConnectionRefusedError, FileNotFoundError):
                with suppress(OSError):
                    os.unlink(sibling, dir_fd=self._folder)  # a process that was killed
                self._seen = 0
                return True
            except OSError:  # its queue is full
                return False
            for name in some:
                del names[name]
        return True

    def _read(self, own: socket.socket, hear: Callable[[str], None]) -> None:
        """One datagram: the event loop calls again as long as there are more."""
        with suppress(BlockingIOError):
            for name in own.recv(DATAGRAM).decode(errors="replace").split("\n"):
                hear(name)
