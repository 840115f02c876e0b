"""What a picture is: known by its first bytes, since names and declared types lie."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final
from urllib.parse import unquote_to_bytes

#: Bytes that tell.
HEAD_BYTES: Final = 16
#: In the hosted service's words.
NOT_A_PICTURE: Final = (
    "The image data you provided does not represent a valid image. Please check your input and try again with one of "
    "the supported image formats: ['image/jpeg', 'image/png', 'image/gif', 'image/webp']."
)

_SIGNATURES: Final = {
    "image/png": re.compile(rb"\x89PNG"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.S),
}
#: Characters of a data URL that hold the head, percent signs, line breaks and padding included.
_ENCODED_HEAD: Final = 256


def media_type(head: bytes) -> str | None:
    """The kind of picture that begins like this; None for what models do not take: HEIC, PDF, SVG, BMP, TIFF …"""
    return next((kind for kind, signature in _SIGNATURES.items() if signature.match(head)), None)


def is_data_url(url: str) -> bool:
    """Whether the picture is in the address itself."""
    return url[:5].lower() == "data:"


def head_of_data_url(url: str) -> bytes:
    """The first bytes in a data URL; none if it cannot be read."""
    # The data may be long: it is not copied.
    comma = url.find(",")
    head = unquote_to_bytes(url[comma + 1 : comma + 1 + _ENCODED_HEAD])
    if not url[:comma].lower().rstrip().endswith(";base64"):
        return head[:HEAD_BYTES]
    letters = b"".join(head.split())
    try:
        return base64.b64decode(letters[: len(letters) // 4 * 4], validate=True)[:HEAD_BYTES]
    except binascii.Error:
        return b""
