"""A listening socket that several processes share."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

#: Seconds until the next try when no connection can be had, for want of descriptors.
PAUSE: Final = 1.0


class Door:
    """Lets one connection in at a time; an `asyncio.Server` lets in all that wait.

    While one process looks after a newcomer, another that has less to do takes the next: clients keep their
    connections, and so each process those that it has.
    """

    def __init__(self, listener: socket.socket, make: Callable[[], asyncio.Protocol]) -> None:
        self._listener, self._make = listener, make
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._open()

    def close(self) -> None:
        """Let nobody in any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()

    def _open(self) -> None:
        self._loop.add_reader(self._listener, self._let_in)

    def _let_in(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another process was faster, or the client has gone
        except OSError as error:
            logger.warning("no connection: %s", error, extra={"action": "connection_refused"})
            self._loop.remove_reader(self._listener)
            self._timer = self._loop.call_later(PAUSE, self._open)
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._loop.connect_accepted_socket(self._make, connection))
        self._entering.add(task)
        task.add_done_callback(self._entering.discard)
