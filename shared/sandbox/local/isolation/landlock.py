"""Isolation by Landlock, for machines without user namespaces: the same file system, but most of it cannot be opened.

Weaker than bubblewrap: the names of host files and the host's name stay visible, there is no /mnt/data (the sandbox
rewrites that path in the code), and no sockets at all.
"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from typing import Final

from shared.json_types import Json
from shared.sandbox.base import Isolation, Limits
from shared.sandbox.interpreter import INSIDE, Interpreter, environment
from shared.sandbox.local.isolation import capabilities, seccomp
from shared.sandbox.local.isolation.base import Place, Plan, config
from shared.sandbox.local.procfs import threads_of_user

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REFER, _TRUNCATE, _IOCTL_DEV = (1 << n for n in (0, 1, 2, 3, 13, 14, 15))
_REMOVE: Final = 1 << 4 | 1 << 5
#: Folders, plain files and links; no devices, sockets or pipes.
_MAKE: Final = 1 << 7 | 1 << 8 | 1 << 12
_READ: Final = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE: Final = _READ_FILE | _READ_DIR | _WRITE_FILE | _REMOVE | _MAKE | _REFER | _TRUNCATE
_FILE: Final = _EXECUTE | _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV
#: ABI version -> the accesses to files that it knows.
_KNOWN: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_SIGNALS_ABI: Final = 6
_CREATE_RULESET: Final = 444
_DEVICES: Final = ("null", "zero", "full", "random", "urandom")


@dataclass(frozen=True, slots=True)
class Landlock:
    """Starts interpreters that lock themselves in."""

    interpreter: Interpreter
    name: str = "landlock"
    isolation: Isolation = "landlock"
    own_files: bool = False

    def missing(self) -> str | None:
        """A kernel with Landlock, or a processor we have a filter for."""
        if seccomp.this_machine() is None:
            return "Landlock is used on x86_64 and aarch64 Linux only"
        if abi() < 1:
            return "this kernel has no Landlock (Linux 5.13 or newer, with `landlock` in its lsm= list)"
        folder = capabilities.closed(self._python) if os.geteuid() == 0 else None
        if folder is not None and capabilities.for_reading() is None:
            return (
                f"{folder} is closed to the users that sessions run as, and Python lies behind it "
                "(open it to others, put Python elsewhere, or give the container CAP_DAC_READ_SEARCH)"
            )
        return None

    def plan(self, place: Place, descriptor: int, limits: Limits) -> Plan:
        """How to start an interpreter that can open nothing but Python and its own folders."""
        machine = seccomp.this_machine()
        assert machine is not None
        busy = 0 if place.uid is not None else threads_of_user(os.getuid())
        settings = config(limits, data=place.data, uid=place.uid, processes=busy + limits.processes)
        settings["die_with_parent"] = True
        settings["capability"] = self._capability(place)
        settings["landlock"] = self._rules(place)
        signals = place.uid is not None or abi() >= _SIGNALS_ABI
        settings["filter"] = seccomp.program(machine, "landlock", signals=signals).hex()
        command = [self.interpreter.executable, "-IB", str(INSIDE / "kernel.py"), str(descriptor)]
        variables = environment(home=place.scratch, inside=str(INSIDE), executable=self.interpreter.executable)
        return Plan(command, variables, settings, place.data)

    @property
    def _python(self) -> list[str]:
        return [self.interpreter.executable, *self.interpreter.folders, str(INSIDE)]

    def _capability(self, place: Place) -> int | None:
        """What the session's own user needs to get to its files: mostly nothing."""
        if place.uid is None or capabilities.closed(self._python, ways=(place.data, place.scratch)) is None:
            return None
        return capabilities.for_reading()

    def _rules(self, place: Place) -> Json:
        version = abi()
        known = _KNOWN[min(version, max(_KNOWN))]
        readable = [*self.interpreter.folders, "/bin", "/lib", "/lib32", "/lib64", str(INSIDE)]
        wanted = [(path, _READ) for path in readable if os.path.exists(path)]
        wanted += [(f"/dev/{device}", _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV) for device in _DEVICES]
        wanted += [(place.data, _WRITE), (place.scratch, _WRITE)]
        paths = [(path, allowed & known & (~0 if os.path.isdir(path) else _FILE)) for path, allowed in wanted]
        size = 8 if version < 4 else 16 if version < _SIGNALS_ABI else 24
        return {"fs": known, "net": 3, "scoped": 3, "size": size, "paths": paths}


def abi() -> int:
    """The kernel's Landlock version; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    call = ctypes.CDLL(None).syscall
    return max(0, int(call(ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint(1))))
