"""The samples that live on the code interpreter go from prompt to answer: demo model, real sandbox, real charts."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest
from openai import AsyncOpenAI
from pydantic import SecretStr

from shared.app import build
from shared.config import Settings
from shared.demo import samples
from shared.demo.offline import OfflineLlm
from shared.sandbox.base import Limits
from shared.sandbox.local.sandbox import LocalSandbox
from tests.api.conftest import KEY
from tests.fakes.sandboxes import home_for_anybody, isolator

SAMPLES = Path(samples.__file__).parent


@pytest.fixture
async def client(tmp_path):
    settings = Settings(_env_file=None, box_home=tmp_path / "box", box_api_keys={"me": SecretStr(KEY)})
    with home_for_anybody() as home:
        sandbox = LocalSandbox(home / "sandbox", isolator("bwrap"), Limits())
        box = build(settings, llm=OfflineLlm(seconds_per_word=0), sandbox=sandbox)
        async with (
            box.at_work(),
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app=box.asgi)) as http,
            AsyncOpenAI(base_url="http://box/v1", api_key=KEY, http_client=http, max_retries=0) as client,
        ):
            yield client


class Sample:
    """A sample's assistant, and one thread with all its prompts."""

    def __init__(self, client: AsyncOpenAI, name: str):
        self.client, self.folder = client, SAMPLES / name
        self.prompts: list[str] = json.loads((self.folder / "prompts.json").read_text())

    async def install(self) -> Sample:
        body = json.loads((self.folder / "assistant.json").read_text())
        files = [
            await self.client.files.create(file=(name, (self.folder / name).read_bytes()), purpose="assistants")
            for name in body.pop("files", [])
        ]
        resources = {"code_interpreter": {"file_ids": [file.id for file in files]}}
        self.assistant = await self.client.beta.assistants.create(model="demo", tool_resources=resources, **body)
        self.thread = await self.client.beta.threads.create()
        return self

    async def ask(self, number: int) -> tuple[str, list[bytes]]:
        """The answer's text, and its charts."""
        thread = self.thread.id
        await self.client.beta.threads.messages.create(thread, role="user", content=self.prompts[number])
        run = await self.client.beta.threads.runs.create_and_poll(
            thread_id=thread, assistant_id=self.assistant.id, poll_interval_ms=50
        )
        assert run.status == "completed", run.last_error
        messages = await self.client.beta.threads.messages.list(thread, limit=1)
        content = messages.data[0].content
        images = [part.image_file.file_id for part in content if part.type == "image_file"]
        text = "\n".join(part.text.value for part in content if part.type == "text")
        return text, [(await self.client.files.content(each)).content for each in images]


def is_chart(data: bytes) -> bool:
    return data.startswith(b"\x89PNG") and len(data) > 5_000


async def test_failed_banks(client):
    sample = await Sample(client, "failed_banks").install()
    text, [chart] = await sample.ask(0)
    assert "by State" in text
    assert is_chart(chart)
    text, charts = await sample.ask(1)
    assert "Citizens Bank" in text
    assert "Iowa Trust & Savings Bank" in text
    assert charts == []
    text, _ = await sample.ask(2)
    assert "First City Bank of Florida" in text
    assert "Premier Community Bank" not in text
    text, [chart] = await sample.ask(3)
    assert "2023" in text
    assert "2013" not in text
    assert is_chart(chart)


async def test_wind_farm(client):
    sample = await Sample(client, "wind_farm").install()
    text, _ = await sample.ask(0)
    listed = json.loads(text[text.index("[") : text.rindex("]") + 1])
    assert {"T03", "T07", "T12", "T19", "T28", "T33"} <= {turbine["turbine_id"] for turbine in listed}
    [worst] = [turbine for turbine in listed if turbine["turbine_id"] == "T28"]
    assert len(worst["problems"]) == 2
    text, _ = await sample.ask(1)
    assert "T33" in text
    assert "voltage_kv outside" not in text
    _, [chart] = await sample.ask(2)
    assert is_chart(chart)
    text, _ = await sample.ask(3)
    assert "voltage_kv" in text


async def test_math_tutor(client):
    sample = await Sample(client, "math_tutor").install()
    assert "x = 1" in (await sample.ask(0))[0]
    text, _ = await sample.ask(1)
    assert "2" in text
    assert "3" in text
    _, [chart] = await sample.ask(2)
    assert is_chart(chart)
    assert "1020" in (await sample.ask(3))[0]
