"""Where the box is root, each session is a user of its own, who may not get to the interpreter: as in root's own home.

Such a session keeps one capability for reading. That is done behind Landlock only, which decides by path, not by owner.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# CAP_DAC_READ_SEARCH; and CAP_DAC_OVERRIDE, which is all that common container engines leave to root.
_READING: Final = (2, 1)
#: Of this process.
STATUS: Final = Path("/proc/self/status")


def closed(paths: Iterable[str], *, ways: Iterable[str] = ()) -> str | None:
    """The first folder or file that keeps other users from reading these paths, or from getting to those `ways`."""
    for path in paths:
        if (folder := _closed_above(path)) is not None:
            return folder
        if not _allows(path, 0o005 if os.path.isdir(path) else 0o004):
            return path
    return next((folder for path in ways if (folder := _closed_above(path)) is not None), None)


def for_reading(status: Path = STATUS) -> int | None:
    """The number of the smallest capability of the process with that status that reads what belongs to others."""
    found = re.search(r"^CapPrm:\s*([0-9a-f]+)$", status.read_text(), re.MULTILINE)
    held = int(found[1], 16) if found is not None else 0
    return next((number for number in _READING if held & 1 << number), None)


def _closed_above(path: str) -> str | None:
    parents = [*reversed(Path(path).parents), *reversed(Path(path).resolve().parents)]
    return next((str(parent) for parent in parents if not _allows(str(parent), 0o001)), None)


def _allows(path: str, mode: int) -> bool:
    return os.stat(path).st_mode & mode == mode
