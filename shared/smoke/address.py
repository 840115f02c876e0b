"""What people give as a box's address."""

from __future__ import annotations

import re
from typing import Final

#: What of it belongs to the API below: `azd` prints the address with `/v1`.
_BELOW: Final = re.compile(r"(/openai)?(/v1)?/*$")


def root(address: str) -> str:
    """The address without the API's prefix. Raises ValueError."""
    if re.match(r"https?://[^/]", address) is None:
        raise ValueError(f"{address} is no address: it must begin with http:// or https://")
    return _BELOW.sub("", address)
