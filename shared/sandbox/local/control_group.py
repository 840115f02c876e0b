"""Control groups (version 2) around sessions, where this process may make them: the one count that leaves nothing out.

Where it may not, as in most containers, sessions are held by their own limits and by the watchdog.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from shared.sandbox.base import MIB, Limits

_ROOT: Final = Path("/sys/fs/cgroup")
_NAME: Final = "api-in-a-box"
_HANDED_DOWN: Final = "+memory +pids"
#: Bytes above the session's memory: the watchdog, which can say why, shall come first.
_SLACK: Final = 128 * MIB
#: The sandbox's own processes.
_OWN: Final = 3
#: Seconds until the kernel lets go of a group whose processes have ended.
_LETTING_GO: Final = 1.0
#: Runs a command in a group: it goes in itself, so that nothing it starts can be left outside.
_ENTER: Final = 'echo 0 > "$0" && exec "$@"'


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """The group of one session."""

    folder: Path

    def entered(self, command: list[str]) -> list[str]:
        """The command as it is started inside of the group, so that its limits hold from the first instruction."""
        return ["/bin/sh", "-c", _ENTER, str(self.folder / "cgroup.procs"), *command]

    def was_full(self) -> bool:
        """Whether the kernel had to kill somebody for want of memory."""
        with suppress(OSError):
            events = dict(line.split() for line in (self.folder / "memory.events").read_text().splitlines())
            return int(events.get("oom_kill", 0)) > 0
        return False

    def remove(self) -> None:
        """Give the group back; its processes have ended. Blocks for a moment."""
        deadline = time.monotonic() + _LETTING_GO
        while not _removed(self.folder) and time.monotonic() < deadline:
            time.sleep(0.005)


@dataclass(frozen=True, slots=True)
class ControlGroups:
    """Makes the groups of this process's sessions."""

    #: Has no processes itself, and hands memory and pids down.
    parent: Path

    def make(self, name: str, limits: Limits) -> ControlGroup:
        """A group for one session. Raises OSError."""
        folder = self.parent / name
        folder.mkdir(exist_ok=True)
        (folder / "memory.max").write_text(str(limits.memory + _SLACK))
        (folder / "pids.max").write_text(str(limits.processes + _OWN))
        (folder / "memory.oom.group").write_text("1")
        with suppress(OSError):  # a kernel that does not count swap
            (folder / "memory.swap.max").write_text("0")
        return ControlGroup(folder)


@cache
def of_this_process() -> ControlGroups | None:
    """Where this process can make groups; None where it cannot. Looks once, and may take some milliseconds."""
    with suppress(OSError):
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        return next((find(_ROOT, line.removeprefix("0::")) for line in lines if line.startswith("0::")), None)
    return None


def find(root: Path, own: str) -> ControlGroups | None:
    """A place for groups below this process's own one, or beside it."""
    if not (root / "cgroup.controllers").exists():
        return None  # version 1, or a mixture that counts memory elsewhere
    inside = root / own.lstrip("/")
    for above in (inside, inside.parent) if inside != root else (inside,):
        groups = ControlGroups(above / f"{_NAME}-{os.getpid()}")
        try:
            _forget_dead(above)
            _hand_down(above)
            groups.parent.mkdir(exist_ok=True)
            (groups.parent / "cgroup.subtree_control").write_text(_HANDED_DOWN)
            trial = groups.make("trial", Limits())
            subprocess.run(trial.entered(["true"]), check=True, capture_output=True)  # noqa: S603 - our own words
            trial.remove()
        except (OSError, subprocess.SubprocessError):
            _removed(groups.parent / "trial")
            _removed(groups.parent)
        else:
            return groups
    return None


def _hand_down(above: Path) -> None:
    """Let groups below count. Raises OSError, as when somebody else is in that group, too."""
    if {"memory", "pids"} <= set((above / "cgroup.subtree_control").read_text().split()):
        return
    if (above / "cgroup.procs").read_text().split() == [str(os.getpid())]:  # a group that hands down must be empty
        (above / _NAME).mkdir(exist_ok=True)
        (above / _NAME / "cgroup.procs").write_text(str(os.getpid()))
    (above / "cgroup.subtree_control").write_text(_HANDED_DOWN)


def _forget_dead(above: Path) -> None:
    """Remove what boxes have left that were killed; the kernel removes no group with processes in it."""
    for folder in above.glob(f"{_NAME}-*"):
        if Path("/proc", folder.name.rpartition("-")[2]).exists():
            continue  # it lives, and may be about to use an empty group
        for inner in folder.glob("*/"):
            _removed(inner)
        _removed(folder)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
