"""Pictures that the provider refuses: which ones it means, and the request without those of earlier messages.

A picture whose link has expired, or which only this provider cannot read, must not keep a thread from going on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final
from urllib.parse import urlsplit

from shared.json_types import Json
from shared.llm.responses.parameters import Refusal

#: Place of a picture: the number of its input item, and of the part in it.
Place = tuple[int, int]

CODES: Final = {
    "empty_image_file",
    "failed_to_download_image",
    "image_content_policy_violation",
    "image_file_not_found",
    "image_file_too_large",
    "image_parse_error",
    "image_too_large",
    "image_too_small",
    "invalid_base64_image",
    "invalid_image",
    "invalid_image_format",
    "invalid_image_mode",
    "invalid_image_url",
    "unsupported_image_media_type",
}
_WORDS: Final = re.compile(
    r"error while downloading|timeout while downloading|does not represent a valid image"
    r"|(?:invalid|unsupported|corrupt(?:ed)?|bad) (?:image|picture)|cannot identify image"
    r"|(?:download|fetch|decode|process|load|parse|open|read)\w* .{0,40}\bimage"
    r"|image.{0,60}(?:not (?:currently )?supported|too (?:large|small))"
    r"|not support .{0,40}\bimage|is not a multimodal model|at most \d+ image"
    r"|uploaded an? unsupported image|invalid mime type",
    re.I,
)
#: What llama.cpp says of a model that sees nothing, as an error of its own.
_BLIND: Final = re.compile(r"image input is not supported", re.I)
_PLACED: Final = re.compile(r"input\[(\d+)\]\.content\[(\d+)\]")
#: A message may go on to quote the prompt, which says anything.
_LOOKED_AT: Final = 400
#: The longest part of an address that names a picture.
_LONGEST_NAME: Final = 200


def is_meant(refusal: Refusal) -> bool:
    """Whether the endpoint refuses a picture."""
    param = refusal.param or ""
    pointed = param in ("url", "image_url") or param.endswith((".image_url", ".image_url.url"))
    about_tools = param.startswith(("tools", "text", "tool_choice"))
    return refusal.code in CODES or pointed or (not about_tools and bool(_WORDS.search(refusal.message[:_LOOKED_AT])))


def is_unseen(refusal: Refusal) -> bool:
    """Whether the endpoint says, whatever the status, that the model sees no pictures."""
    return bool(_BLIND.match(refusal.message))


def blamed(refusal: Refusal, body: Json) -> list[Place]:
    """The pictures that the endpoint points at, by their place or their address; all of them if it does not."""
    places = list(_places(body))
    at = _PLACED.match(refusal.param or "")
    pointed = [place for place in places if at is not None and place == (int(at[1]), int(at[2]))]
    pointed = pointed or [place for place in places if _address(_part(body, place), shortest=10) in refusal.message]
    return pointed or places


def all_of(body: Json) -> list[Place]:
    """The places of all pictures."""
    return list(_places(body))


def earlier(body: Json, places: Collection[Place]) -> list[Place]:
    """Those of the places that are in messages before the user's newest."""
    first = max((number for number, item in enumerate(body["input"]) if item.get("role") == "user"), default=0)
    return [place for place in places if place[0] < first]


def without(body: Json, places: Collection[Place], names: dict[str, str]) -> Json:
    """The body with words where those pictures were."""

    def part(place: Place, whole: Json) -> Json:
        if place not in places:
            return whole
        return {"type": "input_text", "text": f"({name_of(whole, names)} was left out: the model could not take it)"}

    items = [
        item | {"content": [part((number, index), each) for index, each in enumerate(item["content"])]}
        if any(place[0] == number for place in places)
        else item
        for number, item in enumerate(body["input"])
    ]
    return body | {"input": items}


def names_in(items: Collection[Json]) -> dict[str, str]:
    """Where a picture is -> what it is called, of those in input items that bear a name."""
    body = {"input": items}
    parts = (_part(body, place) for place in _places(body))
    return {part["image_url"]: part["name"] for part in parts if part.get("name")}


def named(body: Json, places: Collection[Place], names: dict[str, str]) -> str:
    """The pictures as a client knows them: `the picture file-abc`, `one of the pictures file-abc, file-def`."""
    each = list(dict.fromkeys(name_of(_part(body, place), names) for place in places))
    if len(each) < 2:
        return "".join(each) or "a picture"
    return "one of the pictures " + ", ".join(name.removeprefix("the picture ") for name in each[:5])


def name_of(part: Json, names: dict[str, str]) -> str:
    """What a picture is called: its file's id, or its address without what may be a secret in it."""
    url = part["image_url"]
    if url in names:
        return f"the picture {names[url]}"
    if url[:5].lower() == "data:":
        return f"the picture {url[:40].partition(';')[0]}"
    address = urlsplit(url)
    return f"the picture {(address.hostname or '') + address.path}"[:_LONGEST_NAME]


def _places(body: Json) -> Iterator[Place]:
    for number, item in enumerate(body["input"]):
        content = item.get("content")
        for index, part in enumerate(content if isinstance(content, list) else ()):
            if part.get("type") == "input_image":
                yield number, index


def _part(body: Json, place: Place) -> Json:
    part: Json = body["input"][place[0]]["content"][place[1]]
    return part


def _address(part: Json, shortest: int) -> str:
    """The address as a message quotes it; a text that no message holds, if it is none."""
    url: str = part["image_url"]
    return url if url[:4].lower() == "http" and len(url) >= shortest else "\0"
