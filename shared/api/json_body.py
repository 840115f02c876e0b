"""A JSON body as it arrives: counted before it is parsed, since a megabyte of `{},{},` becomes hundreds.

What the values mean is not known here. The bounds are far beyond what clients send (docs/reference/limits.md).
"""

from __future__ import annotations

import asyncio
import codecs
import math
import re
from typing import Final, TypeVar

from pydantic import BaseModel
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from shared.errors import ApiError, InvalidRequest, too_large
from shared.objects.parse import parse

Model = TypeVar("Model", bound=BaseModel)

#: Bytes of a body; 32 messages of 256,000 characters fit, in most scripts.
MAX_BODY: Final = 32 * 1024 * 1024
#: Values and keys: 128 tools with rich schemas of 7 KB have some 150,000.
MAX_VALUES: Final = 200_000
#: Keys of one object, wherever it stands.
MAX_KEYS: Final = 2_000
#: Bytes of a string that is not plain ASCII: one character can make Python keep all others in four bytes each.
MAX_WIDE_STRING: Final = 6 * 1024 * 1024
#: Bytes outside strings without white space: Python reads integers of thousands of digits slowly.
MAX_BARE: Final = 4 * 1024 * 1024
#: Bodies above this let others have a turn between reading, parsing and checking.
LARGE: Final = 256 * 1024
#: A body of so many bytes has too much of nothing.
LITTLE: Final = 64 * 1024
#: Read at once: the parts of a body that are counted in one go.
PIECE: Final = 256 * 1024

WHITE: Final = b" \t\r\n"
STRUCTURE: Final = (b",", b":", b"[", b"{")
#: An escape of a character that is not ASCII; some serializers spell `+` and `<` as escapes, too.
WIDE_ESCAPE: Final = re.compile(rb"\\u(?!00[0-7])")
#: Bytes that an escape may have when a piece ends within it: `\u00e`.
CUT_ESCAPE: Final = 5

MALFORMED: Final = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The API expects a JSON payload, but what was sent was not valid JSON.)"
)


class Outline:
    """What can be said of JSON without parsing it; fed piece by piece. Exact up to where it stops being JSON."""

    def __init__(self, most: int = MAX_VALUES) -> None:
        self._most = most
        #: One less than keys and values together.
        self.values = 0
        self._bare = 0
        self._held = b""
        self._in_string = False
        self._string, self._wide = 0, False

    def feed(self, piece: bytes) -> None:
        """Go on. Raises InvalidRequest for more than can be taken in."""
        piece = self._held + piece
        odd = (len(piece) - len(piece.rstrip(b"\\"))) % 2
        self._held = b"\\" * odd
        piece = piece[: len(piece) - odd]
        if b"\\" in piece:
            # Left to right: what remains of `\\\"` is a quote that ends nothing.
            piece = piece.replace(b"\\\\", b"__").replace(b'\\"', b"__")
            cut = piece.find(b"\\u", -CUT_ESCAPE)
            if cut >= 0:
                piece, self._held = piece[:cut], piece[cut:] + self._held
        parts = piece.split(b'"')
        outside = b"".join(parts[self._in_string :: 2])
        self.values += sum(outside.count(each) for each in STRUCTURE)
        self._bare += len(outside.translate(None, WHITE))
        if self.values > self._most or self._bare > MAX_BARE:
            raise too_many_values(self._most)
        self._measure(parts)
        self._in_string ^= len(parts) % 2 == 0

    def _measure(self, parts: list[bytes]) -> None:
        """See how long the strings grow; only one that spans pieces can be too long."""
        if self._in_string:
            self._grow(parts[0])
        if len(parts) > 1:
            self._string, self._wide = 0, False
            if self._in_string ^ (len(parts) % 2 == 0):
                self._grow(parts[-1])

    def _grow(self, text: bytes) -> None:
        self._string += len(text)
        self._wide = self._wide or not text.isascii() or WIDE_ESCAPE.search(text) is not None
        if self._wide and self._string > MAX_WIDE_STRING:
            raise InvalidRequest(
                f"A string of your request's JSON body is too long. Expected at most {MAX_WIDE_STRING} bytes, or only "
                "ASCII characters.",
                code="string_above_max_length",
            )


def too_many_values(most: int = MAX_VALUES) -> ApiError:
    """The 400 for a body that would take too long to read."""
    message = (
        "Your request's JSON body has too many keys and values, or too long numbers. "
        f"Expected at most {most} keys and values."
    )
    return InvalidRequest(message, code="body_above_max_values")


def too_many_keys(count: int) -> ApiError:
    """The 400 for an object of which each key would be an error of its own."""
    message = (
        "An object of your request's JSON body has too many properties. "
        f"Expected an object with at most {MAX_KEYS} properties, but got an object with {count} properties instead."
    )
    return InvalidRequest(message, code="object_above_max_properties")


async def body(request: Request, model: type[Model], most: int = MAX_VALUES) -> Model:
    """The body as a request model; no body is an empty object, as is null where nothing is required. Raises ApiError.

    `most` keys and values may come. Between the steps over a large body others have their turn.
    """
    raw = await _bytes(request, most)
    large = len(raw) > LARGE
    if large:
        await asyncio.sleep(0)
    value = _parsed(raw, model)
    del raw
    if large:
        await asyncio.sleep(0)
    check(value)
    if large:
        await asyncio.sleep(0)
    found = parse(model, value)
    if large:
        await asyncio.sleep(0)
    return found


def _parsed(raw: bytes, model: type[BaseModel]) -> object:
    raw = raw.removeprefix(codecs.BOM_UTF8)
    if not raw or raw.isspace():
        return {}
    try:
        value: object = from_json(raw, allow_inf_nan=False)
    except ValueError:
        raise InvalidRequest(MALFORMED) from None
    if value is None and not any(field.is_required() for field in model.model_fields.values()):
        return {}
    return value


def check(value: object) -> None:
    """Raises InvalidRequest for what no answer could spell, and for an object of very many keys."""
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            if len(here) > MAX_KEYS:
                raise too_many_keys(len(here))
            waiting.extend(here.values())
        elif isinstance(here, list):
            waiting.extend(here)
        elif isinstance(here, float) and math.isinf(here):
            # A number such as 1e999 is read as infinite.
            raise InvalidRequest(MALFORMED)


async def _bytes(request: Request, most: int) -> bytes:
    pieces, size, counted, outline = [], 0, 0, None
    more = True
    while more:
        piece, more = await _piece(request)
        size += len(piece)
        if size > MAX_BODY:
            raise too_large(MAX_BODY, size)
        pieces.append(piece)
        if size > LITTLE:
            outline = outline or Outline(most)
            for each in pieces[counted:]:
                await _count(outline, each)
            counted = len(pieces)
    return b"".join(pieces)


async def _piece(request: Request) -> tuple[bytes, bool]:
    """The next bytes, and whether more may come. Raises ClientDisconnect."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


async def _count(outline: Outline, piece: bytes) -> None:
    for start in range(0, len(piece), PIECE):
        outline.feed(piece[start : start + PIECE])
        if start:
            await asyncio.sleep(0)
