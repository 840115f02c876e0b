"""`box erase` and `box hold` on a box of this folder and on one elsewhere: what goes, what stays, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.durability.conftest import model_url  # noqa: F401  a fixture
from tests.host.test_command_line import box
from tests.host.test_program import KEY, Program, program, wait_for

ADMIN = "sk-administrator"
KINDS = ("files", "vector_stores", "assistants", "messages", "threads")


class Users:
    """A box with the threads of some users."""

    def __init__(self, home: Path, host: Program, http: httpx.Client, settings: dict[str, str]):
        self.home, self.host, self.http, self.settings = home, host, http, settings

    def made(self, path: str, **body: Any) -> str:
        answer = self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def file(self, name: str) -> str:
        form = {"file": (name, name.encode())}
        return str(self.http.post("files", files=form, data={"purpose": "assistants"}).json()["id"])

    def thread(self, user: str, *files: str, **more: Any) -> str:
        tools = [{"type": "code_interpreter"}]
        attachments = [{"file_id": each, "tools": tools} for each in files]
        message = {"role": "user", "content": f"I am {user}.", "attachments": attachments}
        return self.made("threads", metadata={"user": user}, messages=[message], **more)

    def here(self, *words: str):
        return box(*words, **self.settings)

    def there(self, *words: str):
        return box(*words, "--url", f"http://127.0.0.1:{self.host.port}", "--key", KEY)

    def erased(self, *words: str, way: str = "here", code: int = 0) -> dict[str, Any]:
        said = getattr(self, way)("erase", "--metadata", "user=ann", "--json", *words)
        assert said.returncode == code, said.stderr
        return json.loads(said.stdout)

    def is_there(self, path: str) -> bool:
        return self.http.get(path).status_code == 200


@pytest.fixture
def users(tmp_path: Path, model_url: str) -> Iterator[Users]:  # noqa: F811
    settings = {"BOX_HOME": str(tmp_path), "BOX_API_KEYS": json.dumps({"me": KEY}), "SANDBOX": "none"}
    host_only = {"OPENAI_BASE_URL": model_url, "OPENAI_API_KEY": "none", "BOX_ADMIN_KEYS": json.dumps({"op": ADMIN})}
    with program("run", **settings, **host_only) as host:
        host.greet()
        with host.http() as http:
            yield Users(tmp_path, host, http, settings)


WAYS = pytest.mark.parametrize("way", ["here", "there"])


@WAYS
def test_what_is_the_users_alone_goes_and_what_others_use_stays(users: Users, way: str):
    own, common, of_store, free = (users.file(f"{each}.txt") for each in ("own", "common", "store", "free"))
    shop = users.made("vector_stores", name="Everybody's", file_ids=[of_store])
    searched: Any = {"file_search": {"vector_stores": [{"file_ids": [of_store, own]}]}}
    ann = users.thread("ann", own, common, tool_resources=searched)
    its_store = users.http.get(f"threads/{ann}").json()["tool_resources"]["file_search"]["vector_store_ids"][0]
    second = users.thread("ann", tool_resources={"file_search": {"vector_store_ids": [shop]}})
    ben = users.thread("ben", common)
    mine = users.made("assistants", model="m", metadata={"user": "ann"})
    message = users.made(f"threads/{ben}/messages", role="user", content="Ann here.", metadata={"user": "ann"})
    expected = {
        "files": {own: 7},
        "assistants": {mine: 0},
        "messages": {message: 0},
        "threads": {second: 0, ann: 0},
        "inside": {"messages of them": 2, "runs": 0, "steps": 0, "files in vector stores": 2},
        "kept": {},
        "shared": {
            shop: "was not made along with the thread",
            common: f"{ben} uses it, too",
            of_store: f"{shop} uses it, too",
        },
    }
    found = users.erased(way=way)
    assert [*found.pop("vector_stores")] == [its_store]
    assert found == {"erased": False, **expected}
    assert users.is_there(f"threads/{ann}")

    found = users.erased("--yes", way=way)
    assert [*found.pop("vector_stores")] == [its_store]
    assert found == {"erased": True, **expected}
    for path in (f"files/{own}", f"assistants/{mine}", f"threads/{ann}", f"threads/{second}"):
        assert not users.is_there(path)
    assert not users.is_there(f"vector_stores/{its_store}")
    assert not users.is_there(f"threads/{ben}/messages/{message}")
    for path in (f"files/{common}", f"files/{of_store}", f"files/{free}", f"vector_stores/{shop}", f"threads/{ben}"):
        assert users.is_there(path)
    again = users.erased("--yes", way=way)
    assert not any(again[kind] for kind in KINDS)


@WAYS
def test_what_is_on_hold_or_busy_stays_and_is_named(users: Users, way: str):
    file = users.file("evidence.txt")
    held, busy, free = users.thread("ann", file), users.thread("ann"), users.thread("ann", file)
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    assistant = users.made("assistants", model="m", tools=[tool])
    users.made(f"threads/{busy}/messages", role="user", content="call weather {}")
    run = users.made(f"threads/{busy}/runs", assistant_id=assistant)
    wait_for(users.http, f"threads/{busy}/runs/{run}", "requires_action")
    hold = users.here("hold", "add", "--thread", held, "--reason", "case 17").stdout.strip()
    kept = {held: f"is on legal hold ({hold})", busy: f"{run} is not over: cancel it, or wait"}

    found = users.erased("--yes", way=way, code=1)
    assert found["kept"] == kept
    assert found["threads"] == {free: 0}
    assert found["shared"] == {file: f"{held} uses it, too"}
    assert users.is_there(f"files/{file}")
    refused = users.http.delete(f"threads/{held}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "legal_hold")
    assert users.here("hold", "remove", hold, "--yes").stdout == f"{hold}  removed\n"
    users.http.post(f"threads/{busy}/runs/{run}/cancel")
    wait_for(users.http, f"threads/{busy}/runs/{run}", "cancelled")
    found = users.erased("--yes", way=way)
    assert {*found["threads"]} == {held, busy}
    assert not users.is_there(f"files/{file}")


def test_a_run_of_the_user_in_anothers_thread_is_named(users: Users):
    ben = users.thread("ben")
    assistant = users.made("assistants", model="m")
    users.made(f"threads/{ben}/messages", role="user", content="say Hello.")
    run = users.made(f"threads/{ben}/runs", assistant_id=assistant, metadata={"user": "ann"})
    wait_for(users.http, f"threads/{ben}/runs/{run}", "completed")
    found = users.erased(code=1)
    assert found["kept"] == {run: f"a run in {ben}, which stays: runs go with their threads alone"}


def test_people_are_told_what_goes_and_asked_for_yes(users: Users):
    file = users.file("own.txt")
    users.thread("ann", file)
    said = users.here("erase", "--metadata", "user=ann")
    assert said.stdout == (
        "      1 files (7 bytes) would go\n"
        "      1 threads would go\n"
        "      1 messages of them would go\n"
        "Nothing was changed: --yes does it.\n"
    )
    done = users.there("erase", "--metadata", "user=ann", "--yes")
    assert done.stdout == (
        "      1 files (7 bytes) erased\n"
        "      1 threads erased\n"
        "      1 messages of them erased\n"
        "Its host overwrites what is left in its own files within a day.\n"
    )
    assert users.here("erase", "--metadata", "user=ann", "--yes").stdout == "Nothing has that metadata.\n"


@pytest.mark.long
def test_holds_are_set_listed_and_lifted_by_administrators(users: Users):
    def there(*words: str, key: str = ADMIN):
        return box("hold", *words, "--owner", "me", "--url", f"http://127.0.0.1:{users.host.port}", "--key", key)

    thread = users.thread("ann")
    first = users.here("hold", "add", "--metadata", "user=ann", "--reason", "case 17").stdout.strip()
    second = there("add", "--thread", thread).stdout.strip()
    assert "This key is an owner's" in there("add", "--thread", thread, key=KEY).stderr
    listed = json.loads(there("list", "--json").stdout)
    assert listed == json.loads(users.here("hold", "list", "--json").stdout)
    assert [(each["id"], each["thread_id"], each["metadata"], each["reason"]) for each in listed] == [
        (second, thread, {}, ""),
        (first, None, {"user": "ann"}, "case 17"),
    ]
    heads, *rows = users.here("hold", "list").stdout.splitlines()
    assert heads.split() == ["hold", "since", "thread", "metadata", "reason"]
    assert rows[1].endswith("user=ann  case 17")
    shown = users.http.get("legal_holds").json()
    assert [each["id"] for each in shown["data"]] == [second, first]
    assert all({*each} == {"id", "object", "created_at", "thread_id", "metadata"} for each in shown["data"])
    assert there("remove", first, "--yes").stdout == f"{first}  removed\n"
    assert users.here("hold", "remove", second, "--yes").returncode == 0
    assert users.here("hold", "list", "--json").stdout == "[]\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["hold", "add"], "A hold names one thread, or metadata.\n"),
        (["hold", "add", "--thread", "thread_none"], "No thread found with id 'thread_none'.\n"),
        (["hold", "add", "--metadata", "ann"], "--metadata: KEY=VALUE\n"),
        (["hold", "remove", "hold_none", "--yes"], "No legal hold found with id 'hold_none'.\n"),
        (["hold", "list", "--owner", "a:b"], "Invalid 'owner': 'a:b' is no owner's name: letters, digits, - and _.\n"),
        (["hold", "list", "--url", "http://127.0.0.1:9", "--key", "k"], "--owner: whose? An administrator's key is "),
        (["erase", "--metadata", "ann"], "--metadata: KEY=VALUE\n"),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path: Path, words: list[str], told: str):
    keys = json.dumps({"me": KEY})
    said = box(*words, BOX_HOME=str(tmp_path), BOX_API_KEYS=keys, SANDBOX="none")
    assert said.returncode in (1, 2)
    assert said.stdout == ""
    assert said.stderr.startswith(told)


def test_nothing_is_erased_without_being_told_what(tmp_path: Path):
    said = box("erase", "--yes", BOX_HOME=str(tmp_path))
    assert said.returncode == 2
    assert "Missing option '--metadata'" in said.stderr
