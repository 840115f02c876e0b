"""Isolation by bubblewrap: every namespace of its own, and a file system of nothing but Python and /mnt/data.

There is no /proc inside: nothing a data assistant uses needs it, and containers that mask theirs can still run this.
When the box is root, bubblewrap keeps two powers for the interpreter, which uses them to become an unprivileged user.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.sandbox.base import DATA, Isolation, Limits
from shared.sandbox.interpreter import INSIDE, Interpreter, environment, root_links
from shared.sandbox.local.isolation import seccomp
from shared.sandbox.local.isolation.base import Place, Plan, config

_INSIDE: Final = "/opt/box"
#: Everything of its own: processes, network, names, and no powers.
_ALONE: Final = """--die-with-parent --unshare-pid --unshare-ipc --unshare-net --unshare-uts --unshare-cgroup-try
    --hostname sandbox --cap-drop ALL"""
_USER: Final = "--unshare-user --disable-userns --uid 1000 --gid 1000"
_ROOT: Final = "--cap-add CAP_SETUID --cap-add CAP_SETGID"
_DEVICES: Final = ("null", "zero", "full", "random", "urandom")


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """Starts interpreters with bwrap 0.8 or newer."""

    interpreter: Interpreter
    name: str = "bwrap"
    isolation: Isolation = "namespaces"
    own_files: bool = True

    def missing(self) -> str | None:
        """bubblewrap itself, or a processor we have a filter for."""
        if seccomp.this_machine() is None:
            return "bubblewrap is used on x86_64 and aarch64 Linux only"
        if shutil.which("bwrap") is None:
            return "the package bubblewrap is not installed (Debian, Ubuntu: apt-get install bubblewrap)"
        return None

    def plan(self, place: Place, descriptor: int, limits: Limits) -> Plan:
        """How to start an interpreter in namespaces of its own."""
        machine = seccomp.this_machine()
        assert machine is not None
        settings = config(limits, data=DATA, uid=place.uid, processes=limits.processes)
        settings["filter"] = seccomp.program(machine, "namespaces").hex()
        python = [self.interpreter.executable, "-IB", f"{_INSIDE}/kernel.py", str(descriptor)]
        variables = environment(home="/tmp", inside=_INSIDE, executable=self.interpreter.executable)  # noqa: S108
        return Plan([*self._wrapper(place, limits), *python], variables, settings, DATA)

    def _wrapper(self, place: Place, limits: Limits) -> list[str]:
        """bwrap with its arguments; the order of the mounts matters."""
        words = [shutil.which("bwrap") or "bwrap", *_ALONE.split()]
        words += (_USER if place.uid is None else _ROOT).split()
        words += ["--tmpfs", "/dev"]
        for device in _DEVICES:
            words += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
        # Before the folders: a virtual environment may well be in /tmp.
        for folder in ("/dev/shm", "/tmp"):  # noqa: S108 - both are private file systems in memory
            words += ["--perms", "1777", "--size", str(limits.scratch), "--tmpfs", folder]
        for folder in _parents((*self.interpreter.folders, _INSIDE, DATA)):
            words += ["--dir", folder]  # or bubblewrap would make them for root alone
        for folder in self.interpreter.folders:
            words += ["--ro-bind", folder, folder]
        for path, target in root_links():
            words += ["--ro-bind", path, path] if target is None else ["--symlink", target, path]
        words += ["--ro-bind", str(INSIDE), _INSIDE, "--bind", place.data, DATA]
        return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--"]


def _parents(paths: tuple[str, ...]) -> list[str]:
    """Every folder above these paths, outer ones first."""
    return sorted({str(parent) for path in paths for parent in Path(path).parents} - {"/"})
