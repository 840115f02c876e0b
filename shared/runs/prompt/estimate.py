"""What a request weighs, in tokens, before a provider has counted it: input items, instructions, tools. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Final

from shared.json_types import Json
from shared.objects.pictures import SIZE_BYTES, head_of_data_url, is_data_url, pixels
from shared.runs.prompt.tokens import text_tokens

#: What marks an item's beginning and end, and says whose it is.
ITEM_TOKENS: Final = 6
#: A picture that is asked for in `low` detail.
LOW_PICTURE: Final = 85
#: A square of a picture in higher detail, once it has been scaled down to `PICTURE_SIDES`.
TILE_TOKENS: Final = 170
#: Pixels of its side.
TILE: Final = 512
#: What the shorter and the longer side of a picture are scaled down to.
PICTURE_SIDES: Final = (768, 2048)
#: Other models count patches: so many at most, of so many pixels.
MOST_PATCHES: Final = 1536
PATCH: Final = 32
#: Characters of encrypted reasoning that are a token: what it was is longer than a token of base64.
ENCRYPTED_CHARACTERS: Final = 4


def request_tokens(instructions: str, tools: Iterable[Json], text_format: Json | None = None) -> int:
    """What every request of a run weighs beside its input."""
    schemas = [*tools, *([] if text_format is None else [text_format])]
    return text_tokens(instructions) + sum(ITEM_TOKENS + json_tokens(schema) for schema in schemas)


def estimate_tokens(items: Iterable[Json]) -> int:
    """About how many tokens the input items are."""
    return sum(map(item_tokens, items))


def item_tokens(item: Json) -> int:
    """About how many tokens an input item is."""
    match item["type"]:
        case "message":
            return ITEM_TOKENS + sum(map(part_tokens, item["content"]))
        case "function_call":
            return ITEM_TOKENS + text_tokens(item["name"]) + text_tokens(_text(item["arguments"]))
        case "function_call_output":
            return ITEM_TOKENS + text_tokens(_text(item["output"]))
        case "reasoning":
            said = [item.get("summary") or "", item.get("content") or ""]
            hidden = len(item.get("encrypted_content") or "") // ENCRYPTED_CHARACTERS
            return ITEM_TOKENS + hidden + sum(json_tokens(each) for each in said if each)
    return ITEM_TOKENS + json_tokens(item)


def part_tokens(part: Json) -> int:
    """About how many tokens a part of a message is."""
    match part["type"]:
        case "input_image":
            return picture_tokens(part["image_url"], part.get("detail"))
        case "refusal":
            return text_tokens(part["refusal"])
    return text_tokens(part["text"]) if "text" in part else json_tokens(part)


def picture_tokens(url: str, detail: str | None) -> int:
    """About how many tokens a picture is, by its pixels if it is in the address."""
    if detail == "low":
        return LOW_PICTURE
    return pixels_tokens(pixels(head_of_data_url(url, SIZE_BYTES)) if is_data_url(url) else None)


def pixels_tokens(size: tuple[int, int] | None) -> int:
    """About how many tokens a picture of that width and height is; None, not known: as many as one can be."""
    if size is None or min(size) < 1:
        return MOST_PATCHES
    patches = min(MOST_PATCHES, math.prod(math.ceil(side / PATCH) for side in size))
    short, long = sorted(size)
    scale = min(1.0, PICTURE_SIDES[1] / long)
    scale *= min(1.0, PICTURE_SIDES[0] / (short * scale))
    tiles = math.prod(math.ceil(round(side * scale) / TILE) for side in size)
    return max(patches, LOW_PICTURE + TILE_TOKENS * tiles)


def json_tokens(value: object) -> int:
    """About how many tokens a value is, written as JSON."""
    return text_tokens(json.dumps(value, ensure_ascii=False))


def _text(value: object) -> str:
    """A text as it is; some servers' arguments are objects."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
