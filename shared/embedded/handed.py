"""What one of several processes of the embedded host gets from the one that started it: see `processes`."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Handed:
    """The way to the parent, which came as an open descriptor."""

    #: Connections come from there, words for people go there; it is closed when the parent has ended.
    link: socket.socket
    #: Whether these words are passed on: one process speaks for all.
    speaks: bool

    @staticmethod
    def of(descriptor: int, speaks: bool) -> Handed:
        """The socket behind a descriptor. Raises OSError for others."""
        os.set_inheritable(descriptor, False)  # for this process, not for those that it starts
        link = socket.socket(fileno=descriptor)
        link.setblocking(False)
        return Handed(link, speaks)

    def say(self, words: str) -> None:
        """A line or more for people."""
        with suppress(OSError):  # the parent is gone: nobody listens
            self.link.sendall(f"{words}\n".encode())
