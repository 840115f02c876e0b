"""The machine's other users: nothing of a box is theirs to list or read, whatever the umask and the past."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.host.test_program import program


@pytest.fixture
def careless() -> Iterator[None]:
    """Most machines let everybody read new files."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(top: Path) -> list[str]:
    """What others may do more than go through, path by path."""
    found = []
    for path in (top, *top.rglob("*")):
        seen = path.lstat()
        allowed = 0o011 if stat.S_ISDIR(seen.st_mode) else 0
        if stat.S_IMODE(seen.st_mode) & 0o077 & ~allowed and reachable(path, top):
            found.append(f"{path.relative_to(top)} {stat.S_IMODE(seen.st_mode):o}")
    return found


def reachable(path: Path, top: Path) -> bool:
    """Whether strangers get through every folder from the top to the path."""
    return path == top or all(each.stat().st_mode & 0o001 for each in path.parents if each.is_relative_to(top))


def test_a_box_keeps_everything_to_itself(tmp_path: Path, careless: None) -> None:
    home = tmp_path / "box"
    with program("run", BOX_HOME=str(home), SANDBOX="auto") as box:
        box.greet()
        key = (home / "api_key").read_text().strip()
        with box.http(key) as http:
            file = http.post("files", files={"file": ("a.txt", b"secret")}, data={"purpose": "assistants"})
            assert file.status_code == 200
        assert {path.name for path in home.iterdir()} >= {"api_key", "box.db", "box.db-wal", "blobs", "sandbox"}
        assert open_to_others(home) == []
        assert not home.stat().st_mode & 0o044, "nobody lists it"


def test_a_home_of_an_older_version_is_closed_at_start(tmp_path: Path, careless: None) -> None:
    home = tmp_path / "box"
    for folder in ("blobs", "outbox", "sandbox/bwrap"):
        (home / folder).mkdir(parents=True)
    (home / "blobs/file-1").write_text("somebody's file")
    (home / "outbox/email-1.json").write_text("{}")
    with closing(sqlite3.connect(home / "box.db")) as database:
        database.execute("CREATE TABLE of_an_older_version (key TEXT)")
    assert open_to_others(home) != []
    with program("run", BOX_HOME=str(home)) as box:
        box.greet()
        assert open_to_others(home) == []
