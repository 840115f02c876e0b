"""Code run call by call in one lasting namespace, as in a notebook: the last value, charts, tracebacks.

Used by the interpreter on this machine and, shipped as text, by sessions in Azure.
"""

from __future__ import annotations

import ast
import base64
import inspect
import linecache
import re
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any

# The folder has no package: it is on the path by itself.
from box_display import install, picture  # type: ignore[import-not-found]
from box_files import told, withheld  # type: ignore[import-not-found]
from box_hints import for_code, for_error  # type: ignore[import-not-found]

Json = dict[str, Any]
AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class Cells:
    """Runs code in one namespace; tells `emit` what is shown meanwhile."""

    def __init__(self, namespace: Json, emit: Callable[[Json], None], config: Json) -> None:
        self._namespace, self._emit, self._config = namespace, emit, config
        sys.modules["box_session"] = types.ModuleType("box_session")
        sys.modules["box_session"].__dict__["show"] = self._show
        self._running = False
        self._call = 0
        self._images = 0
        self._data = str(config.get("data") or "/mnt/data")
        install(namespace, self._show)

    def run(self, call: int, code: str) -> Json:
        """Run one call and report its end."""
        self._call, self._images = call, 0
        code = unfenced(code)
        before = withheld(self._data)
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
        for line in (told(before, withheld(self._data)), for_code(code).rstrip()):
            if line:
                print(line)
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
        # Without this module's own `from __future__`: it would turn the code's annotations into texts.
        self._evaluated(compile(tree, name, "exec", AWAIT, dont_inherit=True))
        if not isinstance(last, ast.Expr):
            return None
        return self._evaluated(compile(ast.Expression(last.value), name, "eval", AWAIT, dont_inherit=True))

    def _evaluated(self, code: types.CodeType) -> object:
        """The value of compiled code; `await` may stand outside of functions, as in a notebook."""
        value = eval(code, self._namespace)  # noqa: S307 - running code is what this is for
        return finished(value) if code.co_flags & inspect.CO_COROUTINE else value

    def _shown(self, value: object) -> str | None:
        if value is None:
            return None
        data = picture(value) if callable(getattr(value, "_repr_png_", None)) else None
        if data is not None:
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
        hint: str = for_error(error, code)
        return (text + hint)[-self._config["value"] :]


def unfenced(code: str) -> str:
    """The code without the fence that models put around it in their answers."""
    fenced = re.fullmatch(r"\s*```[\w+-]*[ \t]*\n(.*?)\n?\s*```\s*", code, re.S)
    return code if fenced is None else fenced[1]


def finished(coroutine: Any) -> object:
    """What a coroutine returns; in a thread of its own where this one has a loop that runs."""
    import asyncio  # noqa: PLC0415  heavy: few sessions need it
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, coroutine).result()
