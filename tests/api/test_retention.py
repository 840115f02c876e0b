"""Threads that are past their time go, with what is their own; what is used, busy or on hold stays."""

from __future__ import annotations

import pytest

from shared import holds, housekeeping, layout
from shared.deps import Caller
from shared.files import files
from shared.llm.scripted import call, text
from shared.retention import aging, holding
from shared.store.base import Put, Unavailable

DAY = 24 * 3600


async def in_pieces(content):
    yield content


@pytest.fixture
def settings():
    return {"retention_days": {"*": 30, "other": 5}}


@pytest.fixture
def days_later(box):
    """Move the box's time on, and let housekeeping work."""

    def days_later(days: float):
        box.clock.advance(days * DAY)
        box.run(housekeeping.age(box.deps))

    return days_later


def threads_of(http):
    return {each["id"] for each in http.get("threads?limit=100").json()["data"]}


def test_a_thread_goes_when_nobody_has_added_to_it_for_so_long(http, other, days_later):
    mine, theirs = (each.post("threads").json()["id"] for each in (http, other))
    days_later(6)
    assert (threads_of(http), threads_of(other)) == ({mine}, set())
    assert other.get(f"threads/{theirs}").status_code == 404
    days_later(23)
    assert threads_of(http) == {mine}
    days_later(2)
    assert threads_of(http) == set()


def test_a_message_or_a_run_keeps_a_thread(http, llm, ask, thread, days_later):
    llm.script([text("Sunny.")])
    spoken = http.post("threads").json()["id"]
    days_later(29)
    http.post(f"threads/{spoken}/messages", json={"role": "user", "content": "Still here."})
    assert ask().status == "completed"
    days_later(2)
    assert threads_of(http) == {spoken, thread.id}
    days_later(29)
    assert threads_of(http) == set()


def test_the_newest_message_counts_though_later_ones_were_deleted(http, days_later):
    thread = http.post("threads").json()["id"]
    days_later(29)
    ids = [
        http.post(f"threads/{thread}/messages", json={"role": "user", "content": f"{each}"}).json()["id"]
        for each in range(8)
    ]
    for message in ids[1:]:
        assert http.delete(f"threads/{thread}/messages/{message}").status_code == 200
    days_later(2)
    assert threads_of(http) == {thread}


def test_a_thread_may_ask_for_less_time_but_not_for_more(http, box, days_later, caplog):
    said = ("3", "400", "soon", "0", "03", "99999")
    _, *others = (http.post("threads", json={"metadata": {"retention_days": each}}).json()["id"] for each in said)
    days_later(4)
    assert threads_of(http) == {*others}
    told = [record.thread_id for record in caplog.records if getattr(record, "action", "") == "retention_ignored"]
    assert sorted(told) == sorted(others[1:])
    assert all("soon" not in record.getMessage() for record in caplog.records)
    days_later(27)
    assert threads_of(http) == set()


def test_a_busy_thread_is_left_for_the_next_time(http, llm, ask, thread, box, days_later):
    llm.script([call("get_weather", city="Oslo")])
    run = ask()
    assert run.status == "requires_action"
    days_later(31)
    assert threads_of(http) == {thread.id}
    assert http.post(f"threads/{thread.id}/runs/{run.id}/cancel").status_code in (200, 400)
    box.run(housekeeping.sweep(box.deps))
    days_later(1.1)
    assert threads_of(http) == set()


def test_a_store_made_with_the_thread_goes_along_and_others_stay(client, http, days_later):
    file = client.files.create(file=("a.txt", b"words"), purpose="assistants").id
    named = client.vector_stores.create(name="Everybody's", file_ids=[file]).id
    own = {"file_search": {"vector_stores": [{"file_ids": [file]}]}}
    first = client.beta.threads.create(tool_resources=own)
    client.beta.threads.create(tool_resources={"file_search": {"vector_store_ids": [named]}})
    assert len(client.vector_stores.list().data) == 2
    days_later(31)
    assert threads_of(http) == set()
    assert [store.id for store in client.vector_stores.list().data] == [named]
    assert client.files.retrieve(file).filename == "a.txt"
    assert http.get(f"vector_stores/{first.tool_resources.file_search.vector_store_ids[0]}").status_code == 404


