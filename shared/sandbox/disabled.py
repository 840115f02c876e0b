"""The sandbox of a machine that cannot isolate: no code is run, and everybody is told why."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from shared.sandbox.base import Limits, SandboxInfo, SandboxUnavailable, Session


@dataclass(frozen=True, slots=True)
class RefusedSandbox:
    """Refuses every session."""

    #: What is missing, as a sentence.
    reason: str

    @property
    def info(self) -> SandboxInfo:
        """There is nothing here that isolates, because there is nothing here that runs."""
        return SandboxInfo("none", "none", Limits())

    async def self_test(self) -> None:
        """Always fails."""
        raise SandboxUnavailable(self.reason)

    def session(self, key: str) -> AbstractAsyncContextManager[Session]:
        """Raises SandboxUnavailable."""
        raise SandboxUnavailable(self.reason)

    async def evict(self, key: str) -> None:
        """Nothing to end."""

    async def close(self) -> None:
        """Nothing to close."""
