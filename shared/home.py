"""The box's folder on this machine: closed to the machine's other users, and never below the app of a Functions host.

That host watches its app's folder: whatever appears there, be it a session's folder or a file that code has written,
makes it restart and drop the requests in flight.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from shared.config import Settings

logger = logging.getLogger(__name__)

#: The folder of function_app.py.
APP: Final = Path(__file__).parents[1]
#: What a box keeps in its home; journals of the database come and go.
_FILES: Final = ("api_key", "sealing_key", "sign-in.html", "box.db", "box.db-wal", "box.db-shm")
_FOLDERS: Final = ("blobs", "outbox", "wake")
#: Where a restore keeps what is to be put in place, and the file that says that it has begun to do so.
RESTORING: Final = "restoring"
RESTORING_MARK: Final = f"{RESTORING}/marked.json"


def passable() -> int:
    """The mode of folders above a session's: where root gives each a user of its own, those must get through."""
    return 0o711 if os.name == "posix" and os.geteuid() == 0 else 0o700


def open_home(home: Path) -> None:
    """Make the box's folder, or close what an older one has open to other users.

    Raises OSError, and ValueError for a home whose restore was broken off.
    """
    if (home / RESTORING_MARK).exists():
        raise ValueError(f"BOX_HOME: a restore into {home} was broken off: `restore` it once more, which finishes it")
    make_private(home, passable())
    sandbox = home / "sandbox"
    modes = dict.fromkeys((home / name for name in _FILES), 0o600)
    modes |= dict.fromkeys((home / name for name in _FOLDERS), 0o700)
    modes |= dict.fromkeys((sandbox, *(sandbox.iterdir() if sandbox.is_dir() else ())), passable())
    closed = [path.name for path, mode in modes.items() if path.exists() and _close(path, mode)]
    if closed:
        words = "%s: closed to other users of this machine: %s"
        logger.warning(words, home, ", ".join(closed), extra={"action": "home_closed"})


def make_private(folder: Path, mode: int = 0o700) -> None:
    """Make a folder with those above it that are missing; one that is there is closed to more than `mode`.

    Raises OSError.
    """
    if not folder.parent.exists():
        make_private(folder.parent, mode)
    try:
        folder.mkdir(mode)
    except FileExistsError:
        if not folder.is_dir():
            raise
        if _close(folder, mode):
            logger.warning("%s: closed to other users of this machine", folder, extra={"action": "home_closed"})
    else:
        folder.chmod(mode)  # the umask has taken from it


def make_private_file(path: Path) -> None:
    """Make an empty file for this user alone, unless it is there. Raises OSError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))


def outside_of_app(settings: Settings) -> Settings:
    """The settings of a box on Functions: without BOX_HOME its home is a private folder among the temporary ones.

    Raises ValueError for a home below the app.
    """
    if "box_home" not in settings.model_fields_set:
        settings = settings.model_copy(update={"box_home": _temporary_home()})
    if settings.box_home.resolve().is_relative_to(APP):
        raise ValueError(
            f"BOX_HOME: {settings.box_home} lies in the folder of the function app, which the Functions host watches:"
            " it restarts when something is written there. Name a folder elsewhere, or none."
        )
    return settings


def _temporary_home() -> Path:
    """The same after a restart, another one for every user and app. Raises ValueError if somebody else has it."""
    user = str(os.getuid()) if os.name == "posix" else os.getlogin()
    name = f"api-in-a-box-{user}-{hashlib.sha256(str(APP).encode()).hexdigest()[:16]}"
    home = Path(tempfile.gettempdir()) / name
    make_private(home, passable())
    seen = home.lstat()
    if not stat.S_ISDIR(seen.st_mode) or (os.name == "posix" and seen.st_uid != os.geteuid()):
        raise ValueError(f"BOX_HOME: {home} belongs to somebody else. Name a folder of your own.")
    return home


def _close(path: Path, mode: int) -> bool:
    """Take away what other users may do beyond `mode`, if it is ours to take; whether something was taken."""
    seen = path.stat()
    if os.name != "posix" or not seen.st_mode & 0o777 & ~mode:
        return False
    # A folder that everybody may write into, or of another user, serves others, too.
    if seen.st_uid != os.geteuid() or seen.st_mode & stat.S_ISVTX:
        words = "%s is open to other users of this machine, and not ours to close"
        logger.warning(words, path, extra={"action": "home_open"})
        return False
    path.chmod(stat.S_IMODE(seen.st_mode) & (mode | 0o7000))
    return True
