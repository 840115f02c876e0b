"""The interpreter of one session on this machine: reads code from a socket, answers with frames.

A frame is a length in four bytes and a JSON object. Standard output and error share one pipe, so their order is kept.
"""

from __future__ import annotations

import io
import json
import os
import selectors
import signal
import socket
import sys
import types
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

# A script has no package; the folder must be on the path first.
from box_cells import Cells  # type: ignore[import-not-found]  # noqa: E402
from confine import confine  # type: ignore[import-not-found]  # noqa: E402

Json = dict[str, Any]


class Channel:
    """Frames to and from the host."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._stream = self._socket.makefile("rb")
        self._pid = os.getpid()

    def receive(self) -> Json:
        """The next frame. Ends the process when the host has gone, and in a forked child that ran to the end."""
        if os.getpid() != self._pid:
            os._exit(0)
        head = self._stream.read(4)
        if len(head) < 4:
            os._exit(0)
        frame: Json = json.loads(self._stream.read(int.from_bytes(head, "big")))
        return frame

    def send(self, frame: Json) -> None:
        """Answer; forked children, which inherit the socket, must not."""
        if os.getpid() == self._pid:
            data = json.dumps(frame).encode(errors="replace")
            self._socket.sendall(len(data).to_bytes(4, "big") + data)


def main() -> None:
    """Give up powers, then serve calls until the host hangs up."""
    channel = Channel(int(sys.argv[1]))
    config = channel.receive()
    sys.argv[:] = [""]
    confine(config)
    # It was chosen before there was no epoll any more; a Python that is started from here finds out by itself.
    selectors.DefaultSelector = selectors.PollSelector  # type: ignore[assignment,misc]
    os.chdir(config["data"])
    sys.path[:] = [path for path in sys.path if path != HERE] + [HERE]  # the chart backend, behind everything else
    output = io.TextIOWrapper(open(1, "wb"), "utf-8", "backslashreplace", line_buffering=True)  # noqa: SIM115
    sys.stdout = sys.stderr = output
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    cells = Cells(module.__dict__, channel.send, config)
    signal.signal(signal.SIGINT, cells.interrupt)
    channel.send({"ready": True})
    while True:
        frame = channel.receive()
        channel.send(cells.run(frame["id"], frame["code"]))


if __name__ == "__main__":
    main()
