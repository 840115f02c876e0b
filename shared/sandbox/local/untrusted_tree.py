"""Walking and deleting folders that hostile code made: no links followed, few descriptors, any depth survived."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC if os.name == "posix" else 0
#: Folders in folders; each level costs the host a descriptor while it looks.
_DEEPEST: Final = 40


class Unreadable(Exception):
    """A folder forbids the look or is nested too deep: what it holds cannot be counted."""


@contextmanager
def opened(path: str | Path, parent: int | None = None) -> Iterator[int]:
    """A folder's descriptor, never one behind a link; closed at the end."""
    descriptor = os.open(path, _FOLDER, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def walk(folder: int, depth: int = 0) -> Iterator[tuple[int, str, os.stat_result]]:
    """Every entry below: the folder it is in, its name, what it is. Raises Unreadable."""
    if depth > _DEEPEST:
        raise Unreadable
    for name in os.listdir(folder):
        try:
            seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
            yield folder, name, seen
            if stat.S_ISDIR(seen.st_mode):
                with opened(name, folder) as inner:
                    yield from walk(inner, depth + 1)
        except (FileNotFoundError, NotADirectoryError):
            continue  # it changed while we looked
        except OSError as error:
            raise Unreadable from error


def remove(name: str, parent: int) -> None:
    """Delete a file or a folder; nobody else may be at work in it."""
    with suppress(FileNotFoundError):
        try:
            os.unlink(name, dir_fd=parent)
        except (IsADirectoryError, PermissionError):
            os.chmod(name, 0o700, dir_fd=parent)
            with opened(name, parent) as folder:
                _empty(folder)
            os.rmdir(name, dir_fd=parent)


def _empty(folder: int) -> None:
    """Delete all entries, lifting the contents of inner folders up first, so that depth does not matter."""
    while names := os.listdir(folder):
        for name in names:
            if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                os.unlink(name, dir_fd=folder)
                continue
            os.chmod(name, 0o700, dir_fd=folder)
            with opened(name, folder) as inner:
                for entry in os.listdir(inner):
                    if stat.S_ISDIR(os.stat(entry, dir_fd=inner, follow_symlinks=False).st_mode):
                        os.chmod(entry, 0o700, dir_fd=inner)
                        # A name that nobody can have guessed, to put something in the way.
                        os.rename(entry, secrets.token_hex(), src_dir_fd=inner, dst_dir_fd=folder)
                    else:
                        os.unlink(entry, dir_fd=inner)
            os.rmdir(name, dir_fd=folder)
