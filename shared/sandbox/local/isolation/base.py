"""How one interpreter is started: what each way of isolating hands to `process.py`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from shared.json_types import Json
from shared.sandbox.base import Isolation, Limits


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session lives on the host."""

    #: Becomes /mnt/data.
    data: str
    #: For temporary files, where there is no private /tmp.
    scratch: str
    #: The unprivileged user to become; None: stay who we are, which is not root.
    uid: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A command, its environment, and what the interpreter does to itself before any foreign code."""

    command: list[str]
    environment: Mapping[str, str]
    config: Json
    #: The path of the data folder as the code sees it.
    data: str


class Isolator(Protocol):
    """One way of isolating an interpreter."""

    @property
    def name(self) -> str:
        """As in the setting SANDBOX."""
        ...

    @property
    def isolation(self) -> Isolation:
        """What kind of wall it is, as the box says at its start."""
        ...

    @property
    def own_files(self) -> bool:
        """Whether the code has a file system of its own, with /mnt/data in it."""
        ...

    def missing(self) -> str | None:
        """What the machine lacks, in words for its operator; None when it can be tried."""
        ...

    def plan(self, place: Place, descriptor: int, limits: Limits) -> Plan:
        """How to start an interpreter that talks on that descriptor."""
        ...


def config(limits: Limits, *, data: str, uid: int | None, processes: int) -> Json:
    """The interpreter's own part, without what a single isolator adds."""
    return {
        "data": data,
        "uid": uid,
        "capability": None,
        "parent": os.getpid(),
        "die_with_parent": False,
        "landlock": None,
        "filter": None,
        "rlimits": {
            "RLIMIT_DATA": limits.memory,
            **({"RLIMIT_AS": limits.address_space} if sys.platform == "linux" else {}),  # others reserve at will
            "RLIMIT_FSIZE": limits.file_size,
            "RLIMIT_NOFILE": limits.open_files,
            "RLIMIT_NPROC": processes,
            "RLIMIT_CORE": 0,
            "RLIMIT_MSGQUEUE": 0,
            "RLIMIT_MEMLOCK": 0,
        },
        "value": limits.value,
        "images": limits.images,
        "image_size": limits.image_size,
    }
