"""What the operator lets runs do with the tools of the box: the one place that is asked, by offers and by calls.

It judges by owner and tool. How often is `runs/side_effects.py`'s business, how a call ends the engine's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, Literal

#: `auto`: runs may call the tool. `deny`: it is not offered, and a call is answered with an error.
Verdict = Literal["auto", "deny"]

#: As an owner: everybody who is not named. As a tool: all tools.
ANY: Final = "*"


def verdict(allowed: Mapping[str, Collection[str]], owner: str, tool: str) -> Verdict:
    """Whether the owner's runs may call the tool; `allowed` is SERVER_TOOLS_ALLOWED, owner -> tools."""
    tools = allowed.get(owner, allowed.get(ANY, ()))
    return "auto" if tool in tools or ANY in tools else "deny"
