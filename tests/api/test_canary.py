"""What was erased or deleted is nowhere any more: not in files, tables, indexes, folders, unused pages or logs."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing

import pytest

from shared import housekeeping
from shared.llm.scripted import reasoning, text
from shared.tools.delivery import AllowedDomains
from shared.tools.outbox import Outbox
from shared.tools.send_email import send_email_tool
from tests.api.canary import CANARY, OTHER, live, logged, places
from tests.api.conftest import KEY
from tests.host.test_command_line import box as program


@pytest.fixture
def settings(tmp_path):
    return {"sandbox": "auto", "box_home": tmp_path / "home", "reasoning_summary": "auto"}


@pytest.fixture
def tools(tmp_path):
    outbox = Outbox(tmp_path / "home" / "outbox", "email")
    return [send_email_tool(outbox, AllowedDomains.parse("example.com"))]


@pytest.fixture
def home(box):
    return box.settings.box_home


@pytest.fixture
def erase(home):
    """The program, in a process of its own beside the host."""

    def erase(*words: str):
        return program("erase", *words, BOX_HOME=str(home), BOX_API_KEYS=json.dumps({"me": KEY}), SANDBOX="auto")

    return erase


def test_an_erased_user_is_nowhere(client, llm, home, erase, caplog):
    caplog.set_level(logging.DEBUG, "shared")
    live(client, llm, "ben", OTHER)
    others = places(home, OTHER)
    live(client, llm, "ann")
    kinds = {"box.db", "blobs", "outbox", "sandbox"}
    assert kinds == {place.partition("/")[0].removesuffix("-wal") for place in places(home)}
    looked = erase("--metadata", "user=ann")
    assert looked.returncode == 0, looked.stderr
    assert looked.stdout.endswith("Nothing was changed: --yes does it.\n")
    assert kinds == {place.partition("/")[0].removesuffix("-wal") for place in places(home)}
    done = erase("--metadata", "user=ann", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout == looked.stdout.replace("would go", "erased").replace(
        "Nothing was changed: --yes does it.\n", ""
    )
    assert places(home) == []
    assert logged(caplog.records) == []
    assert {*places(home, OTHER)} >= {each for each in others if not each.startswith("box.db")}
    assert [thread["metadata"]["user"] for thread in client.get("/threads", cast_to=object)["data"]] == ["ben"]
    again = erase("--metadata", "user=ann", "--yes")
    assert (again.returncode, again.stdout) == (0, "Nothing has that metadata.\n")


def test_plain_deletes_leave_nothing_either(client, llm, box, home, http):
    thread, files = live(client, llm, "ann")
    stores = [each.id for each in client.vector_stores.list().data]
    assistants = [each.id for each in client.beta.assistants.list().data]
    for path in (
        *(f"files/{each}" for each in files),
        *(f"vector_stores/{each}" for each in stores),
        *(f"assistants/{each}" for each in assistants),
        f"threads/{thread}",
    ):
        assert http.delete(path).status_code == 200
    box.run(housekeeping.scrub(box.deps, thorough=True))
    assert places(home) == []


def test_a_deleted_message_leaves_no_thought_of_the_models(client, llm, box, home, http, thread, assistant):
    llm.script([reasoning(CANARY, CANARY), text(CANARY)])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=20)
    message = client.beta.threads.messages.list(thread.id).data[0]
    assert message.run_id == run.id
    assert http.delete(f"threads/{thread.id}/messages/{message.id}").status_code == 200
    box.run(box.deps.store.scrub(2**30))
    assert places(home) == []
    [step] = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    assert step.step_details.message_creation.message_id == message.id


def test_nothing_of_a_user_is_left_in_the_rows_of_an_owner(client, llm, home, erase):
    """A second look, by other eyes: whatever row is left names nothing of the thread; of its usage, numbers stay."""
    thread, files = live(client, llm, "ann")
    assert erase("--metadata", "user=ann", "--yes").returncode == 0
    with closing(sqlite3.connect(home / "box.db")) as database:
        rows = database.execute("SELECT partition, key, data FROM records").fetchall()
        messages = database.execute("SELECT body FROM messages").fetchall()
    left = [row for row in rows if row[0] not in ("_box", "me:side-effects")]
    assert {partition for partition, _, _ in left} <= {"me:usage"}
    assert not [row for row in left if any(each in str(row) for each in (thread, *files, '"ann"', CANARY))]
    assert not [body for (body,) in messages if any(each in body for each in (thread, *files)) and CANARY in body]
