"""Every verb of `box` that reaches a box elsewhere, through the Functions host; and those that need its storage.

`tests/host` has the same verbs on the box of a folder; `tests/host/test_verbs.py` says where each one is tried.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from azure.storage.queue import QueueClient

from tests.api.conftest import below
from tests.fakes.demo_responses import DemoResponses
from tests.fakes.responses_server import serving_in_thread
from tests.functions.conftest import serving
from tests.host.test_command_line import box
from tests.host.test_program import wait_for

KEY = "sk-test-0123456789"


@dataclass
class Deployed:
    """A box behind the Functions host, and the settings of its storage account."""

    url: str
    storage: dict[str, str]

    def box(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The program, told where the box is."""
        return box(*words, "--url", self.url, BOX_KEY=KEY)

    def json(self, *words: str) -> Any:
        said = self.box(*words, "--json")
        assert said.returncode == 0, said.stdout + said.stderr
        return json.loads(said.stdout)

    def with_storage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The program, with the settings of the storage instead."""
        return box(*words, **self.storage)

    def http(self) -> httpx.Client:
        return below(f"{self.url}/v1/", Authorization=f"Bearer {KEY}")


@pytest.fixture(scope="module")
def deployed(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    storage = {"AzureWebJobsStorage": azurite, "BOX_API_KEYS": json.dumps({"me": KEY})}
    with serving_in_thread(DemoResponses(keep_bodies=False)) as model:
        settings = {
            "BOX_HOME": str(tmp_path_factory.mktemp("home")),
            "OPENAI_BASE_URL": model,
            "OPENAI_API_KEY": "fake",
        }
        with serving(**storage, **settings) as started:
            yield Deployed(started.url, storage | {"SANDBOX": "none"})


@pytest.fixture
def thread(deployed: Deployed) -> Iterator[dict[str, Any]]:
    """A run that is over, in a thread of its own."""
    with deployed.http() as http:
        assistant = http.post("assistants", json={"model": "m"}).json()["id"]
        said = {"messages": [{"role": "user", "content": "Is Oregon in the West?"}], "metadata": {"user": "u1"}}
        run = http.post("threads/runs", json={"assistant_id": assistant, "thread": said}).json()
        wait_for(http, f"threads/{run['thread_id']}/runs/{run['id']}", "completed")
        yield run
        http.delete(f"threads/{run['thread_id']}")


def test_doctor(deployed: Deployed):
    findings = {each["check"]: each for each in deployed.json("doctor")["findings"]}
    assert {each["state"] for each in findings.values()} == {"ok"}
    assert {"address", "key", "model", "storage", "poison"} <= findings.keys()


@pytest.mark.long
def test_demo(deployed: Deployed):
    told = deployed.json("demo")
    assert [each["status"] for each in told] == ["completed", "completed"]
    assert "x = 1" in told[0]["answers"][-1]
    said = deployed.box("demo").stdout
    assert "You: I need to solve" in said
    assert "What to try next" not in said, "those are commands for a box of one's own"


@pytest.mark.long
def test_samples(deployed: Deployed):
    made = deployed.json("samples", "install")
    assert "Math Tutor" in [each["name"] for each in made]
    assert [line.split()[0] for line in deployed.box("samples", "install").stdout.splitlines()] == [
        each["id"] for each in made
    ]


@pytest.mark.long
def test_files_and_stores(deployed: Deployed, tmp_path: Path):
    notes = tmp_path / "notes.txt"
    notes.write_text("raclette")
    file = deployed.json("files", "upload", str(notes))
    assert (file["filename"], file["bytes"]) == ("notes.txt", 8)
    assert file["id"] in [each["id"] for each in deployed.json("files", "list")]
    with deployed.http() as http:
        store = http.post("vector_stores", json={"name": "notes", "file_ids": [file["id"]]}).json()["id"]
        wait_for(http, f"vector_stores/{store}", "completed")
    assert store in [each["id"] for each in deployed.json("stores", "list")]
    [ended] = deployed.json("stores", "reembed", store)
    assert (ended["vector_store_id"], ended["status"], ended["file_counts"]["completed"]) == (store, "completed", 1)


def test_threads(deployed: Deployed, thread: dict[str, Any]):
    id_ = thread["thread_id"]
    assert deployed.json("threads", "list", "--limit", "1")[0]["id"] == id_
    assert [each["role"] for each in deployed.json("threads", "show", id_)["messages"]] == ["user", "assistant"]
    found = deployed.box("threads", "search", "oREGON", "--json")
    assert id_ in [each["id"] for each in json.loads(found.stdout)]
    assert "found with" in found.stderr
    assert deployed.json("threads", "delete", id_, "--yes") == [
        {"id": id_, "object": "thread.deleted", "deleted": True, "outcome": "deleted"}
    ]
    gone = deployed.box("threads", "show", id_)
    assert (gone.returncode, gone.stderr) == (1, f"No thread found with id '{id_}'.\n")


@pytest.mark.long
def test_runs(deployed: Deployed, thread: dict[str, Any]):
    listed = deployed.box("runs", "list", "--state", "completed", "--newer", "1h", "--json")
    assert thread["id"] in [each["id"] for each in json.loads(listed.stdout)]
    assert "calls" in listed.stderr
    assert deployed.json("runs", "show", thread["thread_id"], thread["id"])["steps"]
    late = deployed.box("runs", "cancel", thread["thread_id"], thread["id"])
    assert (late.returncode, late.stdout) == (1, "")
    assert "Cannot cancel run" in late.stderr
    away = deployed.box("runs", "retry", thread["thread_id"], thread["id"])
    assert away.returncode == 2, "the message is in the storage"
    over = deployed.with_storage("runs", "retry", thread["thread_id"], thread["id"])
    assert over.stderr == "The run is not stuck: it is completed.\n"


@pytest.mark.long
def test_poison_beside_a_host_that_runs(deployed: Deployed):
    """What the host can read it takes by itself; what it cannot stays, and is settled with the storage's settings."""
    with QueueClient.from_connection_string(deployed.storage["AzureWebJobsStorage"], "runs-poison") as queue:
        sent = [queue.send_message(f"not base64 {number}").id for number in range(2)]

        def listed() -> list[str]:
            return [each["id"] for each in json.loads(deployed.with_storage("poison", "list", "--json").stdout)]

        assert {*sent} <= {*listed()} or not listed(), "the host may hold them at the moment"
        dropped = deployed.with_storage("poison", "drop", "runs", *sent, "--yes", "--json")
        left = {each["id"] for each in json.loads(dropped.stdout)}
        assert dropped.returncode == (0 if left == {*sent} else 1)


@pytest.mark.long
def test_owners_and_settings_are_told_apart(deployed: Deployed):
    with_owner = deployed.box("threads", "list", "--owner", "me")
    assert with_owner.returncode == 2
    wrong = box("threads", "list", "--url", deployed.url, "--key", "sk-wrong")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("Incorrect API key provided")