def test_a_file_that_a_run_wrote_goes_along_though_it_was_in_stores_that_are_gone(client, http, box, days_later):
    file, kept = (box.run(files.produce(Caller(box.deps, "me"), "a.txt", in_pieces(b"words")))["id"] for _ in "12")
    for each in (file, kept):
        client.vector_stores.delete(client.vector_stores.create(file_ids=[each]).id)
        left = Put(layout.attached_key(each, "vs_of_version_0_1"), {"store_id": "vs_of_version_0_1"})
        box.run(box.deps.store.commit(layout.attached("me"), [left]))
        attachments = [{"file_id": each, "tools": [{"type": "file_search"}]}]
        client.beta.threads.create(messages=[{"role": "user", "content": "See.", "attachments": attachments}])
    client.vector_stores.create(name="Everybody's", file_ids=[kept])
    days_later(31)
    assert threads_of(http) == set()
    assert [each.id for each in client.files.list()] == [kept]


def test_a_look_that_broke_off_is_gone_on_with(http, box, days_later):
    made = [http.post("threads").json()["id"] for _ in range(40)]
    box.clock.advance(31 * DAY)

    async def fail(commit, partition, changes, *after):
        if made[20] in partition:
            raise Unavailable("not now")
        return await commit(partition, changes, *after)

    box.deps.store.replace(commit=fail)
    box.run(housekeeping.age(box.deps))
    box.deps.store.replace()
    left = threads_of(http)
    assert made[20] in left
    assert 0 < len(left) < 40
    days_later(0.05)
    assert threads_of(http) == set()


def test_a_look_ends_when_its_time_is_over_and_goes_on_the_next_time(http, box):
    for _ in range(40):
        http.post("threads")
    box.clock.advance(31 * DAY)
    counts = []
    while threads_of(http):
        box.run(aging.sweep(box.deps, budget=-1))
        counts.append(len(threads_of(http)))
    assert counts == [24, 8, 0]


def test_what_is_on_hold_does_not_age_and_its_files_do_not_expire(client, http, box, days_later):
    lasting = {"expires_after[anchor]": "created_at", "expires_after[seconds]": str(20 * DAY)}
    upload = {"file": ("evidence.txt", b"proof")}
    ids = [http.post("files", data={"purpose": "assistants", **lasting}, files=upload).json()["id"] for _ in range(2)]
    attachments = [{"file_id": ids[0], "tools": [{"type": "code_interpreter"}]}]
    message = {"role": "user", "content": "See.", "attachments": attachments}
    held = http.post("threads", json={"metadata": {"user": "ann"}, "messages": [message]}).json()["id"]
    http.post("threads", json={"metadata": {"user": "ben"}})
    me = Caller(box.deps, "me")
    hold = box.run(holding.add(me, thread_id=None, metadata={"user": "ann"}))
    days_later(31)
    box.run(housekeeping.sweep(box.deps))
    assert threads_of(http) == {held}
    assert len([name for name in (box.settings.box_home / "blobs").iterdir() if ids[0] in name.name]) == 1
    assert not [name for name in (box.settings.box_home / "blobs").iterdir() if ids[1] in name.name]
    box.run(holding.lift(me, hold.id))
    assert box.run(holds.on_file(me, ids[0])) == []
    days_later(1.1)
    box.run(housekeeping.sweep(box.deps))
    assert threads_of(http) == set()
    assert not [*(box.settings.box_home / "blobs").iterdir()]


@pytest.mark.parametrize("settings", [{}])
def test_nothing_ages_unless_it_is_asked_for(http, days_later):
    kept = http.post("threads").json()["id"]
    http.post("threads", json={"metadata": {"retention_days": "1"}})
    days_later(1000)
    assert threads_of(http) == {kept}
