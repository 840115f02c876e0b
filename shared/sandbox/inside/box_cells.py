"""Code run call by call in one lasting namespace, as in a notebook: the last value, charts, tracebacks.

Used by the interpreter on this machine and, shipped as text, by sessions in Azure.
"""

from __future__ import annotations

import ast
import base64
import linecache
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


class Cells:
    """Runs code in one namespace; tells `emit` what is shown meanwhile."""

    def __init__(self, namespace: Json, emit: Callable[[Json], None], config: Json) -> None:
        self._namespace, self._emit, self._config = namespace, emit, config
        sys.modules["box_session"] = types.ModuleType("box_session")
        sys.modules["box_session"].__dict__["show"] = self._show
        self._running = False
        self._call = 0
        self._images = 0

    def run(self, call: int, code: str) -> Json:
        """Run one call and report its end."""
        self._call, self._images = call, 0
        ending: Json = {"id": call, "status": "ok", "result": None, "error": None}
        self._running = True
        try:
            value = self._execute(code, f"<cell {call}>")
            ending["result"] = self._shown(value)
            self._flush_charts()
        except BaseException as error:
            self._running = False
            ending |= {"status": "error", "error": self._explained(error, code)}
            self._discard_charts()
        finally:
            self._running = False
        sys.stdout.flush()
        return ending

    def interrupt(self, number: int, frame: types.FrameType | None) -> None:
        """A signal handler: the call has taken too long."""
        if self._running:
            raise KeyboardInterrupt

    def _execute(self, code: str, name: str) -> object:
        """Run the code and return its last expression's value, if it ends with one."""
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        tree = ast.parse(code, name)
        last = tree.body[-1] if tree.body else None
        if isinstance(last, ast.Expr):
            tree.body.pop()
        exec(compile(tree, name, "exec"), self._namespace)  # noqa: S102 - running code is what this is for
        if not isinstance(last, ast.Expr):
            return None
        return eval(compile(ast.Expression(last.value), name, "eval"), self._namespace)  # noqa: S307

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
        self._emit({"id": self._call, "image": base64.b64encode(png).decode()})

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
