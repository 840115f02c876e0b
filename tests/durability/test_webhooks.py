"""Webhooks of a host that dies before or after any commit: every end is told, and known by its id."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.webhooks import kept, worker
from shared.webhooks.notices import Notice
from tests.api.moved import Died, dead_after
from tests.durability.hosts import EVERY_OTHER, die_at_every_commit, opened, patience
from tests.durability.stories import assistant, check, tell
from tests.durability.test_ingestion import fill, settled, store, upload
from tests.fakes.webhook_receiver import Receiver, receiving

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ...").decode()
STORAGES = pytest.mark.parametrize("storage", ["embedded", "azure"], indirect=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def environment(receiver, storage) -> dict[str, str]:
    hooks = {"shop": {"url": receiver.url, "secret": SECRET}}
    return {"WEBHOOKS": json.dumps(hooks), "WEBHOOK_ALLOWED_HOSTS": receiver.host, **storage}


def told(receiver: Receiver, **data: str) -> list[tuple[str, str]]:
    """Ids and types of what came about an object."""
    came = [(each.headers["webhook-id"], json.loads(each.body)) for each in [*receiver.told]]
    return [(id_, body["type"]) for id_, body in came if body["data"].items() >= data.items()]


async def comes(receiver: Receiver, type_: str, **data: str) -> None:
    """Wait for an event; each that came about the object came by one id."""
    async with patience(f"{type_} of {data}"):
        while type_ not in [each for _, each in told(receiver, **data)]:  # noqa: ASYNC110  another thread's
            await asyncio.sleep(0.05)
    came = told(receiver, **data)
    assert len({*came}) == len({each for _, each in came}), "one event came by two ids"


@pytest.mark.long
@STORAGES
@pytest.mark.parametrize("when", ["before", "after"])
async def test_the_end_of_a_run_is_told_whenever_its_host_dies(hosts, client, receiver, when):
    async def story() -> None:
        thread, run = await tell(client, await assistant(client), "mixed")
        await check(client, hosts, "mixed", thread, run)
        await comes(receiver, "thread.run.completed", id=run["id"])
        types = {each for _, each in told(receiver, id=run["id"])}
        assert types <= {"thread.run.requires_action", "thread.run.completed"}

    await die_at_every_commit(hosts, when, story, least=2, most=20)


@pytest.mark.long
@STORAGES
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("when", "steps"), EVERY_OTHER)
async def test_files_of_a_batch_are_told_of_whenever_their_host_dies(hosts, client, receiver, when, steps):
    """Two of them can be indexed, and one cannot."""
    ends = {"alpha": "completed", "beta": "completed", "": "failed"}

    async def story() -> None:
        files = {await upload(client, word): end for word, end in ends.items()}
        store_id = await store(client)
        await fill(client, store_id, [*files])
        counts = (await settled(client, store_id))["file_counts"]
        assert (counts["completed"], counts["failed"], counts["total"]) == (2, 1, 3)
        for file, end in files.items():
            await comes(receiver, f"vector_store.file.{end}", id=file, vector_store_id=store_id)
            assert {each for _, each in told(receiver, id=file)} == {f"vector_store.file.{end}"}

    await die_at_every_commit(hosts, when, story, what="files", steps=steps, least=6)


@pytest.fixture
def in_vain(receiver) -> Notice:
    """A notice that was delivered in vain so often that it is given up the next time."""
    receiver.otherwise = 500
    data = {"id": "run_1", "thread_id": "thread_1", "status": "completed"}
    about = {"webhook": "shop", "notice_id": "msg_1", "type": "thread.run.completed", "owner": "me", "at": 1}
    return Notice(**about, data=data, happened=True, failures=len(worker.WAITS))


def times_come(receiver: Receiver) -> int:
    """How often the notice has come; on a storage that tests share, those of others come, too."""
    return sum(each.headers["webhook-id"] == "msg_1" for each in receiver.told)


@pytest.mark.long
@STORAGES
@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_is_given_up_is_kept_and_sent_again_whoever_dies(hosts, receiver, in_vain, when):
    """The host dies around writing it down, and whoever sends it again around crossing it out."""
    async with opened(hosts) as box:
        await box.deps.queue.send(in_vain.to_json())
        mortal = hosts.start(die=f"{when}:1:webhooks")
        async with patience("the death of the host"):
            await hosts.death(mortal)
        hosts.start()
        async with patience("the notice to be kept"):
            while not (rows := await kept.undelivered(box.deps)):  # noqa: ASYNC110  another process's
                await asyncio.sleep(0.05)
        assert [each.data["notice"] for each in rows] == [replace(in_vain, failures=0).to_json()]
        came = times_come(receiver)
        receiver.otherwise = 204

        await dead_after(box, 0, applied=when == "after")
        with pytest.raises(Died):
            await kept.replay(box.deps, None)
        await dead_after(box, 10**6, applied=False)
        left = await kept.replay(box.deps, None)

        assert left == ([] if when == "after" else ["msg_1"])
        assert await kept.undelivered(box.deps) == []
        async with patience("the notice to come"):
            while times_come(receiver) < came + 1 + len(left):  # noqa: ASYNC110  another thread's
                await asyncio.sleep(0.05)
