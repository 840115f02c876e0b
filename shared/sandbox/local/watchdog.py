"""Looks at a running session ten times a second and says when it must die."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from shared.sandbox.base import Limits, Reason
from shared.sandbox.local import holdings, procfs
from shared.sandbox.local.folder import Folder
from shared.sandbox.local.procfs import SessionProcess
from shared.sandbox.local.untrusted_tree import Unreadable

#: Seconds between two looks.
_PERIOD: Final = 0.1
#: The sandbox's own processes: bubblewrap twice, and the interpreter.
_OWN: Final = 3


@dataclass(frozen=True, slots=True)
class Watchdog:
    """The limits that the kernel does not keep by itself."""

    folder: Folder
    limits: Limits
    session: Callable[[], int]
    executor: Executor

    async def watch(self) -> Reason:
        """Wait for a reason to kill the session."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_PERIOD)
            reason = await loop.run_in_executor(self.executor, self.look)
            if reason is not None:
                return reason

    def look(self) -> Reason | None:
        """The limit that is exceeded now, if one is."""
        try:
            everyone = procfs.members(self.session()) if sys.platform == "linux" else []
            if any(member.pid == self.session() and member.state == "Z" for member in everyone):
                return "crash"  # its children may still hold the socket open
            if len(everyone) > self.limits.processes + _OWN:
                return "processes"
            return self._held(everyone)
        except Unreadable:
            return "disk"

    def _held(self, everyone: list[SessionProcess]) -> Reason | None:
        """What the processes hold, against the limits. Raises Unreadable."""
        limits = self.limits
        if holdings.resident(everyone, limits.memory) > limits.memory:  # the rest takes longer to see
            return "memory"
        held = holdings.held(everyone, self.folder.data.stat().st_dev, limits)
        if held.mappings > limits.mappings:
            return "mappings"
        if held.descriptors > limits.descriptors:
            return "descriptors"
        if held.locks > limits.locks:
            return "locks"
        files = holdings.in_memory(everyone)
        outside = held.memory + files.bytes
        if outside + holdings.resident(everyone, limits.memory - outside) > limits.memory:
            return "memory"
        size, entries = self.folder.used()
        full = entries + files.files > limits.entries or size + held.disk > limits.disk
        return "disk" if full else None
