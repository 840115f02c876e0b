"""How connections get from the process that listens to one of those that serve: as open descriptors, one by one."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from shared.logs import kind_of

logger = logging.getLogger(__name__)

#: Goes with each connection: there is no message without a byte.
MARK: Final = b"."
#: Seconds until the next try when no connection can be had, for want of descriptors.
PAUSE_SECONDS: Final = 1.0


class Gate:
    """The parent's side: hands each connection to the next of those that serve. While nobody does, they wait."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        listener.setblocking(False)
        #: Links to those that serve; the next one first.
        self._serving: deque[socket.socket] = deque()

    def add(self, link: socket.socket) -> None:
        """Hand connections to one more process, too; the socket leads to it."""
        self._serving.append(link)
        self._watch()

    def remove(self, link: socket.socket) -> None:
        """One that may have served does not any more."""
        with suppress(ValueError):
            self._serving.remove(link)
        self._watch()

    def close(self) -> None:
        """Take no connections any more."""
        self._serving.clear()
        self._watch()
        self._listener.close()

    def _watch(self) -> None:
        """Take connections if there is somebody for them."""
        if self._listener.fileno() < 0:
            return
        loop = asyncio.get_running_loop()
        if self._serving:
            loop.add_reader(self._listener, self._let_in)
        else:
            loop.remove_reader(self._listener)

    def _let_in(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            if not isinstance(error, BlockingIOError | ConnectionAbortedError):
                self._pause(error)
            return
        with connection:
            for _ in range(len(self._serving)):
                self._serving.rotate(-1)
                with suppress(OSError):  # it is ending, or has not taken hundreds of them
                    socket.send_fds(self._serving[-1], [MARK], [connection.fileno()])
                    return

    def _pause(self, error: OSError) -> None:
        logger.warning("no connection", extra={"action": "connection_not_taken", "reason": kind_of(error)})
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listener)
        loop.call_later(PAUSE_SECONDS, self._watch)


class Door:
    """The side of one that serves: takes the connections, and notices that nobody sends any more."""

    def __init__(self, link: socket.socket, make: Callable[[], asyncio.Protocol], orphaned: Callable[[], None]) -> None:
        self._link, self._make, self._orphaned = link, make, orphaned
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[object]] = set()
        self._loop.add_reader(link, self._take)

    def close(self) -> None:
        """Take no connections any more: the others get them."""
        self._loop.remove_reader(self._link)
        with suppress(OSError):
            self._link.shutdown(socket.SHUT_RD)

    def _take(self) -> None:
        try:
            mark, descriptors, _, _ = socket.recv_fds(self._link, len(MARK), 1)
        except BlockingIOError:
            return
        except OSError:
            mark, descriptors = b"", []
        if not mark:
            self._loop.remove_reader(self._link)
            self._orphaned()
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
            connection = socket.socket(fileno=descriptor)
            connection.setblocking(False)
            task = self._loop.create_task(self._loop.connect_accepted_socket(self._make, connection))
            self._entering.add(task)
            task.add_done_callback(self._entering.discard)
