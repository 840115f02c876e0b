"""The machine's other users: no session is theirs to list or enter, whatever its code does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 65534


@pytest.fixture
def careless() -> Iterator[None]:
    """Most machines let everybody read new files."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def reachable(path: Path, top: Path) -> bool:
    """Whether strangers get through every folder from the top to the path."""
    return path == top or all(each.stat().st_mode & 0o001 for each in path.parents if each.is_relative_to(top))


def stranger_lists(folder: Path) -> str:
    """What another user is told who lists the folder."""
    words = subprocess.run(["ls", str(folder)], user=NOBODY, group=NOBODY, capture_output=True, text=True)
    return (words.stdout + words.stderr).strip()


async def test_code_cannot_let_other_users_in(sandbox, session, run, host, careless: None) -> None:
    """It may open its own folder as far as it likes; what lies above is not its own."""
    result = await run("import os; open('/mnt/data/loot', 'w').write('x'); os.chmod('/mnt/data', 0o777); 'opened'")
    assert result.result == "'opened'"
    [data] = [path for path in (host.home / "sandbox").rglob("data") if path.is_dir()]
    assert not reachable(data / "loot", host.home / "sandbox")
    if os.geteuid() == 0:
        assert stranger_lists(data).endswith("Permission denied")


async def test_nobody_can_list_the_sessions(sandbox, session, run, host, careless: None) -> None:
    await run("1")
    sessions = host.home / "sandbox"
    assert [path.name for path in sessions.iterdir()] == ["attacker"]
    assert not sessions.stat().st_mode & 0o044
