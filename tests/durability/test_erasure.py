"""An erasure whose host dies at one commit after the other is begun again, and ends with nothing left."""

from __future__ import annotations

import time

import pytest

from shared import housekeeping
from shared.app import build
from shared.cli.api import elsewhere_at
from shared.cli.erasure import Erasure
from shared.cli.words import Failed
from shared.config import Settings
from tests.api.canary import CANARY, OTHER, places
from tests.durability.hosts import KEY, Client, Hosts, patience
from tests.durability.test_ingestion import settled, upload

DAY = 24 * 3600


async def talk(client: Client, user: str, word: str) -> None:
    """A thread with a message, a file for the code interpreter, and another in a vector store of its own."""
    files = [await upload(client, f"{word}{number}") for number in range(2)]
    attachments = [
        {"file_id": file, "tools": [{"type": kind}]}
        for file, kind in zip(files, ("file_search", "code_interpreter"), strict=True)
    ]
    body = {
        "metadata": {"user": user, "note": word},
        "messages": [{"role": "user", "content": word, "attachments": attachments}],
    }
    thread = (await client.ask("POST", "threads", body)).json()
    await settled(client, thread["tool_resources"]["file_search"]["vector_store_ids"][0])


async def erase(hosts: Hosts) -> bool:
    """Whether the erasure came to its end."""
    async with elsewhere_at(f"http://127.0.0.1:{hosts.port}", KEY) as api:
        erasure = Erasure(api, {"user": "ann"})
        try:
            await erasure.find(await erasure.threads(), lambda _: None)
            await erasure.erase(lambda _: None)
        except Failed:
            return False
        assert erasure.found.kept == {}
        return True


async def keep_house(hosts: Hosts, days: int) -> None:
    """What housekeeping does some days later."""
    settings = Settings(_env_file=None, box_home=hosts.home, box_api_keys={"me": KEY}, sandbox="none")
    box = build(settings, clock=lambda: time.time() + days * DAY)
    while messages := await box.deps.ingestion.receive(32, 60, 0):
        for message in messages:
            await box.handle_ingestion(message.body)
            await box.deps.ingestion.delete(message)
    await housekeeping.sweep(box.deps)
    await housekeeping.age(box.deps)
    await housekeeping.remove_orphans(box.deps)
    await housekeeping.scrub(box.deps, thorough=True)
    await box.close()


@pytest.mark.long
@pytest.mark.parametrize(
    ("when", "first"),
    [("before", 1), ("after", 3), ("before", 3), ("after", 1), ("before", 2), ("after", 4)],
)
async def test_death_at_one_deletion_after_the_other(hosts: Hosts, client: Client, when: str, first: int):
    """A host dies at its n-th commit that deletes something, n = 1, 5, ... or 3, 7, ... and so on."""
    hosts.start()
    await talk(client, "ben", OTHER)
    await hosts.close()
    for count in range(first, 60, 4):
        hosts.start()
        await talk(client, "ann", CANARY)
        await hosts.close()
        mortal = hosts.start(die=f"{when}:{count}:deletes")
        await client.get("threads")
        ended = await erase(hosts)
        if not ended:
            await hosts.death(mortal)
            hosts.start()
            await client.get("threads")
            async with patience("the end of an erasure"):
                while not await erase(hosts):
                    continue
        assert [each["metadata"]["user"] for each in (await client.get("threads"))["data"]] == ["ben"]
        await hosts.close()
        await keep_house(hosts, days=2 * count)
        assert places(hosts.home) == [], count
        if ended and count > 8:
            break
    else:
        raise AssertionError("the story never ended")
    assert {place.partition("/")[0] for place in places(hosts.home, OTHER)} == {"box.db", "blobs"}
