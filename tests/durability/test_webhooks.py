"""Webhooks of a host that dies before or after any commit of a run: the end is told, and known by its id."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator

import pytest

from tests.durability.hosts import die_at_every_commit, patience
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
    async def story() -> None:
        thread, run = await tell(client, await assistant(client), "mixed")
        await check(client, hosts, "mixed", thread, run)

        def told(run_id=run["id"]) -> list[tuple[str, str]]:
            bodies = [(each.headers["webhook-id"], json.loads(each.body)) for each in receiver.told]
            return [(id_, body["type"]) for id_, body in bodies if body["data"]["id"] == run_id]

        async with patience("the end to be told"):
            while "thread.run.completed" not in [type_ for _, type_ in told()]:  # noqa: ASYNC110  another thread's
                await asyncio.sleep(0.05)
        assert len({*told()}) == len({type_ for _, type_ in told()}), "one event came by two ids"
        assert {type_ for _, type_ in told()} <= {"thread.run.requires_action", "thread.run.completed"}

    await die_at_every_commit(hosts, when, story, least=2, most=20)
