"""The sandboxes of this machine that the settings allow, the best first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.config import Settings
from shared.sandbox.fallback import FirstSandbox
from shared.sandbox.interpreter import Interpreter, this_interpreter
from shared.sandbox.local.isolation.base import Isolator
from shared.sandbox.local.isolation.bwrap import Bubblewrap
from shared.sandbox.local.isolation.landlock import Landlock
from shared.sandbox.local.isolation.none import Bare
from shared.sandbox.local.sandbox import LocalSandbox

_ISOLATORS: Final[dict[str, Callable[[Interpreter], Isolator]]] = {
    "bwrap": Bubblewrap,
    "landlock": Landlock,
    "unsafe-subprocess": Bare,
}
_AUTO: Final = ("bwrap", "landlock")


def local_sandbox(settings: Settings, sessions: int, prepare: Callable[[], None]) -> FirstSandbox:
    """The first of them that proves itself, with so many sessions at once; `prepare` blocks, before the first."""
    names = _AUTO if settings.sandbox == "auto" else (settings.sandbox,)
    home, interpreter = settings.box_home / "sandbox", this_interpreter()
    candidates = [LocalSandbox(home / name, _ISOLATORS[name](interpreter), sessions=sessions) for name in names]
    return FirstSandbox(candidates, prepare)
