"""The sandbox of a machine that cannot isolate: no code is run, and everybody is told why."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from shared.sandbox.base import Limits, SandboxInfo, SandboxUnavailable, Session


@dataclass(frozen=True, slots=True)
class RefusedSandbox:
    """The sandbox of a box without one: every session is refused, in words for the model."""

    #: What is missing, as a sentence.
    reason: str

    @property
    def info(self) -> SandboxInfo:
        """There is nothing here that isolates, because there is nothing here that runs."""
        return SandboxInfo("none", "none", Limits())

    async def self_test(self) -> None:
        """Raises SandboxError with the reason, always."""
        raise SandboxUnavailable(self.reason)

    def session(self, key: str) -> AbstractAsyncContextManager[Session]:
        """Raises SandboxUnavailable."""
        raise SandboxUnavailable(self.reason)

    async def evict(self, key: str) -> None:
        """Do nothing: there are no sessions."""

    async def close(self) -> None:
        """Do nothing: nothing is open."""
