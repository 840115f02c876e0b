"""Sandboxes for tests: every kind that this machine can have, with a home of their own."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.sandbox.interpreter import Interpreter, this_interpreter
from shared.sandbox.local.isolation.base import Isolator
from shared.sandbox.local.isolation.bwrap import Bubblewrap
from shared.sandbox.local.isolation.landlock import Landlock

SYSTEM_PYTHON = "/usr/bin/python3"


#: Whether this user could start this Python again: its executable may be a copy of one that lies elsewhere.
OPEN = os.access(sys.executable, os.X_OK) and os.access(os.__file__, os.R_OK)

#: For tests that start this Python themselves.
with_this_python = pytest.mark.skipif(not OPEN, reason=f"{sys.executable} or its library is closed to this user")


def interpreter_for_tests() -> Interpreter:
    """This interpreter, or the system's where root runs the tests as somebody who cannot get to this one."""
    return this_interpreter() if OPEN else Interpreter.of(SYSTEM_PYTHON, ("/usr",))


def isolator(name: str) -> Isolator:
    """The isolator of that name. A machine without it skips the test, except in CI."""
    found: Isolator = (Bubblewrap if name == "bwrap" else Landlock)(interpreter_for_tests())
    missing = found.missing()
    if missing is not None and os.environ.get("CI"):
        pytest.fail(f"CI must be able to isolate: {missing}")
    if missing is not None:
        pytest.skip(missing)
    return found


def has_libraries(found: Isolator) -> bool:
    """Whether the sandbox's Python is the one with pandas and matplotlib."""
    return found.interpreter.executable == sys.executable  # type: ignore[attr-defined]


@contextmanager
def home_for_anybody() -> Iterator[Path]:
    """A folder that an unprivileged user can get through, as `tmp_path` is not."""
    path = Path(tempfile.mkdtemp(prefix="sandbox-test-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)
