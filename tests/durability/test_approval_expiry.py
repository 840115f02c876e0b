"""Approvals that come in the moment in which nobody waits for them any more, by several at once, in two processes."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from tests import azurite as emulator
from tests.contract.conftest import azurite_installed  # noqa: F401  a fixture
from tests.durability.hosts import OVER, answers, patience
from tests.durability.stories import STORIES, assistant

pytestmark = pytest.mark.long

RUNS = 24
#: Seconds for which a run waits.
LIFETIME = 4
#: Seconds before and after the end of the waiting in which approvals come.
AROUND = 0.7


@pytest.fixture(params=["embedded", "azure"])
def records(request):
    return request.param


@pytest.fixture
def environment(records, request, tmp_path):
    settings = {"APPROVAL_LIFETIME_SECONDS": str(LIFETIME)}
    if records == "embedded":
        yield settings
        return
    request.getfixturevalue("azurite_installed")
    with emulator.running(tmp_path) as connection_string:
        yield settings | {"AzureWebJobsStorage": connection_string}


async def test_an_approval_is_given_in_time_or_not_and_nothing_happens_twice(hosts, client, records):
    for role in ("sibling", "sibling") if records == "embedded" else ("http", "worker"):
        hosts.start(role)
    assistant_id = await assistant(client)

    ends = await asyncio.gather(*(race(client, hosts, assistant_id, number) for number in range(RUNS)))

    assert {*ends} == {"completed", "expired"}, "approvals came too early, or too late"


async def race(client, hosts, assistant_id, number):
    """Approve a letter around the end of its time; how the run ended."""
    thread = await client.thread(STORIES["letter"][0])
    run = await client.begin(thread, assistant_id, "* send_letter:ask")
    path = f"threads/{thread}/runs/{run['id']}"
    async with patience("a question"):
        while run["status"] != "requires_action":
            await asyncio.sleep(0.05)
            run = await client.get(path)
    said = answers(run["required_action"])
    moment = run["expires_at"] + AROUND * (2 * number / (RUNS - 1) - 1)
    await asyncio.sleep(max(0.0, moment - time.time()))

    async def approve():
        await asyncio.sleep(random.uniform(0, 0.1))
        return await client.ask_once("POST", f"{path}/submit_tool_outputs", said)

    given = await asyncio.gather(*(approve() for _ in range(3)))
    async with patience("the end"):
        while run["status"] not in OVER:
            await asyncio.sleep(0.1)
            run = await client.get(path)
    [call] = said["tool_approvals"]
    accepted = any(each is not None and each.status_code == 200 for each in given)
    assert (run["status"] == "completed") == accepted, (run["status"], given)
    assert hosts.letters().count(call["tool_call_id"]) == (run["status"] == "completed")
    again = await client.ask("POST", f"threads/{thread}/messages", {"role": "user", "content": "Thanks."})
    assert again.status_code == 200, "the thread is still locked"
    return run["status"]
