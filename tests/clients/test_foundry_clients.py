"""Programs of Foundry Agents (classic), told by its SDKs to the box: only endpoint and credential are others."""

from __future__ import annotations

import sys

import pytest

from tests.api.conftest import KEY, Box
from tests.clients.model import story_model
from tests.clients.sdks import HERE, NODE_PACKAGES, installed, missing, tell
from tests.fakes import entra
from tests.fakes.certificate import certificate

VERSIONS = [pytest.param("1.1.0", marks=pytest.mark.long), "1.2.0b6"]
ANN = "aaaaaaaa-0000-0000-0000-00000000000a"


@pytest.fixture(scope="module")
def tenant():
    with entra.serving() as tenant:
        yield tenant


@pytest.fixture
def box(tmp_path, tenant):
    """A box that speaks TLS: the SDKs send no token over anything else."""
    settings = {"entra_tenant_id": entra.TENANT, "entra_owners": f"me={ANN}", "entra_authority": tenant.url}
    box = Box(tmp_path / "box", {"embedding_model": ""} | settings, certificate(tmp_path, "localhost"))
    box.llm = story_model()
    box.start()
    yield box
    box.stop()


def told(box, shared_folder, story, version, credential, *more, package="azure-ai-agents"):
    """The steps of a story by that version of the Python SDK."""
    sdk = installed(shared_folder, f"{package}-{version}", f"{package}=={version}")
    pem = str(box.certificate)
    environment = {"PYTHONPATH": str(sdk), "REQUESTS_CA_BUNDLE": pem, "SSL_CERT_FILE": pem}
    endpoint = f"{box.url}/api/projects/any-name"
    return tell(sys.executable, str(HERE / story), version, endpoint, credential, *more, **environment)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_python_sdk_tells_its_story_with_a_token_of_entra(box, tenant, shared_folder, version):
    token = tenant.token(oid=ANN, aud="https://ai.azure.com")
    assert told(box, shared_folder, "foundry.py", version, token)[-1] == "the end"


def test_a_project_leads_to_its_agents(box, tenant, shared_folder):
    token = tenant.token(oid=ANN, aud="https://ai.azure.com")
    assert told(box, shared_folder, "foundry_project.py", "1.0.0", token, package="azure-ai-projects") == ["the end"]


def test_the_node_sdk_tells_its_story_with_a_token_of_entra(box, tenant):
    if not (NODE_PACKAGES / "@azure/ai-agents").exists():
        missing("The Node package @azure/ai-agents is not installed; tests/install-node-packages.sh does it")
    token = tenant.token(oid=ANN, aud="https://ai.azure.com")
    endpoint = f"{box.url}/api/projects/any-name"

    steps = tell("node", str(HERE / "foundry.mjs"), endpoint, token, NODE_EXTRA_CA_CERTS=str(box.certificate))

    assert steps[-1] == "the end"


@pytest.mark.parametrize(("version", "classes"), [("1.1.0", 8), ("1.2.0b6", 15)])
def test_whatever_the_python_sdk_can_say_of_tools_comes_back(box, shared_folder, version, classes):
    kept = told(box, shared_folder, "foundry_definitions.py", version, KEY)
    assert (len(kept), kept[-1]) == (classes + 1, "the end")
