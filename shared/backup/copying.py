"""Files copied piece by piece, with their checksum, and on the disk before anything builds on them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from shared.backup.manifest import Entry, settle

#: Bytes read and written at a time.
PIECE: Final = 1024 * 1024


def copy(source: Path, target: Path) -> Entry:
    """Copy one file for this user alone. Raises OSError, FileNotFoundError if the source is gone."""
    digest, size = hashlib.sha256(), 0
    with (
        source.open("rb") as read,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out,
    ):
        while piece := read.read(PIECE):
            digest.update(piece)
            size += out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    return Entry(size, digest.hexdigest())


def entry_of(path: Path) -> Entry:
    """The size and checksum of a file that is there, which is on the disk then."""
    settle(path)
    with path.open("rb") as file:
        return Entry(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
