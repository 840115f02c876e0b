"""The interpreter gives up its powers, before any foreign code runs. Nothing here can be undone by the process."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from typing import Any

Json = dict[str, Any]

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 8, 47, 2
_CAPABILITY_VERSION_3 = 0x20080522
_SECCOMP_MODE_FILTER = 2
#: The Landlock calls have these numbers on every machine.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1

_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def confine(config: Json) -> None:
    """Apply what the host asked for, in the one order that works. Raises OSError."""
    os.umask(0o077)
    for name, value in config["rlimits"].items():
        if hasattr(resource, name):  # macOS lacks some
            _limit(getattr(resource, name), value)
    if config["uid"] is not None:
        become(config["uid"], config["capability"])
    if config["die_with_parent"]:  # after the change of user, which clears it
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != config["parent"]:
            raise OSError("the host is gone")
    if config["landlock"] is not None or config["filter"] is not None:
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if config["landlock"] is not None:
        _landlock(config["landlock"])
    if config["filter"] is not None:
        code = ctypes.create_string_buffer(bytes.fromhex(config["filter"]))
        program = _Program(len(code) // 8, ctypes.addressof(code))
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program))


def become(uid: int, capability: int | None, *, inherited: bool = True) -> None:
    """Be another user for good, with one capability or none; `inherited` by child processes. Raises OSError."""
    if capability is not None:
        _prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if capability is not None:
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        only = 1 << capability  # effective, permitted, inheritable; and once more for numbers above 31
        if _libc.capset(header, (ctypes.c_uint32 * 6)(only, only, only, 0, 0, 0)) != 0:
            raise OSError(ctypes.get_errno(), "capset")
    if capability is not None and inherited:
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, ctypes.c_ulong(capability))


def _limit(which: int, value: int) -> None:
    """Lower a limit for good; what is already lower stays."""
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def _landlock(rules: Json) -> None:
    """Allow the listed paths, deny every other access that this kernel's Landlock knows."""
    ruleset = _Ruleset(rules["fs"], rules["net"], rules["scoped"])
    handle = _syscall(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(rules["size"]), 0)
    for path, allowed in rules["paths"]:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = _PathBeneath(allowed, parent)
        _syscall(_ADD_RULE, handle, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
        os.close(parent)
    _syscall(_RESTRICT_SELF, handle, 0)
    os.close(handle)


def _prctl(option: int, argument: Any, extra: Any = 0) -> None:
    zero = ctypes.c_ulong(0)
    value = ctypes.c_ulong(int(argument))
    if _libc.prctl(option, value, extra if extra != 0 else zero, zero, zero) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _syscall(number: int, *arguments: Any) -> int:
    answer = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if answer < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return answer
