"""`box threads` and `box runs`: what is in a box, seen from this folder and from elsewhere."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from tests import azurite
from tests.contract.conftest import azurite_installed  # noqa: F401  a fixture
from tests.durability.conftest import model_url  # noqa: F401  a fixture
from tests.host.test_command_line import box
from tests.host.test_program import KEY, Program, program, wait_for


@dataclass
class Filled:
    """A box in which a run is over and another waits."""

    settings: dict[str, str]
    url: str
    host: Program
    thread: str
    done: str
    other: str
    waiting: str

    def here(self, *words: str):
        return box(*words, **self.settings)

    def there(self, *words: str):
        return box(*words, "--url", self.url, "--key", KEY)


@pytest.fixture(scope="module")
def filled(tmp_path_factory, model_url) -> Iterator[Filled]:  # noqa: F811
    keys = json.dumps({"ann": KEY, "ben": "sk-ben"})
    settings = {"BOX_HOME": str(tmp_path_factory.mktemp("home")), "BOX_API_KEYS": keys, "SANDBOX": "none"}
    model = {"OPENAI_BASE_URL": model_url, "OPENAI_API_KEY": "none"}
    with program("run", **settings, **model) as host:
        host.greet()
        with host.http() as http:
            tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
            assistant = http.post("assistants", json={"model": "m", "tools": [tool]}).json()["id"]
            runs: list[dict] = []
            for text in ("say Hello.", "call weather {}"):
                thread = {"messages": [{"role": "user", "content": text}], "metadata": {"user": f"u{len(runs)}"}}
                runs.append(http.post("threads/runs", json={"assistant_id": assistant, "thread": thread}).json())
            first, second = runs
            wait_for(http, f"threads/{first['thread_id']}/runs/{first['id']}", "completed")
            wait_for(http, f"threads/{second['thread_id']}/runs/{second['id']}", "requires_action")
        url = f"http://127.0.0.1:{host.port}"
        yield Filled(settings, url, host, first["thread_id"], first["id"], second["thread_id"], second["id"])


WAYS = pytest.mark.parametrize("way", ["here", pytest.param("there", marks=pytest.mark.long)])


@WAYS
def test_threads_are_listed_for_people_and_programs(filled: Filled, way: str):
    said = getattr(filled, way)("threads", "list")
    assert (said.returncode, said.stderr) == (0, "")
    heads, newest, oldest = said.stdout.splitlines()
    assert heads.split() == ["thread", "made", "metadata"]
    assert newest.startswith(filled.other)
    assert newest.endswith("user=u1")
    assert oldest.startswith(filled.thread)
    listed = json.loads(getattr(filled, way)("threads", "list", "--json", "--limit", "1").stdout)
    assert [each["id"] for each in listed] == [filled.other]


@WAYS
def test_a_thread_is_shown_as_a_conversation(filled: Filled, way: str):
    said = getattr(filled, way)("threads", "show", filled.thread).stdout
    assert said.startswith(f"{filled.thread}, made 20")
    assert "\nuser, 20" in said
    assert ":\nsay Hello.\n\nassistant, 20" in said
    assert said.endswith(":\nHello.\n")
    document = json.loads(getattr(filled, way)("threads", "show", filled.thread, "--json").stdout)
    assert [each["role"] for each in document["messages"]] == ["user", "assistant"]


def test_threads_are_found_by_what_was_said(filled: Filled):
    said = filled.here("threads", "search", "hELLO", "--json")
    assert [each["id"] for each in json.loads(said.stdout)] == [filled.thread]
    assert said.stderr == "1 found with 3 calls\n"


@WAYS
def test_runs_are_listed_by_state_and_age(filled: Filled, way: str):
    def found(*words: str) -> list[str]:
        return [each["id"] for each in json.loads(getattr(filled, way)("runs", "list", "--json", *words).stdout)]

    assert found() == [filled.waiting, filled.done]
    assert found("--state", "completed", "--state", "failed") == [filled.done]
    assert found("--thread", filled.other) == [filled.waiting]
    assert found("--older", "1h") == []
    assert found("--newer", "1h", "--state", "requires_action") == [filled.waiting]
    table = getattr(filled, way)("runs", "list")
    assert [line.split()[2] for line in table.stdout.splitlines()[1:]] == ["requires_action", "completed"]
    assert table.stderr == "2 found with 3 calls\n"


@WAYS
def test_a_run_is_shown_as_a_trace(filled: Filled, way: str):
    said = getattr(filled, way)("runs", "show", filled.other, filled.waiting).stdout
    first, *steps = said.splitlines()
    assert first.startswith(f"{filled.waiting}  requires_action  m  made 20")
    assert " s  tool_calls  in_progress" in steps[0]
    assert 'function: {"name": "weather"' in steps[1]
    happened = steps[steps.index("") + 1 :]
    assert [line.split()[2] for line in happened] == ["run.created", "lease.taken", "turn.finished", "outputs.asked"]
    assert happened[0].startswith("     +0.000 s  run.created ")
    assert "by " in happened[0]
    assert happened[0].endswith("how=polled")
    assert re.search(r"turn.finished +\d+\.\d{3} s  turn=1  ", happened[2])
    document = json.loads(getattr(filled, way)("runs", "show", filled.other, filled.waiting, "--json").stdout)
    assert [each["type"] for each in document["events"]] == [line.split()[2] for line in happened]


@WAYS
def test_files_and_stores_are_listed(filled: Filled, way: str):
    with filled.host.http() as http:
        http.post("files", files={"file": (f"{way}.txt", b"words")}, data={"purpose": "assistants"})
        http.post("vector_stores", json={"name": f"of {way}"})
    ask = getattr(filled, way)
    file, store = (ask(noun, "list").stdout.splitlines()[1] for noun in ("files", "stores"))
    assert file.split()[-3:] == ["5", "assistants", f"{way}.txt"]
    assert store.endswith(f"of {way}")
    assert json.loads(ask("files", "list", "--json").stdout)[0]["filename"] == f"{way}.txt"
    assert json.loads(ask("stores", "list", "--json").stdout)[0]["name"] == f"of {way}"


def test_an_owner_sees_what_is_its_own(filled: Filled):
    assert json.loads(filled.here("threads", "list", "--owner", "ben", "--json").stdout) == []
    refused = filled.there("threads", "list", "--owner", "ben")
    assert (refused.returncode, refused.stderr) == (2, "--owner goes without --url: there the key says whose it is.\n")


@WAYS
def test_what_is_not_there_is_told_in_the_apis_words(filled: Filled, way: str):
    said = getattr(filled, way)("threads", "show", "thread_none")
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == "No thread found with id 'thread_none'.\n"


def test_an_age_that_is_none_is_refused(filled: Filled):
    said = filled.here("runs", "list", "--older", "soon")
    assert (said.returncode, said.stderr) == (2, "'soon' is no age: 30s, 10m, 2h, 7d\n")


def test_only_what_is_stuck_is_tried_again_and_only_with_the_storage(filled: Filled):
    over = filled.here("runs", "retry", filled.thread, filled.done)
    assert (over.returncode, over.stderr) == (1, "The run is not stuck: it is completed.\n")
    waits = filled.here("runs", "retry", filled.other, filled.waiting)
    assert waits.stderr == "The run is not stuck: it is requires_action.\n"
    away = filled.there("runs", "retry", filled.thread, filled.done)
    assert away.returncode == 2
    assert "is in the box's storage, which no call leads to: leave out --url" in away.stderr
    none = filled.here("runs", "retry", filled.thread, "run_none")
    assert none.stderr == "No run found with id 'run_none'.\n"


def test_a_run_whose_messages_were_lost_is_brought_back(tmp_path: Path, model_url: str):  # noqa: F811
    settings = {"BOX_HOME": str(tmp_path), "BOX_API_KEYS": json.dumps({"ann": KEY}), "RUN_START": "queue"}
    settings |= {"OPENAI_BASE_URL": model_url, "OPENAI_API_KEY": "none", "SANDBOX": "none"}
    with program("run", **settings) as host:
        host.greet()
        with host.http() as http:
            assistant = http.post("assistants", json={"model": "m"}).json()["id"]
            thread = {"messages": [{"role": "user", "content": "wait 3\nsay Hello."}]}
            run = http.post("threads/runs", json={"assistant_id": assistant, "thread": thread}).json()
            path = f"threads/{run['thread_id']}/runs/{run['id']}"
            wait_for(http, path, "in_progress")
        host.stop(15)
    with closing(sqlite3.connect(tmp_path / "box.db")) as file:
        file.execute("DELETE FROM messages")
        file.commit()
    again = box("runs", "retry", run["thread_id"], run["id"], **settings)
    assert again.stdout == f"{run['id']}  will be taken up by the next host or worker\n", again.stderr
    with program("run", **settings) as heir:
        heir.greet()
        with heir.http() as http:
            wait_for(http, path, "completed")


def test_a_run_is_cancelled_and_a_thread_deleted(filled: Filled):
    with filled.host.http() as http:
        assistant = http.post("assistants", json={"model": "m"}).json()["id"]
        thread = {"messages": [{"role": "user", "content": "wait 40\nsay Hello."}]}
        run = http.post("threads/runs", json={"assistant_id": assistant, "thread": thread}).json()
        wait_for(http, f"threads/{run['thread_id']}/runs/{run['id']}", "in_progress")
        held = filled.here("runs", "retry", run["thread_id"], run["id"])
        assert held.stderr.startswith("The run is not stuck: it is driven until 20")
        queue = {"When-Busy": "queue"}
        next_one = http.post(f"threads/{run['thread_id']}/runs", json={"assistant_id": assistant}, headers=queue).json()
        waits = filled.here("runs", "retry", run["thread_id"], next_one["id"])
        assert waits.stderr == "The run is not stuck: it waits in line for its thread.\n"
        assert http.post(f"threads/{run['thread_id']}/runs/{next_one['id']}/cancel").json()["status"] == "cancelled"
        said = filled.here("runs", "cancel", run["thread_id"], run["id"])
        assert said.stdout == f"{run['id']}  cancelling\n"
        wait_for(http, f"threads/{run['thread_id']}/runs/{run['id']}", "cancelled")
        asked = filled.here("threads", "delete", run["thread_id"])
        assert asked.returncode == 130, "nobody said yes"
        gone = filled.there("threads", "delete", run["thread_id"], "--yes")
        assert gone.stdout == f"{run['thread_id']}  deleted\n"
        assert http.get(f"threads/{run['thread_id']}").status_code == 404


def test_a_storage_account_is_read_without_a_host(tmp_path: Path, azurite_installed):  # noqa: F811
    with azurite.running(tmp_path) as account:
        said = box("threads", "list", "--json", AzureWebJobsStorage=account, BOX_API_KEYS=json.dumps({"ann": KEY}))
    assert (said.returncode, said.stdout) == (0, "[]\n")


@pytest.mark.long
def test_poison_of_a_storage_account_is_listed_and_settled(tmp_path: Path, azurite_installed):  # noqa: F811
    with azurite.running(tmp_path) as account:
        settings = {"AzureWebJobsStorage": account, "BOX_API_KEYS": json.dumps({"ann": KEY})}
        with QueueClient.from_connection_string(account, "runs-poison") as queue:
            queue.create_queue()
            first, second = (queue.send_message(text).id for text in ("plain", "text"))
            listed = json.loads(box("poison", "list", "--json", **settings).stdout)
            assert [(each["queue"], each["id"], each["content"]) for each in listed] == [
                ("runs", first, "plain"),
                ("runs", second, "text"),
            ]
            assert box("poison", "return", "runs", first, **settings).stdout == f"{first}  returned\n"
            assert box("poison", "drop", "runs", second, "--yes", **settings).stdout == f"{second}  dropped\n"
            gone = box("poison", "drop", "runs", second, "--yes", **settings)
            assert gone.stderr == f"Not in the poison of runs, or held by a running host: {second}.\n"
            assert queue.get_queue_properties().approximate_message_count == 0
            sent = [queue.send_message(str(number)).id for number in range(40)]
            front = box("poison", "list", "--json", **settings)
            assert (len(json.loads(front.stdout)), front.stderr) == (32, "32 of about 40: --limit shows more\n")
            everything = json.loads(box("poison", "list", "--json", "--limit", "100", **settings).stdout)
            assert {each["id"] for each in everything} == {*sent}
            back = json.loads(box("poison", "return", "runs", sent[39], sent[0], "--json", **settings).stdout)
            assert {each["id"] for each in back} == {sent[0], sent[39]}
            neither = box("poison", "drop", "runs", "--yes", **settings)
            assert (neither.returncode, neither.stderr) == (2, "name the messages, or say --all\n")
            assert len(box("poison", "drop", "runs", "--all", "--yes", **settings).stdout.splitlines()) == 38
            assert queue.get_queue_properties().approximate_message_count == 0
