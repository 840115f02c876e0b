"""Putting a backup into a home: copied beside, held against its checksums and its objects, and only then put in place.

All of it is copied into the folder `restoring` of the home. A mark there says that it is whole and right: from then on
the home is neither the old nor the new one, no box opens it, and whoever restores into it goes on where it was left.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from shared.backup import manifest
from shared.backup.copying import copy
from shared.backup.manifest import HOME, OBJECTS, Backup, Damaged, NotDone
from shared.backup.taking import Progress
from shared.backup.walk import Walk
from shared.config import Settings
from shared.home import RESTORING, RESTORING_MARK, make_private, passable

#: How the folder begins that keeps what was in the home before; the time follows.
ASIDE: Final = "before-restore-"


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was put into a home."""

    manifest: Backup
    #: How many objects were compared, by kind.
    compared: dict[str, int]
    #: The folder with what was there before; None: nothing was.
    kept: Path | None


async def restore(settings: Settings, folder: Path, progress: Progress, *, force: bool) -> Restored:
    """Make the settings' home what the backup in the folder is; `force` puts what is there aside.

    Raises NotDone, Damaged, OSError.
    """
    home, made = settings.box_home, manifest.read(folder)
    make_private(home, passable())
    _finish(home)
    there = _entries(home)
    if there and not force:
        raise NotDone(f"{home} is not empty ({', '.join(there[:5])}). Name another, or --force puts it aside.")
    _check_alone(home)
    staging = home / RESTORING
    shutil.rmtree(staging, ignore_errors=True)
    make_private(staging)
    try:
        _copy(folder, made, staging, progress)
        walk = Walk(settings, staging / HOME, made.taken)
        compared = await walk.compare(
            staging / OBJECTS, lambda done: progress("comparing", done, sum(made.objects.values()))
        )
        _check_alone(home)
        old = _entries(home)
        kept = _new_folder(home) if old else None
        _mark(home, {"kept": kept.name if kept else "", "old": old})
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    _finish(home)
    return Restored(made, compared, kept)


def _copy(folder: Path, made: Backup, staging: Path, progress: Progress) -> None:
    """Copy every file of the backup. Raises Damaged with the name of one that is not what it was."""
    done = 0
    for name, entry in made.files.items():
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or "\\" in name:
            raise Damaged(f"{folder / manifest.MANIFEST} is damaged: {name!r} is no file of a backup")
        make_private((staging / name).parent)
        try:
            found = copy(folder / name, staging / name)
        except FileNotFoundError as error:
            raise Damaged(f"{folder / name} is missing") from error
        if found != entry:
            raise Damaged(f"{folder / name} is damaged: it has not the checksum that the backup was made with")
        done += entry.bytes
        progress("copying", done, made.bytes)


def _check_alone(home: Path) -> None:
    """Refuse a home in which a box is at work, and empty the log of one that is not. Raises NotDone."""
    path = home / "box.db"
    if not path.is_file():
        return
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            # Whoever has the database open, be it without doing anything, keeps it from leaving its log.
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise NotDone(f"A box is running in {home}. End it first.") from error
            raise
        except sqlite3.DatabaseError:
            return  # what cannot be read any more is a reason to restore


def _new_folder(home: Path) -> Path:
    """Where to put aside what is there: a name that tells the time, and that is not taken."""
    name = f"{ASIDE}{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    names = (name, *(f"{name}-{number}" for number in range(2, 1000)))
    return next(home / each for each in names if not (home / each).exists())


def _mark(home: Path, order: dict[str, Any]) -> None:
    """Say that what is staged is whole, and what is to be put aside."""
    mark = home / RESTORING_MARK
    draft = mark.with_suffix(".part")
    draft.write_text(json.dumps(order), encoding="utf-8")
    for path in (draft, *(path for path in (home / RESTORING).rglob("*") if path.is_dir())):
        manifest.settle(path)
    draft.replace(mark)
    manifest.settle(mark.parent)


def _finish(home: Path) -> None:
    """Put in place what is staged and marked, be it by an earlier process, then take the mark away."""
    mark = home / RESTORING_MARK
    if mark.is_file():
        order = json.loads(mark.read_bytes())
        for name in order["old"]:
            aside = home / order["kept"] / name
            make_private(aside.parent)
            if not aside.exists():  # else it has been put aside, and the new one may be in its place
                (home / name).rename(aside)
        for path in (home / RESTORING / HOME).iterdir():
            path.rename(home / path.name)
        manifest.settle(home)
        mark.unlink()
    shutil.rmtree(home / RESTORING, ignore_errors=True)


def _entries(home: Path) -> list[str]:
    """What there is in a home, apart from the traces of restores."""
    names = sorted(path.name for path in home.iterdir())
    return [name for name in names if name != RESTORING and not name.startswith(ASIDE)]
