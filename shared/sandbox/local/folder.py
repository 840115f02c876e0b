"""One session's files on the host's disk. The code owns what is in here, so nothing in here is trusted.

Files are reached through the folder's descriptor and never through a link; only plain files with one name are read.
Everything blocks; the session calls it in a thread.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from shared.sandbox.base import FileInfo, FileMissing, FileRefused, Limits
from shared.sandbox.file_names import is_allowed
from shared.sandbox.local.untrusted_tree import opened, remove, walk

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC if os.name == "posix" else 0

#: Name -> what changes when a file does: size, time, inode.
Snapshot = dict[str, tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Folder:
    """The folders of one session."""

    home: Path
    limits: Limits

    @property
    def data(self) -> Path:
        """What the code sees as /mnt/data."""
        return self.home / "data"

    @property
    def scratch(self) -> Path:
        """Temporary files of sandboxes that have no /tmp of their own."""
        return self.home / "scratch"

    @property
    def mark(self) -> Path:
        """Exists once code has run here: a later interpreter has lost its variables. Names the latest."""
        return self.home / "used"

    def create(self) -> None:
        """Make the session's folder and those in it, empty."""
        for path in (self.home, self.data, self.scratch, self.home / "incoming"):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.utime(self.home)

    def is_marked(self, interpreter: str) -> bool:
        """Whether no other interpreter has come since, be it another process's."""
        try:
            return self.mark.read_text() == interpreter
        except FileNotFoundError:
            return False

    def own(self, uid: int) -> None:
        """Give all files to the session's user, who alone gets through to them. Raises Unreadable."""
        os.chown(self.home, -1, uid)
        self.home.chmod(0o710)  # whatever the code does to its own folder, others do not come as far
        for top in (self.data, self.scratch):
            with opened(top) as folder:
                os.fchown(folder, uid, uid)
                for inner, name, seen in walk(folder):
                    if seen.st_nlink == 1 or not stat.S_ISREG(seen.st_mode):
                        os.chown(name, uid, uid, dir_fd=inner, follow_symlinks=False)

    @contextmanager
    def incoming(self) -> Iterator[BinaryIO]:
        """A file to write an input into, out of the code's reach until it is complete."""
        path = self.home / "incoming" / "file"
        path.unlink(missing_ok=True)
        try:
            with path.open("xb") as file:
                yield file
        finally:
            path.unlink(missing_ok=True)

    def accept(self, name: str, also: str | None) -> None:
        """Move the complete input into the code's folder, replacing whatever has its name there."""
        path = self.home / "incoming" / "file"
        with opened(self.data) as data:
            owner = os.fstat(data)
            copies = [name] if also is None or also == name or _exists(also, data) else [also, name]
            for number, target in enumerate(copies):
                last = number == len(copies) - 1
                source = path if last else shutil.copyfile(path, path.with_name("copy"))
                os.chmod(source, 0o600)
                os.chown(source, owner.st_uid, owner.st_gid)
                try:
                    os.rename(source, target, dst_dir_fd=data)
                except OSError as error:
                    raise FileRefused(f"{target} exists and is a folder") from error

    def files(self) -> list[FileInfo]:
        """The plain files that may leave, by name."""
        return [FileInfo(name, seen[0]) for name, seen in sorted(self.snapshot().items())][: self.limits.outputs]

    def snapshot(self) -> Snapshot:
        """Every plain file that may leave, as it is now."""
        found: Snapshot = {}
        with opened(self.data) as data:
            for name in os.listdir(data):
                with suppress(OSError):
                    seen = os.stat(name, dir_fd=data, follow_symlinks=False)
                    if self._may_leave(name, seen):
                        found[name] = (seen.st_size, seen.st_mtime_ns, seen.st_ino)
        return found

    def open(self, name: str) -> BinaryIO:
        """A plain file, opened for reading. Raises FileMissing."""
        if not is_allowed(name):
            raise FileMissing(f"{name!r} is not a file in /mnt/data")
        try:
            with opened(self.data) as data:
                descriptor = os.open(name, _READ, dir_fd=data)
        except OSError as error:
            raise FileMissing(f"{name} is not a file in /mnt/data") from error
        # Looked at before it is made a file: Python leaves the descriptor of a folder open when it refuses it.
        if not self._may_leave(name, os.fstat(descriptor)):
            os.close(descriptor)
            raise FileMissing(f"{name} is not a file in /mnt/data")
        return os.fdopen(descriptor, "rb")

    def used(self) -> tuple[int, int]:
        """Bytes and entries of everything in here. Raises Unreadable."""
        size = entries = 0
        for top in (self.data, self.scratch):
            with opened(top) as folder:
                for _, _, seen in walk(folder):
                    size += seen.st_blocks * 512
                    entries += 1
                    if entries > self.limits.entries:
                        return size, entries
        return size, entries

    def revert(self, before: Snapshot) -> None:
        """Delete what was added or changed since the snapshot: the session was over its quota."""
        now = self.snapshot()
        with opened(self.data) as data:
            for name in os.listdir(data):
                if name not in before or now.get(name) != before[name]:
                    remove(name, data)
        with opened(self.scratch) as scratch:
            for name in os.listdir(scratch):
                remove(name, scratch)

    def delete(self) -> None:
        """Remove the session's folder with all that code left in it."""
        if self.home.exists():
            with opened(self.home.parent) as parent:
                remove(self.home.name, parent)

    def _may_leave(self, name: str, seen: os.stat_result) -> bool:
        plain = stat.S_ISREG(seen.st_mode) and seen.st_nlink == 1
        return plain and seen.st_size <= self.limits.file_size and is_allowed(name)


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
