"""A backup and a restore that die at any step: no backup looks whole that is not, and no box is half restored."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.app import build
from shared.config import Settings
from shared.deps import Caller
from shared.files import files
from shared.llm.scripted import ScriptedLlm
from shared.objects.thread_requests import CreateThread
from shared.threads import threads
from tests.durability.dying_program import Order

#: More changes than either of them makes.
MANY = 400

#: Runs the program on a home; it dies before the n-th change below that folder, 0: never.
Run = Callable[..., int]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    command = [sys.executable, "-m", "tests.durability.dying_program"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def run(*words: str, home: Path, change: int = 0) -> int:
            environment = {"BOX_HOME": str(home), "SANDBOX": "none"}
            order = Order(words=[*words], environment=environment, below=str(home.parent), change=change)
            assert process.stdin is not None
            assert process.stdout is not None
            print(json.dumps(order), file=process.stdin, flush=True)
            return int(process.stdout.readline())

        yield run
        process.kill()


async def made(home: Path, word: str) -> Path:
    """A box with a thread and a file that say a word."""
    settings = Settings(_env_file=None, box_home=home, box_api_keys={"me": SecretStr("k")}, sandbox="none")
    box = build(settings, llm=ScriptedLlm())
    caller = Caller(box.deps, "me")

    async def pieces():
        yield word.encode()

    await threads.create(caller, CreateThread(metadata={"word": word}))
    await files.produce(caller, f"{word}.txt", pieces())
    await box.close()
    (home / "api_key").write_text(f"box-{word}\n")
    return home


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_whole(backup: Path) -> bool:
    """Whether every file that the manifest names is there and has its checksum."""
    named = json.loads((backup / "manifest.json").read_bytes())["files"]
    found = content(backup)
    assert set(found) == {*named, "manifest.json"}
    return all(sha256(found[name]).hexdigest() == named[name]["sha256"] for name in named)


#: How many changes lie between two deaths.
STRIDES = pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.long)])


@STRIDES
async def test_a_backup_that_dies_leaves_nothing_that_looks_like_one(tmp_path: Path, run: Run, stride: int) -> None:
    home = await made(tmp_path / "home", "new")
    died = 0
    for change in range(1, MANY, stride):
        target = tmp_path / f"backup-{change}"
        ended = run("backup", str(target), home=home, change=change)
        if target.exists():
            assert is_whole(target)
        if ended == 0:
            break
        assert ended == -9
        died += 1
    assert died > 20 / stride
    assert target.exists()
    assert run("restore", str(target), home=tmp_path / "again") == 0
    # The one that was backed up goes on as if nothing had been.
    assert run("threads", "list", home=home) == 0


@STRIDES
async def test_a_restore_that_dies_leaves_the_old_box_or_is_finished_by_the_next(
    tmp_path: Path, run: Run, stride: int
) -> None:
    new, old = await made(tmp_path / "new", "new"), await made(tmp_path / "old", "old")
    backup = tmp_path / "backup"
    assert run("backup", str(backup), home=new) == 0
    seen = set()
    for change in range(1, MANY, stride):
        home = tmp_path / f"{change}" / "home"
        shutil.copytree(old, home)
        ended = run("restore", str(backup), "--force", home=home, change=change)
        mark = (home / "restoring" / "marked.json").exists()
        seen.add("marked" if mark else "old" if (home / "api_key").read_text() == "box-old\n" else "new")
        # Whatever the moment: a box starts on one of the two, or not at all.
        assert run("threads", "list", home=home) == (1 if mark else 0)
        if ended == 0:
            break
        assert ended == -9
        assert run("restore", str(backup), "--force", home=home) == 0
        assert not (home / "restoring").exists()
        assert (home / "api_key").read_text() == "box-new\n"
        assert content(home / "blobs") == content(new / "blobs")
        kept = [path for path in home.glob("before-restore-*") if (path / "api_key").read_text() == "box-old\n"]
        assert len(kept) == 1
        assert content(kept[0] / "blobs") == content(old / "blobs")
        assert run("threads", "list", home=home) == 0
    assert seen == {"old", "marked", "new"}
