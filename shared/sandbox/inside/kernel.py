"""The interpreter of one session: reads code from a socket, runs it in one lasting namespace, answers with frames.

A frame is a length in four bytes and a JSON object. Standard output and error share one pipe, so their order is kept.
"""

from __future__ import annotations

import ast
import base64
import io
import json
import linecache
import os
import signal
import socket
import sys
import traceback
import types
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

# A script has no package; the folder must be on the path first.
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


class Kernel:
    """The namespace that lives from call to call, and what is shown while a call runs."""

    def __init__(self, channel: Channel, config: Json) -> None:
        self._channel, self._config = channel, config
        self._module = types.ModuleType("__main__")
        self._module.__dict__["__builtins__"] = __builtins__
        sys.modules["__main__"] = self._module
        sys.modules["box_session"] = types.ModuleType("box_session")
        sys.modules["box_session"].__dict__["show"] = self._show
        self._running = False
        self._call = 0
        self._images = 0
        signal.signal(signal.SIGINT, self._interrupt)

    def run(self, frame: Json) -> None:
        """Run one call and report its end."""
        self._call, self._images = frame["id"], 0
        ending: Json = {"id": frame["id"], "status": "ok", "result": None, "error": None}
        self._running = True
        try:
            value = self._execute(frame["code"], f"<cell {frame['id']}>")
            ending["result"] = self._shown(value)
            self._flush_charts()
        except BaseException as error:
            self._running = False
            ending |= {"status": "error", "error": self._explained(error, frame["code"])}
            self._discard_charts()
        finally:
            self._running = False
        sys.stdout.flush()
        self._channel.send(ending)

    def _execute(self, code: str, name: str) -> object:
        """Run the code and return its last expression's value, if it ends with one."""
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        tree = ast.parse(code, name)
        last = tree.body[-1] if tree.body else None
        if isinstance(last, ast.Expr):
            tree.body.pop()
        namespace = self._module.__dict__
        exec(compile(tree, name, "exec"), namespace)  # noqa: S102 - running code is what this is for
        if not isinstance(last, ast.Expr):
            return None
        return eval(compile(ast.Expression(last.value), name, "eval"), namespace)  # noqa: S307

    def _shown(self, value: object) -> str | None:
        if value is None:
            return None
        picture = getattr(value, "_repr_png_", None)
        if callable(picture) and isinstance(data := picture(), bytes):
            self._show(data)
        return repr(value)[: self._config["value"]]

    def _show(self, png: bytes) -> None:
        if self._images >= self._config["images"] or len(png) > self._config["image_size"]:
            print("[an image was left out: too many, or too large]")
            return
        self._images += 1
        sys.stdout.flush()
        self._channel.send({"id": self._call, "image": base64.b64encode(png).decode()})

    def _flush_charts(self) -> None:
        charts = sys.modules.get("box_charts")
        if charts is not None:
            charts.show()

    def _discard_charts(self) -> None:
        """A failed call shows what it had shown; half-drawn figures must not leak into the next."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        close = getattr(pyplot, "close", None)
        if close is not None:
            close("all")

    def _interrupt(self, number: int, frame: types.FrameType | None) -> None:
        if self._running:
            raise KeyboardInterrupt

    def _explained(self, error: BaseException, code: str) -> str:
        trace = error.__traceback__
        while trace is not None and not trace.tb_frame.f_code.co_filename.startswith("<cell"):
            trace = trace.tb_next
        report = traceback.TracebackException(type(error), error, trace)
        if report.stack and report.stack[-1].filename == __file__:  # where the interrupt arrived
            report.stack.pop()
        text = "".join(report.format())
        if isinstance(error, SyntaxError) and any(line.lstrip()[:1] in ("!", "%") for line in code.splitlines()):
            text += "Shell commands and magics do not exist here; there is no network, so nothing can be installed.\n"
        return text[-self._config["value"] :]


def main() -> None:
    """Give up powers, then serve calls until the host hangs up."""
    channel = Channel(int(sys.argv[1]))
    config = channel.receive()
    sys.argv[:] = [""]
    confine(config)
    os.chdir(config["data"])
    sys.path[:] = [path for path in sys.path if path != HERE] + [HERE]  # the chart backend, behind everything else
    output = io.TextIOWrapper(open(1, "wb"), "utf-8", "backslashreplace", line_buffering=True)  # noqa: SIM115
    sys.stdout = sys.stderr = output
    kernel = Kernel(channel, config)
    channel.send({"ready": True})
    while True:
        kernel.run(channel.receive())


if __name__ == "__main__":
    main()
