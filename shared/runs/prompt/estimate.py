"""What input items weigh, in tokens, before a provider has counted them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from shared.json_types import Json

CHARACTERS_PER_TOKEN: Final = 4
#: What a picture is taken to weigh; providers count by its size, some 85 to 1,500 tokens.
IMAGE_TOKENS: Final = 1000


def estimate_tokens(items: Iterable[Json]) -> int:
    """A rough number of tokens."""
    tokens = 0
    for item in items:
        content: list[Any] = item.get("content") or []
        images = sum(part["type"] == "input_image" for part in content)
        text = json.dumps([part for part in content if part["type"] != "input_image"] or item, ensure_ascii=False)
        tokens += images * IMAGE_TOKENS + len(text) // CHARACTERS_PER_TOKEN
    return tokens
