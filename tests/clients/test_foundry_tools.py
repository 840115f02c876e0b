"""Tools of each class at run time, told by Foundry's SDKs: servers, APIs, queues and indexes are real or faithful."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest
from azure.storage.queue import QueueServiceClient

from tests.api.conftest import Box
from tests.clients.model import story_model
from tests.clients.sdks import HERE, NODE_PACKAGES, missing, tell
from tests.clients.test_foundry_clients import ANN, tenant, told  # noqa: F401  fixtures
from tests.contract.conftest import azurite, azurite_installed  # noqa: F401  fixtures
from tests.fakes import entra
from tests.fakes.certificate import certificate
from tests.fakes.everything import PATHS, everything, is_installed
from tests.fakes.mcp_server import mcp_server
from tests.fakes.search_service import KEY, search_service
from tests.fakes.umbrella_shop import umbrella_shop
from tests.fakes.workflow import workflow
from tests.functions.conftest import ROOT, serving

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def function_app(azurite):  # noqa: F811
    """The sample app of an Azure function, under the Functions runtime; the endpoint of its queues."""
    with QueueServiceClient.from_connection_string(azurite) as queues:
        for name in ("weather-input", "weather-output"):
            queues.create_queue(name)
        with serving(app=ROOT / "examples" / "azure_function", AzureWebJobsStorage=azurite):
            yield queues.url.rstrip("/")


@pytest.fixture
def places(function_app):
    """Where the tools are."""
    if not is_installed():
        missing("server-everything is not installed; tests/install-node-packages.sh does it")
    with ExitStack() as stack:
        logic_app = stack.enter_context(workflow())
        yield {
            "workflow": logic_app.document,
            "trigger": logic_app.address,
            "mcp": stack.enter_context(mcp_server()).url(),
            "everything": {name.lower(): stack.enter_context(everything(name)) for name in PATHS},
            "api": stack.enter_context(umbrella_shop()).document,
            "search": stack.enter_context(search_service()).url,
            "index": "/subscriptions/s/resourceGroups/g/providers/p/accounts/a/projects/p/connections/handbook",
            "queues": function_app,
        }


@pytest.fixture
def box(tmp_path, tenant, places, azurite):  # noqa: F811
    servers = [places["mcp"], *places["everything"].values()]
    settings = {
        "AzureWebJobsStorage": azurite,
        "azure_function_queue_hosts": host(places["queues"]),
        "connections": {
            "handbook": {"url": places["search"], "headers": {"api-key": KEY}},
            "workflow": {"url": places["trigger"]},
        },
        "embedding_model": "",
        "entra_authority": tenant.url,
        "entra_owners": f"me={ANN}",
        "entra_tenant_id": entra.TENANT,
        "mcp_allowed_hosts": ",".join(map(host, servers)),
        "openapi_allowed_hosts": ",".join(host(places[each]["servers"][0]["url"]) for each in ("api", "workflow")),
    }
    box = Box(tmp_path / "box", settings, certificate(tmp_path, "localhost"))
    box.llm = story_model()
    box.start()
    yield box
    box.stop()


def host(url: str) -> str:
    return url.partition("//")[2].partition("/")[0]


def test_the_python_sdk_uses_tools_of_each_class(box, tenant, shared_folder, places):  # noqa: F811
    token = tenant.token(oid=ANN, aud="https://ai.azure.com")
    steps = told(box, shared_folder, "foundry_tools.py", "1.2.0b6", token, json.dumps(places))
    assert steps[-1] == "the end"


def test_the_node_sdk_uses_the_tools_that_it_has(box, tenant, places):  # noqa: F811
    if not (NODE_PACKAGES / "@azure/ai-agents").exists():
        missing("The Node package @azure/ai-agents is not installed; tests/install-node-packages.sh does it")
    token, endpoint = tenant.token(oid=ANN, aud="https://ai.azure.com"), f"{box.url}/api/projects/any-name"
    trusted = {"NODE_EXTRA_CA_CERTS": str(box.certificate)}

    steps = tell("node", str(HERE / "foundry_tools.mjs"), endpoint, token, json.dumps(places), **trusted)

    assert steps[-1] == "the end"
