"""Whether secrets that requests bring can be kept."""

from __future__ import annotations

from shared.deps import Deps
from shared.doctor.findings import Finding, broken, ok
from shared.sealing.base import SealingError


async def sealing(deps: Deps) -> Finding:
    """Whether headers that requests bring can be encrypted; a word is sealed and opened."""
    if deps.sealing is None:
        return ok("sealing", "no key: headers for MCP servers are refused in requests (KEY_VAULT_URL)")
    try:
        opened = await deps.sealing.open(await deps.sealing.seal("box", "doctor"), "doctor")
    except SealingError as error:
        return broken("sealing", str(error))
    return ok("sealing", f"by {deps.sealing.description}") if opened == "box" else broken("sealing", "opened another")
