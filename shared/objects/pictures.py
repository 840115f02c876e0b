"""What a picture is: known by its first bytes, since names and declared types lie."""

from __future__ import annotations

import base64
import binascii
import re
import struct
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
#: Bytes that tell a picture's size in pixels; in a JPEG it stands behind what the camera has written, if that is short.
SIZE_BYTES: Final = 64 * 1024
#: Characters of a data URL that hold the head, percent signs, line breaks and padding included.
_ENCODED_HEAD: Final = 256
#: Segments of a JPEG that hold its size: C0 to CF but for tables and marks.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def media_type(head: bytes) -> str | None:
    """The kind of picture that begins like this; None for what models do not take: HEIC, PDF, SVG, BMP, TIFF …"""
    return next((kind for kind, signature in _SIGNATURES.items() if signature.match(head)), None)


def is_data_url(url: str) -> bool:
    """Whether the picture is in the address itself."""
    return url[:5].lower() == "data:"


def head_of_data_url(url: str, size: int = HEAD_BYTES) -> bytes:
    """The first bytes in a data URL; none if it cannot be read."""
    # The data may be long: it is not copied.
    comma = url.find(",")
    head = unquote_to_bytes(url[comma + 1 : comma + 1 + max(_ENCODED_HEAD, size * 2)])
    if not url[:comma].lower().rstrip().endswith(";base64"):
        return head[:size]
    letters = b"".join(head.split())
    try:
        return base64.b64decode(letters[: len(letters) // 4 * 4], validate=True)[:size]
    except binascii.Error:
        return b""


def pixels(head: bytes) -> tuple[int, int] | None:
    """Width and height of the picture that begins like this, if its beginning tells."""
    try:
        match media_type(head):
            case "image/png":
                return struct.unpack_from(">II", head, 16)
            case "image/gif":
                return struct.unpack_from("<HH", head, 6)
            case "image/webp":
                return _pixels_of_webp(head)
            case "image/jpeg":
                return _pixels_of_jpeg(head)
    except (struct.error, IndexError):
        pass  # it ends too early
    return None


def _pixels_of_webp(head: bytes) -> tuple[int, int] | None:
    match head[12:16]:
        case b"VP8X":  # the canvas, each side less one, in three bytes
            width, more, height, still = struct.unpack_from("<HBHB", head, 24)
            return 1 + width + (more << 16), 1 + height + (still << 16)
        case b"VP8L":  # 14 bits each, less one
            (bits,) = struct.unpack_from("<I", head, 21)
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 26)
            return width & 0x3FFF, height & 0x3FFF
    return None


def _pixels_of_jpeg(head: bytes) -> tuple[int, int] | None:
    """Segments follow one another by their lengths; a frame's holds the size."""
    at = 2
    while head[at] == 0xFF:
        kind, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4])
        if kind in _FRAMES:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        at += 2 + max(length, 2)
    return None
