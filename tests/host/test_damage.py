"""A box whose database was damaged says so in a line and ends, instead of answering 500 to everything."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shared import sqlite
from shared.sqlite import Database
from tests.host.test_program import program


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    """A file of some hundred pages, nothing of it in a journal."""
    path, insert = tmp_path / "box.db", "INSERT INTO records (partition, key, data, version) VALUES (?, ?, ?, ?)"
    rows = [(f"owner{number % 7}", f"key{number:05}", "{}" * 200, 1) for number in range(1000)]
    opened = Database(path)
    await opened.run(lambda connection: connection.executemany(insert, rows), RuntimeError)
    await opened.close()
    return path


def damage(path: Path) -> None:
    """Overwrite pages in the middle, as a bad disk or a careless copy does."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 3 * 4096] = b"\xaa" * 3 * 4096
    path.write_bytes(content)


@pytest.mark.parametrize("command", ["run", "worker"])
def test_damage_in_the_middle_is_told_in_a_line(database: Path, command: str) -> None:
    damage(database)
    with program(command, BOX_HOME=str(database.parent)) as box:
        said, log = box.process.communicate(timeout=30)
        assert box.process.returncode == 1
    assert said == ""
    assert log.startswith(f"BOX_HOME: {database.parent} cannot be used: box.db is damaged: ")
    assert log.count("\n") == 1


async def test_a_sound_file_is_opened(database: Path) -> None:
    opened = Database(database)
    found = await opened.run(lambda c: c.execute("SELECT count(*) FROM records").fetchone(), RuntimeError)
    assert found == (1000,)
    await opened.close()


async def test_a_large_file_is_opened_unchecked_and_that_is_said(
    database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    damage(database)
    monkeypatch.setattr(sqlite, "CHECKED_BYTES", 1000)
    await Database(database).close()
    assert "is not checked for damage" in caplog.text


def test_an_older_process_does_not_hold_up_the_check(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        sqlite._check(database)
        writer.execute("ROLLBACK")
