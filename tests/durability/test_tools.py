"""Tools that work elsewhere, while hosts die around them: Azure functions behind queues, and MCP servers on Azurite."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import Counter

import pytest
from azure.storage.queue import QueueServiceClient

from tests import azurite as emulator
from tests.contract.conftest import azurite_installed  # noqa: F401  a fixture
from tests.durability.hosts import die_at_every_commit
from tests.durability.stories import assistant, check, tell
from tests.durability.test_mcp import order_and_check, server  # noqa: F401  a fixture

pytestmark = pytest.mark.long

#: Seconds that a run has: a function that was never asked is waited for until these are almost over.
LIFETIME = 15
STORY = 'call weather {"city": "Oslo"}\nthen\nsay Hello.'


class Function:
    """A function app: takes each request out of its queue, works for a moment, and answers, sometimes twice."""

    def __init__(self, account: str) -> None:
        self.service = QueueServiceClient.from_connection_string(account)
        self.url = self.service.url.rstrip("/")
        self.requests, self.answers = (self.service.get_queue_client(f"weather-{each}") for each in ("in", "out"))
        for queue in (self.requests, self.answers):
            queue.create_queue()
        #: How often each request came, by its correlation id.
        self.asked = Counter[str]()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Function:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join(10)
        self.service.close()

    def _work(self) -> None:
        while not self._over.wait(0.05):
            message = self.requests.receive_message(visibility_timeout=60)
            if message is not None:
                self.requests.delete_message(message)
                self._answer(json.loads(base64.b64decode(message.content)))

    def _answer(self, asked: dict[str, str]) -> None:
        self.asked[asked["CorrelationId"]] += 1
        time.sleep(0.1)
        body = json.dumps({"Value": f"rain in {asked['city']}", "CorrelationId": asked["CorrelationId"]})
        for _ in range(1 + self.asked.total() % 2):
            self.answers.send_message(base64.b64encode(body.encode()).decode())

    @property
    def tool(self) -> dict[str, object]:
        bindings = {
            f"{direction}_binding": {
                "type": "storage_queue",
                "storage_queue": {"queue_service_endpoint": self.url, "queue_name": queue.queue_name},
            }
            for direction, queue in (("input", self.requests), ("output", self.answers))
        }
        parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
        return {
            "type": "azure_function",
            "azure_function": {"function": {"name": "weather", "parameters": parameters}, **bindings},
        }


@pytest.fixture
def account(azurite_installed, tmp_path):  # noqa: F811
    """A storage account of the test's own."""
    with emulator.running(tmp_path) as connection_string:
        yield connection_string


@pytest.fixture
def function(account):
    with Function(account) as function:
        yield function


@pytest.fixture
def records():
    """Where the box's own records are: on the account, or `embedded`; override by parametrisation."""
    return "azure"


@pytest.fixture
def environment(account, records):
    host = next(each for each in account.split(";") if each.startswith("QueueEndpoint=")).split("/")[2]
    return {
        "AzureWebJobsStorage": account,
        "AZURE_FUNCTION_QUEUE_HOSTS": host,
        "RECORDS": records,
        "RUN_LIFETIME_SECONDS": str(LIFETIME),
    }


@pytest.mark.parametrize("records", ["embedded", "azure"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_death_at_every_commit_asks_an_azure_function_at_most_once(hosts, client, function, when, records):
    heard = Counter[str]()

    async def tell() -> None:
        before = function.asked.total()
        made = await client.ask("POST", "assistants", {"model": "gpt-fake", "tools": [function.tool]})
        thread = await client.thread(STORY)
        run = await client.finish(thread, await client.begin(thread, made.json()["id"]))
        assert run["status"] == "completed", run
        called, said = (await client.get(f"threads/{thread}/runs/{run['id']}/steps?order=asc"))["data"]
        assert (called["type"], said["type"]) == ("tool_calls", "message_creation")
        output = called["step_details"]["tool_calls"][0]["azure_function"]["output"]
        asked = function.asked.total() - before
        assert (output == "rain in Oslo" and asked == 1) or ("It is unknown whether it did its work" in output)
        assert asked <= 1
        heard[output] += 1

    await die_at_every_commit(hosts, when, tell)

    assert {*function.asked.values()} == {1}, "no request is sent twice"
    assert heard["rain in Oslo"] >= 3, "whoever takes over hears what the dead one asked for"


@pytest.fixture
def mcp_environment(environment, server):  # noqa: F811
    environment["MCP_ALLOWED_HOSTS"] = server.host
    del environment["RUN_LIFETIME_SECONDS"]


@pytest.mark.usefixtures("mcp_environment")
@pytest.mark.parametrize(("when", "asks"), [("before", "always"), ("after", "never")])
async def test_death_at_every_commit_on_a_storage_account_orders_at_most_once(hosts, client, server, when, asks):  # noqa: F811
    await die_at_every_commit(hosts, when, lambda: order_and_check(client, server, asks))


@pytest.mark.parametrize("when", ["before", "after"])
async def test_death_at_every_commit_on_a_storage_account_loses_no_approval(hosts, client, when):
    async def approved() -> None:
        thread, run = await tell(client, await assistant(client), "approved")
        await check(client, hosts, "approved", thread, run)

    await die_at_every_commit(hosts, when, approved)
