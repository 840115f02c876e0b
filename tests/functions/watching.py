"""A look over the shoulder of the Functions host: it watches its app's folder, and so does this, by inotify."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Changed, attributes changed, closed after writing, moved away or here, created, deleted.
CHANGES = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200
HEAD = struct.Struct("iIII")


class Watch:
    """Tells what has changed below a folder since it began."""

    def __init__(self, descriptor: int, folders: dict[int, Path]):
        self._descriptor, self._folders = descriptor, folders

    def events(self) -> list[str]:
        """The paths that something happened to since the last question, in order."""
        found: list[Any] = []
        while True:
            try:
                data = os.read(self._descriptor, 65536)
            except BlockingIOError:
                return found
            while data:
                watch, _, _, length = HEAD.unpack_from(data)
                name = data[HEAD.size : HEAD.size + length].rstrip(b"\0").decode()
                found.append(str(self._folders[watch] / name))
                data = data[HEAD.size + length :]


@contextmanager
def watching(top: Path) -> Iterator[Watch]:
    """Watch the folder and all below it. A new folder is told of itself; what happens in it then is not."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert descriptor >= 0, os.strerror(ctypes.get_errno())
    try:
        folders = {}
        for folder in (top, *(path for path in top.rglob("*") if path.is_dir())):
            watch = libc.inotify_add_watch(descriptor, os.fsencode(folder), CHANGES)
            assert watch >= 0, os.strerror(ctypes.get_errno())
            folders[watch] = folder.relative_to(top)
        yield Watch(descriptor, folders)
    finally:
        os.close(descriptor)
