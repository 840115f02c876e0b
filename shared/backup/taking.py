"""Taking a backup of a home, while a box works in it.

The database is copied as it is at one moment, then the blobs that its records name. Blobs never change, and one is
deleted only after the record that named it: whatever is missing was deleted since, and a newer copy of the database
does not name it. The folder gets its name when all of it is on the disk.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from shared.backup import manifest
from shared.backup.copying import copy, entry_of
from shared.backup.manifest import HOME, OBJECTS, Backup, Entry, NotDone
from shared.backup.named import blobs_named
from shared.backup.walk import Walk
from shared.config import Settings
from shared.home import make_private
from shared.sqlite import MAJOR

#: Pages of the database between two words of progress: 4 MB.
PAGES: Final = 1024
#: How often the database is copied anew because blobs were deleted meanwhile.
ATTEMPTS: Final = 20
#: Seconds after which an unfinished backup was left by a process that died.
STALE_SECONDS: Final = 24 * 3600
#: What of a home is copied as it is, beside the database and the blobs.
PLAIN: Final = ("api_key", "outbox")

#: Called with what is being done, how much of it is done, and how much there is (0: nobody knows).
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that was taken."""

    manifest: Backup
    #: Blobs that the box itself has lost: its records name them.
    lost: list[str]


async def take(settings: Settings, folder: Path, progress: Progress) -> Taken:
    """Make a backup of the settings' home in a folder that is not there yet. Raises NotDone, Damaged, OSError."""
    home = settings.box_home
    _check(home, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    mark = f".{folder.name}."
    _remove_stale(folder.parent, mark)
    staging = Path(tempfile.mkdtemp(prefix=mark, suffix=".partial", dir=folder.parent))
    try:
        copied = _Copy(home, staging / HOME, progress)
        copied.run()
        noted = staging / OBJECTS
        walk = Walk(settings, staging / HOME, copied.taken)
        objects = await walk.note(noted, lambda done: progress("reading it back", done, 0))
        _close_database(copied.database)
        files = copied.files | {f"{HOME}/box.db": entry_of(copied.database), OBJECTS: entry_of(noted)}
        made = Backup(copied.taken, objects, files)
        _give_name(staging, made, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Taken(made, copied.lost)


def _check(home: Path, folder: Path) -> None:
    path = home / "box.db"
    if not path.is_file() or path.stat().st_size == 0:
        raise NotDone(f"There is no box in {home}: it has no box.db.")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise NotDone(f"{folder} is there already. Name a folder that is not.")
    with closing(sqlite3.connect(path)) as connection:
        written = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if written > MAJOR:
        raise NotDone(f"{path} is of format {written}; this version reads {MAJOR}: upgrade it.")


def _remove_stale(parent: Path, mark: str) -> None:
    """Remove what earlier attempts at the same backup left when they died."""
    for path in parent.glob(f"{mark}*.partial"):
        if path.stat().st_mtime < time.time() - STALE_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def _close_database(path: Path) -> None:
    """Make it one file: no log beside it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _give_name(staging: Path, made: Backup, folder: Path) -> None:
    """Make what is staged a whole backup, and put it where it is to be."""
    for path in (path for path in staging.rglob("*") if path.is_dir()):
        manifest.settle(path)
    manifest.write(staging, made)
    staging.rename(folder)  # an empty folder of that name gives way, any other does not
    manifest.settle(folder.parent)


@dataclass(slots=True)
class _Copy:
    """A home on its way into a backup."""

    home: Path
    target: Path
    progress: Progress
    taken: float = 0
    files: dict[str, Entry] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    @property
    def database(self) -> Path:
        """The copy of the database."""
        return self.target / "box.db"

    def run(self) -> None:
        """Copy everything. Raises NotDone when too much is deleted meanwhile."""
        make_private(self.target / "blobs")
        missing: set[str] = set()
        for _ in range(ATTEMPTS):
            self._copy_database()
            named = blobs_named(self.database)
            # What was missing before this copy was made, and is named by it, was not deleted: it is lost.
            self.lost = sorted(missing.intersection(named))
            missing = self._copy_blobs(named) - set(self.lost)
            if not missing:
                break
        else:
            raise NotDone("Files were deleted faster than they could be copied. Try again.")
        self._drop(named)
        for name in PLAIN:
            self._copy_plain(self.home / name, name)

    def _copy_database(self) -> None:
        """Copy the database in pieces of one moment, then once more without what was deleted from it before."""
        draft = self.target / "box.db.part"
        with (
            closing(sqlite3.connect(self.home / "box.db", timeout=60)) as source,
            closing(sqlite3.connect(draft)) as out,
        ):
            # Its own reading transaction holds the moment: writers go on in the log, and nothing begins anew.
            source.execute("BEGIN")
            self.taken = time.time()
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(out, pages=PAGES, progress=self._told)
        self.database.unlink(missing_ok=True)
        with closing(sqlite3.connect(draft)) as source:
            source.execute("VACUUM INTO ?", (str(self.database),))
        draft.unlink()
        self.database.chmod(0o600)

    def _told(self, status: int, remaining: int, total: int) -> None:
        self.progress("database", total - remaining, total)

    def _copy_blobs(self, named: list[str]) -> set[str]:
        """Copy the blobs that are not copied yet; those that are not there."""
        missing = set()
        for number, name in enumerate(named):
            file = quote(name, safe="")
            place = f"{HOME}/blobs/{file}"
            if place not in self.files:
                try:
                    self.files[place] = copy(self.home / "blobs" / file, self.target / "blobs" / file)
                except FileNotFoundError:
                    missing.add(name)
            self.progress("files", number + 1, len(named))
        return missing

    def _drop(self, named: list[str]) -> None:
        """Remove what the last copy of the database does not name any more: it was deleted before."""
        wanted = {quote(name, safe="") for name in named} - {quote(name, safe="") for name in self.lost}
        for path in (self.target / "blobs").iterdir():
            if path.name not in wanted:
                path.unlink()
                self.files.pop(f"{HOME}/blobs/{path.name}", None)

    def _copy_plain(self, source: Path, place: str) -> None:
        if source.is_dir():
            make_private(self.target / place)
            for each in sorted(source.iterdir()):
                self._copy_plain(each, f"{place}/{each.name}")
        elif source.is_file():
            self.files[f"{HOME}/{place}"] = copy(source, self.target / place)
