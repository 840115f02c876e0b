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
    await opened.write(lambda connection: connection.executemany(insert, rows), RuntimeError)
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


@pytest.mark.parametrize("command", ["run", "worker"])
def test_a_file_of_a_later_format_is_left_alone(database: Path, command: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 2")
    before = database.read_bytes()
    with program(command, BOX_HOME=str(database.parent)) as box:
        _, log = box.process.communicate(timeout=30)
        assert box.process.returncode == 1
    assert log == (
        f"BOX_HOME: {database.parent} cannot be used: box.db is of format 2; this version reads 1: upgrade it\n"
    )
    assert database.read_bytes() == before


def test_a_database_that_was_emptied_is_no_new_box(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "files%2Fme%2Ffile-1").write_bytes(b"bytes")
    (tmp_path / "box.db").touch()
    with pytest.raises(sqlite3.DatabaseError, match="is empty although"):
        Database(tmp_path / "box.db")


async def test_a_new_file_tells_its_format_and_one_of_version_01_is_opened(tmp_path: Path) -> None:
    for written in (1, 0):
        await Database(tmp_path / "box.db").close()
        with closing(sqlite3.connect(tmp_path / "box.db")) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (written,)
            connection.execute("PRAGMA user_version = 0")


async def test_a_sound_file_is_opened(database: Path) -> None:
    opened = Database(database)
    found = await opened.read(lambda c: c.execute("SELECT count(*) FROM records").fetchone(), RuntimeError)
    assert found == (1000,)
    await opened.close()


async def test_a_large_file_is_opened_unchecked_and_that_is_said(
    database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damage(database)
    await Database(database, checked_bytes=1000).close()
    assert "is not checked for damage" in caplog.text


def test_an_older_process_does_not_hold_up_the_check(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        sqlite._check(database, sqlite.LOCK_TIMEOUT, sqlite.CHECKED_BYTES)
        writer.execute("ROLLBACK")
