"""`display` and `IPython.display`, as notebooks have them: pictures are shown, the rest is printed."""

from __future__ import annotations

import importlib.util
import io
import sys
import types
from collections.abc import Callable
from typing import Any

Show = Callable[[bytes], None]


class Shown:
    """What `Image`, `HTML`, `Markdown` and their like wrap."""

    def __init__(self, data: Any = None, filename: str | None = None, **kwargs: Any) -> None:
        if isinstance(data, str) and filename is None and data.endswith(".png"):
            filename = data
        if filename is not None:
            with open(filename, "rb") as file:
                data = file.read()
        self.data = data

    def _repr_png_(self) -> bytes | None:
        return self.data if isinstance(self.data, bytes) and self.data.startswith(b"\x89PNG") else None

    def __repr__(self) -> str:
        return str(self.data)


def picture(value: object) -> bytes | None:
    """The value as PNG, if it is a picture."""
    if callable(getattr(value, "savefig", None)):  # a figure of matplotlib, or a grid of seaborn
        data = io.BytesIO()
        value.savefig(data, format="png", bbox_inches="tight")  # type: ignore[attr-defined]
        sys.modules["matplotlib.pyplot"].close(getattr(value, "figure", value))
        return data.getvalue()
    png = getattr(value, "_repr_png_", None)
    found = png() if callable(png) else None
    found = found[0] if isinstance(found, tuple) and found else found  # with its size, as seaborn.objects gives it
    return found if isinstance(found, bytes) else None


def install(namespace: dict[str, Any], show: Show) -> None:
    """Put `display` where code looks for it."""

    def display(*values: object, **kwargs: Any) -> None:
        for value in values:
            data = picture(value)
            if data is None:
                print(value if isinstance(value, str) else repr(value))
            else:
                show(data)

    namespace["display"] = display
    present = sys.modules.get("IPython.display")
    if present is not None:
        present.__dict__["display"] = display
    elif importlib.util.find_spec("IPython") is None:
        _stand_in(display)


def _stand_in(display: Callable[..., None]) -> None:
    package, module = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    names = ("Image", "HTML", "Markdown", "Latex", "Math", "JSON", "SVG", "Pretty")
    module.__dict__.update(dict.fromkeys(names, Shown), display=display, clear_output=lambda *_, **__: None)
    # matplotlib looks for a version; a new one needs no help of its.
    package.__dict__.update(version_info=(9, 0, 0, ""), __version__="9.0.0")
    package.__dict__.update(__path__=[], display=module, get_ipython=lambda: None)
    sys.modules.update({"IPython": package, "IPython.display": module})
