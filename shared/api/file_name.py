"""The name of an uploaded file, as clients spell it in a part's header: plain, RFC 2231 (`filename*`), RFC 2047 words.

.NET writes `=?utf-8?B?…?=` into `filename`, or something unreadable there and the name into `filename*`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message

#: What Python raises for charsets that it does not know, and for bytes that are not of theirs.
UNREADABLE = (LookupError, UnicodeError, HeaderParseError, ValueError)


def file_name(disposition: str, options: Mapping[bytes, bytes]) -> str | None:
    """The name in a `Content-Disposition` whose plain `options` are parsed already; None: the part is no file.

    What had to be decoded has no folders and no control characters then.
    """
    extended = _extended(disposition) if "*" in disposition else None
    if extended is not None:
        return _base(extended)
    plain = options.get(b"filename")
    return None if plain is None else _without_words(plain.decode(errors="replace"))


def _base(name: str) -> str:
    return "".join(letter for letter in re.split(r"[/\\]", name)[-1] if letter >= " " and letter != "\x7f")


def _extended(disposition: str) -> str | None:
    """What `filename*` says, also between quotation marks; None if it is not there or cannot be read."""
    header = Message()
    try:
        header["Content-Disposition"] = disposition
        for name, value in header.get_params(header="content-disposition") or ():
            # Of an extended parameter: charset, language, and the bytes as latin-1.
            if name == "filename" and isinstance(value, tuple):
                return value[2].encode("latin-1").decode(value[0] or "ascii")
    except UNREADABLE:
        pass
    return None


def _without_words(name: str) -> str:
    """The name with its encoded words decoded; as it is where that is not possible."""
    if "=?" not in name:
        return name
    try:
        return _base(str(make_header(decode_header(name))))
    except UNREADABLE:
        return name
