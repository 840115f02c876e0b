"""A deployed box backs itself up: the timer begins it, the queue goes on with it, `box` brings it home."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob.aio import BlobServiceClient
from openai import AsyncOpenAI

from tests.fakes.demo_responses import DemoResponses
from tests.fakes.responses_server import serving_in_thread
from tests.functions.conftest import Host, Served, serving
from tests.host.test_command_line import box

KEY = "sk-test-0123456789"


@pytest.fixture(scope="module")
def settings(azurite: str) -> dict[str, str]:
    keys = json.dumps({"ann": KEY, "ben": "sk-ben"})
    return {"AzureWebJobsStorage": azurite, "BOX_API_KEYS": keys, "BACKUP_HOURS": "24", "SANDBOX": "none"}


@pytest.fixture(scope="module")
def served(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving_in_thread(DemoResponses(keep_bodies=False)) as base_url:
        model = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "fake", "EMBEDDING_MODEL": ""}
        with serving(**settings, **model, BOX_HOME=str(tmp_path_factory.mktemp("home"))) as started:
            yield started


async def fill(url: str) -> None:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY) as client:
        file = await client.files.create(file=("facts.txt", b"A fact."), purpose="assistants")
        await client.vector_stores.create(name="facts", file_ids=[file.id])
        assistant = await client.beta.assistants.create(model="gpt-4o", name="Helper")
        for number in range(3):
            thread: Any = {"messages": [{"role": "user", "content": f"Question {number}?"}]}
            run = await client.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=thread)
            assert run.status == "completed"


def command(*words: str, **settings: str) -> str:
    said = box(*words, **settings)
    assert said.returncode == 0, said.stderr + said.stdout
    return said.stdout


def content(folder: Path) -> dict[str, Any]:
    """An export's files by name, without the manifest's time and checksums, and without what a store does by itself."""
    found: dict[str, Any] = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    manifest = json.loads(found.pop("manifest.json"))
    [store] = json.loads(found.pop("vector_stores.json"))
    return found | {"counts": manifest["counts"], "threads": manifest["threads"], "store": store["name"]}


@pytest.mark.long
async def test_a_box_backs_itself_up_and_another_takes_it_over(
    host: Host, served: Served, settings: dict[str, str], tmp_path: Path, azurite: str
) -> None:
    await fill(served.url)
    assert "none is there yet" in await asyncio.to_thread(command, "doctor", **settings)
    for _ in range(2):  # the timer may come twice
        async with host.http.post("/admin/functions/housekeeping") as answer:
            assert answer.status < 300
    await host.ended("backup_worker", 1)
    async with asyncio.timeout(60):
        while not (  # noqa: ASYNC110  another process
            listed := json.loads(await asyncio.to_thread(command, "backups", "list", "--json", **settings))
        ):
            await asyncio.sleep(0.5)
    assert all(outcome["ok"] for outcome in await host.outcomes("backup_worker"))
    [told] = listed
    assert told["owners"]["ann"] == {"assistants": 1, "files": 1, "threads": 3, "vector_stores": 1}
    assert told["owners"]["ben"]["threads"] == 0
    assert f"the last one, {told['backup']}, is 0 hours old" in await asyncio.to_thread(command, "doctor", **settings)

    fetched = tmp_path / "fetched"
    said = await asyncio.to_thread(command, "backups", "fetch", told["backup"], str(fetched), **settings)
    assert f"import {fetched / 'ann'} --owner ann --yes" in said
    home = {"BOX_HOME": str(tmp_path / "home"), "BOX_API_KEYS": settings["BOX_API_KEYS"], "SANDBOX": "none"}
    await asyncio.to_thread(command, "import", str(fetched / "ann"), "--owner", "ann", "--yes", **home)
    await asyncio.to_thread(command, "export", str(tmp_path / "again"), "--owner", "ann", **home)
    assert content(tmp_path / "again") == content(fetched / "ann")

    # What was damaged since is named, and not fetched.
    async with BlobServiceClient.from_connection_string(azurite) as service:
        container = service.get_container_client("backups")
        [name] = [each async for each in container.list_blob_names(name_starts_with="bytes/ann/")]
        await container.upload_blob(name, b"other", overwrite=True)
    refused = await asyncio.to_thread(box, "backups", "fetch", told["backup"], str(tmp_path / "f"), **settings)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"{name} is damaged" in refused.stderr
    assert not (tmp_path / "f" / "ann" / "manifest.json").exists()
