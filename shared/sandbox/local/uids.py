"""Unprivileged users for sandboxes of a box that runs as root: one per session, so that their limits are their own."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from shared.sandbox.base import SandboxUnavailable
from shared.sandbox.local.procfs import threads_of_user

#: User ids that no convention of any distribution gives to anybody.
_FIRST, _LAST = 60706, 61183
#: One file for each user id.
LOCKS: Final = Path("/run/api-in-a-box-sandbox")


@dataclass(slots=True)
class Accounts:
    """User ids in use by this process, each held by a lock that other boxes on the machine respect."""

    locks: Path = LOCKS
    _held: dict[int, int] = field(default_factory=dict)

    def take(self) -> int:
        """A user id that nobody has. Raises SandboxUnavailable."""
        import fcntl  # noqa: PLC0415 - not on Windows, where this is never called
        import pwd  # noqa: PLC0415

        try:
            self.locks.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise SandboxUnavailable(f"a box that is root needs {self.locks}: {error.strerror}") from error
        known = {entry.pw_uid for entry in pwd.getpwall()}
        for uid in random.sample(range(_FIRST, _LAST + 1), _LAST + 1 - _FIRST):
            if uid in known or uid in self._held:
                continue
            lock = os.open(self.locks / str(uid), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            if threads_of_user(uid) == 0:
                self._held[uid] = lock
                return uid
            os.close(lock)
        raise SandboxUnavailable(f"every user id from {_FIRST} to {_LAST} is in use")

    def give_back(self, uid: int) -> None:
        """The session's processes are gone."""
        os.close(self._held.pop(uid))
