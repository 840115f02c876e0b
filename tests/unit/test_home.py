"""The box's folder on a machine that others use, too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import home as box_home
from shared.config import Settings
from shared.home import make_private, open_home, outside_of_app, passable


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    """Most machines let everybody read new files."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def functions(home: object = None) -> Settings:
    given = {} if home is None else {"box_home": home}
    return outside_of_app(Settings(_env_file=None, **given))


def test_an_older_home_is_closed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    home = tmp_path / ".box"
    for folder in ("blobs", "outbox", "sandbox/bwrap", "photos"):
        (home / folder).mkdir(parents=True)
    for file in ("api_key", "box.db", "box.db-wal", "notes.txt"):
        (home / file).touch()

    open_home(home)

    assert mode(home) == mode(home / "sandbox") == mode(home / "sandbox/bwrap") == passable()
    assert mode(home / "blobs") == mode(home / "outbox") == 0o700
    assert {mode(home / file) for file in ("api_key", "box.db", "box.db-wal")} == {0o600}
    assert (mode(home / "photos"), mode(home / "notes.txt")) == (0o755, 0o644), "not the box's"
    assert len(caplog.messages) == 2
    open_home(home)
    assert len(caplog.messages) == 2


def test_a_home_that_is_narrower_stays_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    open_home(tmp_path)
    assert mode(tmp_path) == 0o500


def test_a_folder_for_everybody_is_left_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tmp_path.chmod(0o1777)
    open_home(tmp_path)
    assert mode(tmp_path) == 0o1777
    assert "not ours to close" in caplog.text


def test_missing_folders_on_the_way_are_private_whatever_the_umask(tmp_path: Path) -> None:
    for umask in (0o022, 0o077):
        os.umask(umask)
        make_private(tmp_path / f"{umask}" / "b", 0o711)
        assert mode(tmp_path / f"{umask}") == mode(tmp_path / f"{umask}" / "b") == 0o711


@pytest.mark.parametrize("inside", [".box", "shared/x", "."])
def test_a_home_below_the_function_app_is_refused(inside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(box_home.APP)
    for given in (inside, str(box_home.APP / inside)):
        with pytest.raises(ValueError, match=r"BOX_HOME: .* the Functions host watches"):
            functions(given)


def test_a_link_into_the_function_app_is_no_way_round(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(box_home.APP)
    with pytest.raises(ValueError, match="BOX_HOME"):
        functions(tmp_path / "link" / ".box")


def test_without_a_name_the_home_on_functions_is_private_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    home = functions().box_home
    assert home.parent == tmp_path
    assert mode(home) == passable()
    assert functions().box_home == home
    assert functions(tmp_path / "mine").box_home == tmp_path / "mine"


def test_a_trap_in_the_place_of_the_home_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of temporary files is everybody's: somebody may be there first."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    home = functions().box_home
    home.rmdir()
    (tmp_path / "theirs").mkdir()
    home.symlink_to(tmp_path / "theirs")
    with pytest.raises(ValueError, match="somebody else"):
        functions()
