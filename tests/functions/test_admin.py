"""Administrators' routes under the Functions host, as `box` calls them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.api.moved import TAIL, a_story, written
from tests.functions.conftest import Host, Served, serving
from tests.host.test_command_line import box

KEY, ADMIN = "sk-test-0123456789", "sk-admin-0123456789"


@pytest.fixture(scope="module")
def served(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    environment = {
        "AzureWebJobsStorage": azurite,
        "BOX_API_KEYS": json.dumps({"me": KEY}),
        "BOX_ADMIN_KEYS": json.dumps({"ops": ADMIN}),
        "BOX_HOME": str(tmp_path_factory.mktemp("home")),
    }
    with serving(**environment) as started:
        yield started


async def status(http: aiohttp.ClientSession, key: str) -> int:
    async with http.get("/openai/threads", headers={"api-key": key}) as answer:
        return answer.status


async def test_an_owner_comes_and_goes_without_a_deployment(host: Host, served: Served):
    async def ask(*words: str) -> str:
        said = await asyncio.to_thread(box, "owners", *words, "--url", served.url, BOX_ADMIN_KEY=ADMIN)
        assert said.returncode == 0, said.stderr
        return said.stdout

    key = (await ask("add", "ann")).strip()
    assert await status(host.http, key) == 200
    new = json.loads(await ask("rotate", "ann", "--json"))["key"]
    assert [await status(host.http, each) for each in (key, new)] == [401, 200]
    assert "settings (BOX_API_KEYS)" in await ask("list")
    await ask("remove", "ann", "--yes")
    assert await status(host.http, new) == 401
    outcomes = await host.ended("admin", 4)
    assert [each["ok"] for each in outcomes] == [True] * 4


async def test_an_export_comes_in_by_administrators(host: Host, served: Served, tmp_path: Path):
    source = written(tmp_path / "source", a_story())

    async def bring(*words: str) -> list[str]:
        line = ("import", str(source), "--url", served.url, "--owner", "me", *words)
        said = await asyncio.to_thread(box, *line, BOX_ADMIN_KEY=ADMIN)
        assert said.returncode == 0, said.stderr
        return [line.strip() for line in said.stdout.splitlines()]

    assert "100 messages would come" in await bring()
    came = ["2 files came", "1 assistants came", "2 threads came", "100 messages came", "1 runs came"]
    assert await bring("--yes") == came
    assert "100 messages were here already" in await bring("--yes")
    messages = f"/v1/threads/thread_{TAIL}0/messages?limit=100"
    async with host.http.get(messages, headers={"api-key": KEY}) as answer:
        assert len((await answer.json())["data"]) == 100
    async with host.http.get(f"/v1/files/file-{TAIL}/content", headers={"api-key": KEY}) as answer:
        assert await answer.read() == b"Hello"


async def test_an_owners_key_is_refused(host: Host):
    async with host.http.get("/v1/admin/owners", headers={"api-key": KEY}) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (403, "insufficient_permissions")
