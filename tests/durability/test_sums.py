"""What runs use, in reports and budgets, exact although their host dies before or after any of its commits."""

from __future__ import annotations

import json

import pytest

from shared.usage import keys
from tests.durability.hosts import EVERY_OTHER, Hosts, die_at_every_commit, opened
from tests.durability.stories import assistant, check, check_usage, tell
from tests.durability.test_idempotency import insist


@pytest.fixture
def environment(storage) -> dict[str, str]:
    budget = {"tokens_per_day": 1_000_000, "runs_at_once": 2}
    return {"BUDGETS": json.dumps({"*": budget}), **storage}


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("storage", ["embedded", "azure"], indirect=True)
@pytest.mark.parametrize(("when", "steps"), EVERY_OTHER)
async def test_whenever_a_host_dies_the_sums_are_exact_and_nothing_stays_reserved(hosts, client, when, steps):
    async def story() -> None:
        assistant_id = await assistant(client)
        thread, run = await tell(client, assistant_id, "mixed")
        await check(client, hosts, "mixed", thread, run)
        second = await insist(client, "second", f"threads/{thread}/runs", json={"assistant_id": assistant_id})
        runs = [run, await client.finish(thread, second)]
        await check_usage(client, runs)
        await check_budget(hosts, sum(each["usage"]["total_tokens"] for each in runs))

    await die_at_every_commit(hosts, when, story, what="", steps=steps, least=8)


async def check_budget(hosts: Hosts, used: int) -> None:
    """So much is used up, nothing reserved, and no place taken but by a run that never came to be."""
    async with opened(hosts) as box:
        row = await box.deps.store.get(keys.budget(hosts.owner), keys.BUDGET)
    assert row is not None
    assert row.data["day"]["tokens"] == used
    runs = row.data["runs"].values()
    assert [each for each in runs if each["reserved"]] == []
    assert sum(each["active"] > 0 for each in runs) <= 1
