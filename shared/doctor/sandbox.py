"""Which sandbox the code interpreter has, in words for people."""

from __future__ import annotations

from shared.deps import Deps
from shared.sandbox.base import SandboxUnavailable


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
        return f"{info.name}: NOT ISOLATED. Model-written code can do whatever you can do here."
    memory = f", memory held by {info.memory_held_by}" if info.memory_held_by is not None else ""
    return f"{info.name} (isolated by {info.isolation}{memory})"
