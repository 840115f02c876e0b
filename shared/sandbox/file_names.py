"""File names that may cross the sandbox's border, in either direction."""

from __future__ import annotations

from typing import Final

#: Characters that mean something to a path, a header or a URL.
FORBIDDEN: Final = frozenset("/\\\"'<>|:*?`")
#: Bytes of a name as UTF-8.
LONGEST_FILE_NAME: Final = 200


def is_allowed(name: str) -> bool:
    """Whether a file may have this name: plain, printable, not hidden, not a path."""
    try:
        length = len(name.encode())
    except UnicodeEncodeError:  # bytes that are no text, as os.listdir escapes them
        return False
    return (
        0 < length <= LONGEST_FILE_NAME
        and name.isprintable()
        and name == name.strip()
        and not name.startswith(".")
        and FORBIDDEN.isdisjoint(name)
    )


def cleaned(name: str) -> str:
    """An allowed name as near as possible to somebody's file name."""
    base = name.replace("\\", "/").rpartition("/")[2]
    text = "".join(c if c.isprintable() and c not in FORBIDDEN else "_" for c in base.encode(errors="replace").decode())
    text = text.strip(" .")
    stem, dot, suffix = text.rpartition(".")
    if len(text.encode()) > LONGEST_FILE_NAME:
        keep = LONGEST_FILE_NAME - len(f"{dot}{suffix}".encode()) if dot and len(suffix) <= 16 else 0
        text = _cut(stem, keep) + dot + suffix if keep > 0 else _cut(text, LONGEST_FILE_NAME)
    return text if is_allowed(text) else "file"


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore").strip()
