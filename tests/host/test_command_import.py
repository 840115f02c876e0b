"""`box import --url`: an export brought into a box elsewhere, portion by portion, as one import would bring it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.api.moved import CREATED, TAIL, a_story, written
from tests.host.test_command_line import box
from tests.host.test_program import KEY, Program, program

ADMIN = "sk-admin-of-a-program"


@dataclass
class Elsewhere:
    """A box that is running."""

    host: Program

    def bring(self, *words: str, owner: str = "ann", key: str = ADMIN):
        url = f"http://127.0.0.1:{self.host.port}"
        return box("import", *words, "--url", url, "--owner", owner, BOX_ADMIN_KEY=key)

    def ids(self, path: str) -> list[str]:
        with self.host.http() as http:
            found: list[str] = []
            while True:
                query = {"limit": 100} | ({"after": found[-1]} if found else {})
                page = http.get(path, params=query).json()
                found += [each["id"] for each in page["data"]]
                if not page["has_more"]:
                    return found


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    settings = {
        "BOX_HOME": str(tmp_path / "elsewhere"),
        "BOX_API_KEYS": json.dumps({"ann": KEY}),
        "BOX_ADMIN_KEYS": json.dumps({"ops": ADMIN}),
    }
    with program("run", **settings) as host:
        host.greet()
        yield Elsewhere(host)


def many(folder: Path) -> Path:
    """More threads than a portion has, several to a second, and listed in an order of their own."""
    names = [f"thread_{TAIL}{number * 7919 % 1201:04}" for number in range(1201)]
    bundles: list[dict[str, Any]] = [
        {"thread": {"id": name, "object": "thread", "created_at": CREATED + place // 50}, "messages": [], "runs": []}
        for place, name in enumerate(names)
    ]
    assistants = [
        {"id": f"asst_{TAIL}{number * 7919 % 1201:04}", "created_at": CREATED, "model": "m"} for number in range(601)
    ]
    source = written(folder, {"assistants": assistants, "threads": bundles})
    (source / "manifest.json").write_text(json.dumps({"threads": names}))
    return source


def test_what_would_come_is_told_and_what_came(elsewhere: Elsewhere, tmp_path: Path):
    source = written(tmp_path / "source", a_story())
    (source / "files" / f"assistant-{TAIL}.txt").unlink()
    looked = elsewhere.bring(str(source))
    assert looked.returncode == 1, "a file is lost"
    assert "    100 messages would come\n" in looked.stdout
    assert looked.stdout.endswith("Nothing was changed: --yes does it.\n")
    assert elsewhere.ids("threads") == []
    done = elsewhere.bring(str(source), "--yes")
    assert "      2 threads came\n" in done.stdout
    assert "      1 files are lost\n" in done.stdout
    assert f"1 × was in_progress, comes as expired: run_{TAIL}" in done.stderr
    assert "its bytes are missing" in done.stderr
    assert len(elsewhere.ids(f"threads/thread_{TAIL}0/messages")) == 100


def test_portions_come_in_the_order_of_the_whole(elsewhere: Elsewhere, tmp_path: Path):
    source = many(tmp_path / "source")
    done = elsewhere.bring(str(source), "--yes")
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        ["      2 files came", "    601 assistants came", "   1201 threads came"],
    )
    names = json.loads((source / "manifest.json").read_text())["threads"]
    assert elsewhere.ids("threads") == names[::-1]
    listed = [each["id"] for each in json.loads((source / "assistants.json").read_text())]
    assert elsewhere.ids("assistants") == listed[::-1]
    again = elsewhere.bring(str(source), "--yes", "--only", "threads", "--since", "2024-05-23")
    assert again.stdout.splitlines() == ["   1201 threads were here already"]
    with elsewhere.host.http() as http:
        http.delete(f"threads/{names[700]}")
    again = elsewhere.bring(str(source), "--yes", "--only", "threads")
    assert again.stdout.splitlines() == [
        "   1200 threads were here already",
        "      1 threads were deleted here, not brought back",
    ]


@pytest.mark.long
def test_an_export_of_a_box_comes_into_another(elsewhere: Elsewhere, tmp_path: Path):
    here = {"BOX_HOME": str(tmp_path / "here"), "SANDBOX": "none"}
    box("import", str(written(tmp_path / "source", a_story())), "--yes", **here)
    assert box("export", str(tmp_path / "out"), **here).returncode == 0
    assert elsewhere.bring(str(tmp_path / "out"), "--yes").returncode == 0
    there = {"BOX_HOME": str(tmp_path / "elsewhere"), "BOX_API_KEYS": json.dumps({"ann": KEY})}
    box("export", str(tmp_path / "again"), **there)
    for path in (tmp_path / "out").rglob("*.json"):
        if path.name != "manifest.json":
            assert (tmp_path / "again" / path.relative_to(tmp_path / "out")).read_text() == path.read_text()


def test_what_cannot_be_sent_is_told_in_a_line(elsewhere: Elsewhere, tmp_path: Path):
    source = written(tmp_path / "source", a_story())
    unknown = elsewhere.bring(str(source), owner="zoe")
    assert (unknown.returncode, unknown.stderr) == (1, "No owner found with id 'zoe'.\n")
    owners = elsewhere.bring(str(source), key=KEY)
    assert (owners.returncode, owners.stdout) == (1, "")
    assert owners.stderr.startswith("This key is an owner's")
    nobody = elsewhere.bring(str(source), owner="")
    assert (nobody.returncode, nobody.stderr) == (2, "--owner: whose are the objects to be, there?\n")
    nothing = elsewhere.bring(str(tmp_path / "nowhere"))
    assert (nothing.returncode, nothing.stderr) == (2, f"{tmp_path / 'nowhere'}: there is nothing\n")


def test_one_object_that_no_request_takes_holds_up_no_other(elsewhere: Elsewhere, tmp_path: Path):
    story = a_story()
    heavy = [{"type": "text", "text": {"value": "", "annotations": []}} for _ in range(100_000)]
    message = {"id": "msg_zheavy", "created_at": CREATED, "thread_id": f"thread_{TAIL}1", "role": "user"}
    story["threads"][1]["messages"] = [message | {"content": heavy}]
    done = elsewhere.bring(str(written(tmp_path / "source", story)), "--yes")
    assert done.returncode == 1
    assert "      1 threads came\n      1 threads are lost\n" in done.stdout
    assert elsewhere.ids("threads") == [f"thread_{TAIL}0"]
