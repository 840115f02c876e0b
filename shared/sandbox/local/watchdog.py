"""Looks at a running session ten times a second and says when it must die."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from shared.sandbox.base import Limits, Reason
from shared.sandbox.local import procfs
from shared.sandbox.local.folder import Folder
from shared.sandbox.local.untrusted_tree import Unreadable

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
        held, in_memory = procfs.Held(0, 0), 0
        try:
            if sys.platform == "linux":
                everyone = procfs.members(self.session())
                if any(member.pid == self.session() and member.state == "Z" for member in everyone):
                    return "crash"  # its children may still hold the socket open
                if len(everyone) > self.limits.processes + _OWN:
                    return "processes"
                if procfs.memory(everyone, self.limits.memory) > self.limits.memory:
                    return "memory"
                held = procfs.held(everyone, self.folder.data.stat().st_dev, self.limits.file_size)
                if held.memory > self.limits.memory:
                    return "memory"
                in_memory = procfs.files_in_memory(everyone)
            size, entries = self.folder.used()
        except Unreadable:
            return "disk"
        return "disk" if entries + in_memory > self.limits.entries or size + held.disk > self.limits.disk else None
