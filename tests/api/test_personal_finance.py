"""The Personal Finance sample goes from prompt to answer with the demo model and recorded prices."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import httpx2
import pytest
from aiohttp import web
from openai import AsyncOpenAI
from pydantic import SecretStr

from shared.app import build
from shared.config import Settings
from shared.demo import samples
from shared.demo.offline import OfflineLlm
from shared.tools.catalog import catalog
from shared.tools.fetcher import Fetcher
from tests.fakes.countries import KEY, FakeCountries
from tests.fakes.internet import PUBLIC, Internet
from tests.fakes.plain_sandbox import PlainSandbox
from tests.fakes.prices import RecordedPrices

SAMPLE = Path(samples.__file__).parent / "personal_finance"
ASSISTANT = json.loads((SAMPLE / "assistant.json").read_text())
OWN, VALUE, EXTREMES, CHART, REPORT, SUMMARY, COUNTRIES = json.loads((SAMPLE / "prompts.json").read_text())

ARTICLE = """<title>Benelux</title><article><p>The Benelux Union is a union of three neighbouring states in Europe.</p>
<p>Its members are Belgium, the Netherlands and Luxembourg, and its treaty was signed in nineteen forty-four.</p>
<p>Norway is not a member of the union, although trade between Norway and the union has grown every year.</p>
</article>"""


@pytest.fixture
async def world():
    """An internet with two articles, and a country service."""
    net, atlas = Internet(), FakeCountries()
    await net.start()
    await atlas.start()
    net.names["en.wikipedia.org"] = [[PUBLIC]]
    for prompt in (SUMMARY, COUNTRIES):
        path = prompt.partition("https://")[2].split()[0]
        net.pages[path] = lambda request: web.Response(text=ARTICLE, content_type="text/html")
    yield net, atlas
    await net.stop()
    await atlas.stop()


@pytest.fixture
async def client(tmp_path, world):
    net, atlas = world
    settings = Settings(
        _env_file=None,
        box_home=tmp_path / "box",
        box_api_keys={"me": SecretStr("sk-test-0123456789")},
        email_allowed_domains="example.com",
        rest_countries_url=atlas.url,
        rest_countries_key=SecretStr(KEY),
    )
    fetcher = Fetcher(resolve=net.resolve, transport=net)
    tools = catalog(settings, embedded=True, prices=RecordedPrices(), fetcher=fetcher)
    sandbox = PlainSandbox(tmp_path / "sandbox")
    box = build(settings, llm=OfflineLlm(seconds_per_word=0), tools=tools, sandbox=sandbox)
    async with (
        box.at_work(),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=box.asgi)) as http,
        AsyncOpenAI(base_url="http://box/v1", api_key="sk-test-0123456789", http_client=http, max_retries=0) as client,
    ):
        yield client


class Asked:
    """What came of a prompt."""

    def __init__(self, run, steps, message):
        self.run = run
        calls = [call for step in steps if step.type == "tool_calls" for call in step.step_details.tool_calls]
        self.calls = [call.function.name if call.type == "function" else call.type for call in calls]
        self.images = [part for part in message.content if part.type == "image_file"]
        self.text = "\n".join(part.text.value for part in message.content if part.type == "text")


async def ask(client, prompt) -> Asked:
    uploaded = [
        await client.files.create(file=(name, (SAMPLE / name).read_bytes()), purpose="assistants")
        for name in ASSISTANT["files"]
    ]
    body = {key: value for key, value in ASSISTANT.items() if key != "files"}
    resources = {"code_interpreter": {"file_ids": [file.id for file in uploaded]}}
    assistant = await client.beta.assistants.create(model="demo", tool_resources=resources, **body)
    thread = await client.beta.threads.create(messages=[{"role": "user", "content": prompt}])
    run = await client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=50
    )
    steps = await client.beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc")
    messages = await client.beta.threads.messages.list(thread.id)
    assert run.status == "completed", run.last_error
    return Asked(run, steps.data, messages.data[0])


async def test_what_the_user_owns(client):
    asked = await ask(client, OWN)
    assert asked.calls == ["code_interpreter"]
    assert "| NVDA | 120 | 61.25 | 7,350.00 |" in asked.text


async def test_what_it_is_worth(client):
    asked = await ask(client, VALUE)
    assert asked.calls == ["code_interpreter", "get_stock_price"]
    assert "Total value: 79,658.51 USD (gain +24,955.86 USD)." in asked.text


async def test_best_and_worst(client):
    asked = await ask(client, EXTREMES)
    assert "Best: NVDA (+192.0 %). Worst: PFE (-43.5 %)." in asked.text


async def test_a_chart_of_gains(client):
    asked = await ask(client, CHART)
    assert asked.calls == ["code_interpreter", "get_stock_price", "code_interpreter"]
    (image,) = asked.images
    assert (await client.files.content(image.image_file.file_id)).content.startswith(b"\x89PNG")


async def test_a_report_by_mail(client, tmp_path):
    asked = await ask(client, REPORT)
    assert asked.calls[-1] == "send_email"
    (file,) = (tmp_path / "box" / "outbox").iterdir()
    mail = json.loads(file.read_text())
    assert mail["to"] == "me@example.com"
    assert "Total value: 79,658.51 USD" in mail["body"]
    assert "was not sent but written to" in asked.text


async def test_the_summary_of_an_article(client):
    asked = await ask(client, SUMMARY)
    assert asked.calls == ["fetch_article"]
    assert "The Benelux Union is a union of three neighbouring states in Europe." in asked.text


async def test_the_countries_of_an_article(client):
    asked = await ask(client, COUNTRIES)
    assert asked.calls == ["fetch_article", *["get_country_info"] * 4]
    assert "Norway: capital Oslo" in asked.text
    assert "population 5,606,944" in asked.text


def test_the_portfolio_is_complete():
    rows = list(csv.DictReader((SAMPLE / "portfolio.csv").read_text().splitlines()))
    assert {tuple(row) for row in rows} == {("symbol", "average_cost", "quantity")}
    assert all(float(row["average_cost"]) > 0 and int(row["quantity"]) > 0 for row in rows)


def test_every_tool_of_the_sample_exists(tmp_path):
    offered = {tool.name for tool in catalog(Settings(_env_file=None, box_home=tmp_path), embedded=True)}
    assert set(ASSISTANT["metadata"]["server_tools"].split()) <= offered
