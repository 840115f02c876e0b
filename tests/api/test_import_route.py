"""`POST /v1/admin/import`: what `box import` does, for administrators, in portions."""

from __future__ import annotations

import asyncio
import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr

from shared import deadline
from shared.api import imports
from tests.api.conftest import below
from tests.api.moved import CREATED, TAIL, a_story, written
from tests.api.test_owners import ADMIN

THREAD = f"thread_{TAIL}0"


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"box_admin_keys": {"ops": SecretStr(ADMIN)}}


@pytest.fixture
def send(box):
    """Have parts imported for an owner."""
    with below(f"{box.url}/v1/admin/", Authorization=f"Bearer {ADMIN}") as client:

        def send(parts: list[Any], **query: Any):
            return client.post("import", files=parts, params={"owner": "me"} | query)

        yield send


def part(name: str, value: Any) -> Any:
    return name, ("x", value if isinstance(value, bytes) else json.dumps(value).encode())


def form(folder: Path) -> list[Any]:
    """A folder's files as parts of a form."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [part(path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths]


def ids(client, path: str) -> list[str]:
    return [each["id"] for each in client.get(path, params={"limit": 100}).json()["data"]]


def test_a_folder_is_looked_at_first_and_comes_when_told(send, http, other, tmp_path):
    parts = form(written(tmp_path / "source", a_story()))
    wanted = {"files": 2, "assistants": 1, "threads": 2, "messages": 100, "runs": 1}

    looked = send(parts).json()
    assert {kind: outcomes["new"] for kind, outcomes in looked["counts"].items()} == wanted
    assert (looked["object"], looked["owner"], looked["dry_run"]) == ("import", "me", True)
    assert looked["remarks"] == [f"run_{TAIL}: was in_progress, comes as expired"]
    assert ids(http, "threads") == []

    done = send(parts, dry_run="false").json()
    assert done == looked | {"dry_run": False}
    assert ids(http, "threads") == [f"thread_{TAIL}1", THREAD]
    assert len(ids(http, f"threads/{THREAD}/messages")) == 100
    assert http.get(f"files/file-{TAIL}/content").content == b"Hello"
    assert ids(other, "threads") == []

    again = send(parts, dry_run="false").json()
    assert {kind: outcomes["same"] for kind, outcomes in again["counts"].items()} == wanted


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_raw_objects_come_as_lists_gave_them(send, http, suffix):
    story = a_story()["threads"][0]
    pages = [{"object": "list", "data": story["messages"][::-1]}, story["thread"]]
    text = json.dumps(pages) if suffix == "json" else "\n".join(json.dumps(each) for each in pages)
    report = send([part(f"dump.{suffix}", text.encode())], dry_run="false").json()
    assert report["counts"]["messages"] == {"new": 100}
    assert ids(http, f"threads/{THREAD}/messages") == [each["id"] for each in story["messages"][::-1]]


def test_only_what_is_wanted_comes(send, http, tmp_path):
    parts = form(written(tmp_path / "source", a_story()))
    assert send(parts, dry_run="false", only="files,assistants").json()["counts"].keys() == {"files", "assistants"}
    assert send(parts, dry_run="false", since=CREATED + 1).json()["counts"] == {}
    assert (ids(http, "threads"), ids(http, "assistants")) == ([], ["asst_z"])


def test_an_owner_must_be_one(send):
    parts = [part("a.json", [])]
    assert send(parts, owner="").json()["error"]["param"] == "owner"
    unknown = send(parts, owner="zoe")
    assert (unknown.status_code, unknown.json()["error"]["message"]) == (404, "No owner found with id 'zoe'.")


@pytest.mark.parametrize(
    ("query", "param"), [({"dry_run": "no"}, "dry_run"), ({"only": "files,x"}, "only"), ({"since": "today"}, "since")]
)
def test_a_query_that_cannot_be_read_is_refused(send, query, param):
    refused = send([part("a.json", [])], **query)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    "name",
    ["../a.json", "/tmp/a.json", "threads/../../a.json", "threads/a/b.json", "files/", "files/.x", "a.txt", "", ".json",
     "threads/a.json\n", "files/a.\u2028", "C:\\a.json"],
)  # fmt: skip
def test_no_part_leads_out_of_its_folder(send, tmp_path, name):
    refused = send([part(name, [])])
    assert (refused.status_code, refused.json()["error"]["code"]) in ((400, "invalid_path"), (400, None))
    twice = send([part("a.json", []), part("a.json", [])])
    assert twice.json()["error"]["code"] == "invalid_path"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], "We could not parse the multipart form of your request"),
        (
            [part("files/file-a", b"x")],
            "The import cannot be read: the import: no export, ",
        ),
        ([part("a.json", b"{")], "The import cannot be read: a.json: no JSON ("),
        ([part("a.json", b"[" * 100_000)], "The import cannot be read: "),
        ([part("manifest.json", [])], "The import cannot be read: manifest.json: expected an object"),
        ([part("manifest.json", {"earlier": {"threads": 7}})], "The import cannot be read: manifest.json: earlier"),
        ([part("a.json", b"[" + b"1," * imports.MAX_VALUES + b"1]")], "Your request's JSON body has too many keys"),
    ],
)
def test_what_is_no_import_is_refused_in_words(send, parts, words):
    refused = send(parts)
    assert refused.status_code == 400
    assert refused.json()["error"]["message"].startswith(words)
    assert tempfile.gettempdir() not in refused.text


def test_a_damaged_thread_is_told_and_the_rest_comes(send, http, tmp_path):
    source = written(tmp_path / "source", a_story())
    (source / "threads" / f"{THREAD}.json").write_text("{")
    report = send(form(source), dry_run="false").json()
    assert report["counts"]["threads"] == {"lost": 1, "new": 1}
    assert report["remarks"][0].startswith(f"{THREAD}: threads/{THREAD}.json: no JSON")
    assert ids(http, "threads") == [f"thread_{TAIL}1"]


def test_more_than_a_request_may_hold_is_refused(send, box):
    large = send([part("files/file-a", b"x" * imports.MAX_BYTES), part("files/file-b", b"x" * 2**21)])
    assert large.status_code == 413
    many = send([part(f"files/file-{number}", b"x") for number in range(imports.MAX_FILES + 1)])
    assert (many.status_code, many.json()["error"]["message"][-22:]) == (400, "it has too many parts.")
    assert [*Path(tempfile.gettempdir()).glob("api-in-a-box-import-*")] == []


@pytest.mark.parametrize(
    "settings", [{"box_admin_keys": {"ops": SecretStr(ADMIN)}, "AzureFunctionsJobHost__functionTimeout": "00:00:04"}]
)
def test_an_import_that_takes_too_long_ends_and_goes_on_when_sent_again(send, box, http, tmp_path):
    slow = True

    async def commit(own: Any, *arguments: Any) -> Any:
        await asyncio.sleep(deadline.left() if slow else 0)
        return await own(*arguments)

    box.deps.store.replace(commit=commit)
    parts = form(written(tmp_path / "source", a_story()))
    ended = send(parts, dry_run="false")
    assert (ended.status_code, ended.json()["error"]["code"]) == (408, "import_unfinished")
    slow = False
    report = send(parts, dry_run="false").json()
    assert report["counts"]["files"] == {"same": 1, "new": 1}
    assert ids(http, "threads") == [f"thread_{TAIL}1", THREAD]


def nodes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in inside for found in nodes(each, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    made = copy.copy(value)
    made[path[0]] = changed(value[path[0]], path[1:], new)
    return made


def documents() -> dict[str, Any]:
    story = a_story()
    story["threads"][0]["messages"] = story["threads"][0]["messages"][:2]
    step = {"id": f"step_{TAIL}", "object": "thread.run.step", "type": "tool_calls", "status": "completed"}
    step |= {"run_id": f"run_{TAIL}", "thread_id": THREAD, "created_at": CREATED}
    called = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}", "output": "1"}}
    step |= {"step_details": {"type": "tool_calls", "tool_calls": [called]}}
    story["threads"][0]["runs"][0]["steps"] = [step]
    file = {"id": f"file-{TAIL}", "object": "file", "created_at": CREATED, "filename": "a.txt", "bytes": 5}
    store = {"id": f"vs_{TAIL}", "object": "vector_store", "created_at": CREATED, "name": "s"}
    return {
        "manifest.json": {"threads": [THREAD], "checksums": {}, "earlier": {"threads": {"1": 1}}},
        "assistants.json": story["assistants"],
        "files.json": [file | {"purpose": "assistants"}],
        "vector_stores.json": [store | {"files": [{"id": f"file-{TAIL}", "attributes": {}}]}],
        f"threads/{THREAD}.json": story["threads"][0],
    }


def flat(made: dict[str, Any]) -> list[Any]:
    """The objects, as lists gave them: those of a thread by themselves."""
    thread = made.pop(f"threads/{THREAD}.json")
    del made["manifest.json"]
    return [*made.values(), *(thread.values() if isinstance(thread, dict) else [thread])]


PLACES = [(name, path) for name, document in documents().items() for path in nodes(document)]
GARBAGE: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 1e300, "x", [], {}, [[]], [{}], {"id": []}, ["x"], "\ud800", 2**70]
)


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.sampled_from(PLACES), garbage=GARBAGE, loose=st.booleans(), dry_run=st.sampled_from(["true", "false"]))
def test_whatever_stands_in_an_import_is_told_or_taken(send, place, garbage, loose, dry_run):
    made = documents()
    made[place[0]] = changed(made[place[0]], place[1], garbage)
    parts = [part("dump.json", flat(made))] if loose else [part(name, value) for name, value in made.items()]
    answered = send([*parts, part(f"files/file-{TAIL}", b"Hello")], dry_run=dry_run)
    assert answered.status_code in (200, 400), answered.text


@pytest.mark.parametrize("created", [CREATED * 1_000_000, -1, 10**400])
def test_what_was_made_at_no_time_is_told_and_left_out(send, created):
    report = send([part("dump.json", [{"object": "thread", "id": "thread_abc", "created_at": created}])]).json()

    assert report["counts"] == {"threads": {"lost": 1}}
    assert "created_at is no time" in report["remarks"][0]
