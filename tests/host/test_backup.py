"""`box backup` and `box restore`: what comes back is what was there, while others wrote."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.durability.conftest import model_url  # noqa: F401  a fixture
from tests.host.test_command_line import box
from tests.host.test_program import KEY, Program, program, wait_for

KEYS = json.dumps({"ann": KEY, "ben": "sk-ben"})


def settings_for(home: Path, model: str) -> dict[str, str]:
    names = {"OPENAI_BASE_URL": model, "OPENAI_API_KEY": "none", "EMBEDDING_MODEL": ""}
    return {"BOX_HOME": str(home), "BOX_API_KEYS": KEYS, "SANDBOX": "none", **names}


@pytest.fixture
def settings(tmp_path: Path, model_url: str) -> dict[str, str]:  # noqa: F811
    return settings_for(tmp_path / "home", model_url)


@contextmanager
def running(settings: dict[str, str], home: Path | None = None) -> Iterator[tuple[Program, httpx.Client]]:
    changed = settings if home is None else settings | {"BOX_HOME": str(home)}
    with program("run", **changed) as host:
        host.greet()
        with host.http() as http:
            yield host, http


def upload(http: httpx.Client, text: str, name: str = "note.txt") -> str:
    answer = http.post("files", files={"file": (name, text.encode())}, data={"purpose": "assistants"})
    return str(answer.json()["id"])


def assistant(http: httpx.Client) -> str:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    return str(http.post("assistants", json={"model": "m", "tools": [tool]}).json()["id"])


def begin(http: httpx.Client, of: str, text: str) -> dict[str, Any]:
    thread = {"messages": [{"role": "user", "content": text}]}
    run: dict[str, Any] = http.post("threads/runs", json={"assistant_id": of, "thread": thread}).json()
    return run


def write_on(host: Program, of: str, stop: threading.Event) -> None:
    """Make runs, files and vector stores, and delete files, as fast as one client can."""
    with host.http() as http:
        kept = [upload(http, f"first {number}") for number in range(5)]
        while not stop.is_set():
            begin(http, of, "say Hello.")
            kept.append(upload(http, f"A fact about {len(kept)}. " * 500))
            http.post("vector_stores", json={"file_ids": [kept[-1]]})
            assert http.delete(f"files/{kept.pop(0)}").status_code == 200


def test_a_backup_of_a_busy_box_is_whole(tmp_path: Path, settings: dict[str, str]) -> None:
    settings["LEASE_SECONDS"] = "1"  # runs that were being driven are taken up by the restored box
    stop = threading.Event()
    with running(settings) as (host, http):
        of, document = assistant(http), upload(http, "A fact to be found.")
        store = http.post("vector_stores", json={"file_ids": [document]}).json()["id"]
        wait_for(http, f"vector_stores/{store}", "completed")
        writers = [threading.Thread(target=write_on, args=(host, of, stop)) for _ in range(2)]
        for writer in writers:
            writer.start()
        taken = [box("backup", str(tmp_path / f"b{number}"), "--json", **settings) for number in range(3)]
        stop.set()
        for writer in writers:
            writer.join()
    assert [each.returncode for each in taken] == [0, 0, 0], [each.stderr for each in taken]
    said = [json.loads(each.stdout) for each in taken]
    assert [each["lost"] for each in said] == [[], [], []]
    assert said[0]["objects"]["messages"] < said[-1]["objects"]["messages"]
    home = tmp_path / "again"
    back = box("restore", str(tmp_path / "b2"), "--json", **settings | {"BOX_HOME": str(home)})
    assert (back.returncode, back.stderr) == (0, "")
    assert json.loads(back.stdout)["compared"] == said[-1]["objects"]
    with running(settings, home) as (_, http):
        for file in http.get("files", params={"limit": 100}).json()["data"]:
            assert len(http.get(f"files/{file['id']}/content").content) == file["bytes"]
        found = http.post(f"vector_stores/{store}/search", json={"query": "fact"}).json()["data"]
        assert [each["file_id"] for each in found] == [document]
        for thread in http.get("threads", params={"limit": 100}).json()["data"]:
            for run in http.get(f"threads/{thread['id']}/runs").json()["data"]:
                wait_for(http, f"threads/{thread['id']}/runs/{run['id']}", "completed")


def test_runs_that_were_open_are_finished_by_the_restored_box(tmp_path: Path, settings: dict[str, str]) -> None:
    settings["LEASE_SECONDS"] = "1"
    with running(settings) as (_, http):
        of = assistant(http)
        asked, slow = begin(http, of, "call weather {}"), begin(http, of, "wait 0.2\nsay Late it is today..")
        path = f"threads/{asked['thread_id']}/runs/{asked['id']}"
        wait_for(http, path, "requires_action")
        asked = http.get(path).json()
        assert box("backup", str(tmp_path / "b"), **settings).returncode == 0
    home = tmp_path / "again"
    again = settings | {"BOX_HOME": str(home)}
    said = box("restore", str(tmp_path / "b"), **again)
    assert said.stdout.splitlines()[1].startswith("Compared field by field, and equal: 1 assistants, 2 threads, ")
    with running(again) as (_, http):
        calls = asked["required_action"]["submit_tool_outputs"]["tool_calls"]
        outputs = {"tool_outputs": [{"tool_call_id": calls[0]["id"], "output": "Rain."}]}
        assert http.post(f"{path}/submit_tool_outputs", json=outputs).status_code == 200
        wait_for(http, path, "completed")
        wait_for(http, f"threads/{slow['thread_id']}/runs/{slow['id']}", "completed")
        texts = http.get(f"threads/{slow['thread_id']}/messages").json()["data"]
        assert [each["role"] for each in texts] == ["assistant", "user"]


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory, model_url: str) -> Path:  # noqa: F811
    """A home, with a conversation and files of two owners, and its backup; each test has copies."""
    folder = tmp_path_factory.mktemp("originals")
    settings = settings_for(folder / "home", model_url)
    with running(settings) as (host, http):
        run = begin(http, assistant(http), "say Hello.")
        wait_for(http, f"threads/{run['thread_id']}/runs/{run['id']}", "completed")
        upload(http, "contents")
        with host.http("sk-ben") as other:
            upload(other, "of ben")
    assert box("backup", str(folder / "backup"), **settings).returncode == 0
    return folder


@pytest.fixture
def filled(tmp_path: Path, originals: Path) -> Path:
    return Path(shutil.copytree(originals / "home", tmp_path / "home"))


@pytest.fixture
def backup(tmp_path: Path, originals: Path) -> Path:
    return Path(shutil.copytree(originals / "backup", tmp_path / "b"))


def test_a_backup_holds_nothing_that_was_deleted_before(tmp_path: Path, filled: Path, settings: dict[str, str]) -> None:
    with running(settings) as (_, http):
        body = {"metadata": {"secret": "canary-in-a-row"}}
        thread = http.post("threads", json=body).json()["id"]
        file = upload(http, "canary-in-a-file")
        assert http.delete(f"threads/{thread}").status_code == http.delete(f"files/{file}").status_code == 200
        assert box("backup", str(tmp_path / "b"), **settings).returncode == 0
    kept = [path.read_bytes() for path in (tmp_path / "b").rglob("*") if path.is_file()]
    kept.append(gzip.decompress((tmp_path / "b" / "objects.jsonl.gz").read_bytes()))
    assert not [content for content in kept if b"canary" in content]


def test_only_its_user_can_read_a_backup(backup: Path) -> None:
    assert {path.stat().st_mode & 0o077 for path in (backup, *backup.rglob("*"))} == {0}


def test_a_backup_is_not_written_over(backup: Path, filled: Path, settings: dict[str, str]) -> None:
    said = box("backup", str(backup), **settings)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == f"{backup} is there already. Name a folder that is not.\n"


def test_what_is_no_box_is_not_backed_up(tmp_path: Path) -> None:
    said = box("backup", str(tmp_path / "b"), BOX_HOME=str(tmp_path / "none"))
    assert (said.returncode, said.stderr) == (2, f"There is no box in {tmp_path / 'none'}: it has no box.db.\n")
    assert not (tmp_path / "b").exists()
    assert not (tmp_path / "none").exists()


def test_a_file_that_the_box_has_lost_is_named(tmp_path: Path, filled: Path, settings: dict[str, str]) -> None:
    gone = next((filled / "blobs").glob("*ben*"))
    gone.unlink()
    said = box("backup", str(tmp_path / "b"), "--json", **settings)
    name = gone.name.replace("%2F", "/")
    assert (said.returncode, json.loads(said.stdout)["lost"]) == (1, [name])
    assert said.stderr == f"{name}: the box itself has lost this file.\n"
    again = settings | {"BOX_HOME": str(tmp_path / "again")}
    assert box("restore", str(tmp_path / "b"), **again).returncode == 0


def test_a_home_that_is_not_empty_is_refused_or_put_aside(backup: Path, filled: Path, settings: dict[str, str]) -> None:
    said = box("restore", str(backup), **settings)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == f"{filled} is not empty (blobs, box.db). Name another, or --force puts it aside.\n"
    said = box("restore", str(backup), "--force", "--json", **settings)
    assert said.returncode == 0, said.stderr
    kept = Path(json.loads(said.stdout)["kept"])
    assert kept.parent == filled
    # The old copy is a box of its own.
    assert json.loads(box("threads", "list", "--json", **settings | {"BOX_HOME": str(kept)}).stdout)
    assert content_of(kept) == content_of(filled)


@pytest.mark.parametrize("command", ["run", "worker"])
def test_a_running_box_is_not_restored_into(backup: Path, settings: dict[str, str], filled: Path, command: str) -> None:
    with program(command, **settings) as host:
        host.greet()
        said = box("restore", str(backup), "--force", **settings)
        assert (said.returncode, said.stderr) == (2, f"A box is running in {filled}. End it first.\n")
    assert not (filled / "restoring").exists()


@pytest.mark.parametrize("which", ["home/box.db", "home/blobs/*", "objects.jsonl.gz"])
@pytest.mark.parametrize("how", ["changed", "cut", "gone"])
def test_damage_is_named_and_nothing_is_changed(
    backup: Path, filled: Path, settings: dict[str, str], which: str, how: str
) -> None:
    path = next(iter(sorted(backup.glob(which))))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(content if how == "changed" else content[:-1])
    before = content_of(filled)
    said = box("restore", str(backup), "--force", **settings)
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith(f"{path} is {'missing' if how == 'gone' else 'damaged'}")
    assert content_of(filled) == before


def content_of(home: Path) -> dict[str, Any]:
    """The files of a home; of its database the rows."""
    with closing(sqlite3.connect(home / "box.db")) as connection:
        rows = connection.execute("SELECT * FROM records ORDER BY partition, key").fetchall()
    kept = {path.name: path.read_bytes() for path in home.rglob("*") if path.is_file() and "box.db" not in path.name}
    return kept | {"rows": rows}


def test_what_was_broken_off_is_no_backup(tmp_path: Path, backup: Path, settings: dict[str, str]) -> None:
    (backup / "manifest.json").unlink()
    said = box("restore", str(backup), **settings | {"BOX_HOME": str(tmp_path / "again")})
    assert said.returncode == 2
    assert said.stderr == f"{backup} is no backup: it has no manifest.json, which is written last.\n"


@pytest.mark.parametrize("name", ["backup", "records"])
def test_a_later_format_is_refused(tmp_path: Path, backup: Path, settings: dict[str, str], name: str) -> None:
    manifest = json.loads((backup / "manifest.json").read_bytes())
    (backup / "manifest.json").write_text(json.dumps(manifest | {name: "2.0"}))
    said = box("restore", str(backup), **settings | {"BOX_HOME": str(tmp_path / "again")})
    assert said.returncode == 2
    assert said.stderr == f"{backup} is of format 2.0 ({name}); this version reads 1.0: upgrade it.\n"


def test_a_box_that_shows_something_else_is_not_put_in_place(
    tmp_path: Path, backup: Path, settings: dict[str, str]
) -> None:
    """Files may be what they were and still be read otherwise: the objects are compared."""
    lines = gzip.decompress((backup / "objects.jsonl.gz").read_bytes())
    changed = gzip.compress(lines.replace(b"Hello.", b"Hullo."))
    (backup / "objects.jsonl.gz").write_bytes(changed)
    manifest = json.loads((backup / "manifest.json").read_bytes())
    manifest["files"]["objects.jsonl.gz"] = {"bytes": len(changed), "sha256": sha256(changed).hexdigest()}
    (backup / "manifest.json").write_text(json.dumps(manifest))
    home = tmp_path / "again"
    said = box("restore", str(backup), **settings | {"BOX_HOME": str(home)})
    assert said.returncode == 1
    assert "is not what it was: content.0.text.value differs" in said.stderr
    assert not any(home.iterdir())


def test_a_damaged_box_is_not_backed_up(tmp_path: Path, filled: Path, settings: dict[str, str]) -> None:
    path = filled / "box.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    content = bytearray(path.read_bytes())
    content[4096 : len(content) - 4096] = b"\xaa" * (len(content) - 8192)
    path.write_bytes(content)
    said = box("backup", str(tmp_path / "b"), **settings)
    assert said.returncode == 1
    assert said.stderr.startswith("box.db cannot be used: ")
    assert not (tmp_path / "b").exists()
    # Nor does it keep a backup from being put there.
    assert [*tmp_path.glob(".b.*")] == []
