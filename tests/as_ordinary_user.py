"""Run tests as an ordinary user, for a root that has none: `python -m tests.as_ordinary_user tests/security`.

Python and the checkout may be closed to others, so this process alone keeps the capability to read what is;
the programs that it starts have none. Needs Linux.
"""

from __future__ import annotations

import os
import pwd
import sys

import pytest

from shared.sandbox.inside import confine
from shared.sandbox.interpreter import INSIDE
from shared.sandbox.local.isolation import capabilities

NAME = "nobody"


def become(name: str) -> None:
    """Another user for good. Raises OSError."""
    confine.become(pwd.getpwnam(name).pw_uid, capabilities.for_reading(), inherited=False)
    os.environ |= {"HOME": "/nonexistent", "USER": name, "PYTHONDONTWRITEBYTECODE": "1"}


if __name__ == "__main__":
    if (closed := capabilities.closed([str(INSIDE)])) is not None:
        sys.exit(f"tests as {NAME} need a checkout that everybody can read; {closed} is closed")
    become(NAME)
    sys.exit(pytest.main(["-p", "no:cacheprovider", *sys.argv[1:]]))
