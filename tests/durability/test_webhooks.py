"""Webhooks of a host that dies before or after any commit of a run: the end is told, and known by its id."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator

import pytest

from tests.durability.hosts import patience
from tests.durability.stories import assistant, check, tell
from tests.fakes.webhook_receiver import Receiver, receiving

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ...").decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def environment(receiver) -> dict[str, str]:
    hooks = {"shop": {"url": receiver.url, "secret": SECRET}}
    return {"WEBHOOKS": json.dumps(hooks), "WEBHOOK_ALLOWED_HOSTS": receiver.host}


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
async def test_the_end_of_a_run_is_told_whenever_its_host_dies(hosts, client, receiver, when):
    for count in range(1, 20):
        mortal = hosts.start(die=f"{when}:{count}")
        assistant_id = await assistant(client)
        telling = asyncio.create_task(tell(client, assistant_id, "mixed"))
        dying = asyncio.create_task(hosts.death(mortal))
        await asyncio.wait({telling, dying}, return_when=asyncio.FIRST_COMPLETED)
        survived = not dying.done()
        if not survived:
            hosts.start()
        thread, run = await telling
        await check(client, hosts, "mixed", thread, run)

        def told(run_id=run["id"]) -> list[tuple[str, str]]:
            bodies = [(each.headers["webhook-id"], json.loads(each.body)) for each in receiver.told]
            return [(id_, body["type"]) for id_, body in bodies if body["data"]["id"] == run_id]

        async with patience("the end to be told"):
            while "thread.run.completed" not in [type_ for _, type_ in told()]:  # noqa: ASYNC110  another thread's
                await asyncio.sleep(0.05)
        assert len({*told()}) == len({type_ for _, type_ in told()}), "one event came by two ids"
        assert {type_ for _, type_ in told()} <= {"thread.run.requires_action", "thread.run.completed"}
        dying.cancel()
        await hosts.close()
        if survived:
            assert count > 2, "the host should have died at least twice"
            return
    raise AssertionError("the story never ended")
