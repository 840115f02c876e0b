"""What one of several processes of the embedded host gets from the one that started it: see `processes`."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Handed:
    """Sockets that came as open descriptors."""

    #: Listens at the box's address; the others have it, too.
    listener: socket.socket
    #: Leads to the parent, which tells people what is said there, and is closed when the parent ends.
    parent: socket.socket
    #: Whether what it says to people is passed on: one of them speaks for all.
    speaks: bool

    @staticmethod
    def of(listener: int, parent: int, speaks: bool) -> Handed:
        """The sockets behind two descriptors. Raises OSError for others."""
        for descriptor in (listener, parent):
            os.set_inheritable(descriptor, False)  # for this process, not for those that it starts
        return Handed(socket.socket(fileno=listener), socket.socket(fileno=parent), speaks)

    def say(self, words: str) -> None:
        """A line or more for people."""
        with suppress(OSError):  # the parent is gone: nobody listens
            self.parent.sendall(f"{words}\n".encode())

    def when_orphaned(self, stop: Callable[[], None]) -> None:
        """Call `stop` when the parent has ended, however it did: who starts the box again needs the address."""
        loop = asyncio.get_running_loop()

        def orphaned() -> None:
            loop.remove_reader(self.parent)
            stop()

        loop.add_reader(self.parent, orphaned)
