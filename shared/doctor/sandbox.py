"""Which sandbox the code interpreter has, in words for people."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final

from shared.deps import Deps
from shared.sandbox.base import SandboxUnavailable

#: Of the extra `sandbox`: without these no chart is drawn and no equation solved, not even by the demo.
EXPECTED: Final = ("matplotlib", "sympy")


async def sandbox_in_words(deps: Deps) -> str:
    """Which sandbox the code interpreter has, or why it has none."""
    sandbox = deps.sandbox
    if sandbox is None:
        return "not run: the code interpreter is switched off (SANDBOX=none)"
    try:
        await sandbox.self_test()
    except SandboxUnavailable as error:
        return f"not run: {error}"
    info = sandbox.info
    if info.isolation == "none":
        return f"{info.name}: NOT ISOLATED. Model-written code can do whatever you can do here.{missing()}"
    memory = f", memory held by {info.memory_held_by}" if info.memory_held_by is not None else ""
    lacking = "" if info.isolation == "hyperv" else missing()  # the service has a Python of its own
    return f"{info.name} (isolated by {info.isolation}{memory}){lacking}"


def missing(names: Sequence[str] = EXPECTED) -> str:
    """Which libraries of the code interpreter are not installed, and how they are; empty if they all are."""
    absent = " and ".join(name for name in names if find_spec(name) is None)
    return f" Without {absent}: `pip install '.[sandbox]'` in a checkout." if absent else ""
