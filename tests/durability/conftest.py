"""A model that survives, and hosts that do not."""

from __future__ import annotations

import re
import subprocess
from collections.abc import AsyncIterator, Iterator

import pytest

from tests import azurite as emulator
from tests.contract.conftest import azurite_installed  # noqa: F401  a fixture
from tests.durability.hosts import LAST_BREATH, Client, Hosts, Nursery
from tests.warm import warm


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    process = subprocess.Popen(warm("tests.fakes.responses_server", "--port", "0"), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None, "the model did not start"
            yield found[0]
        finally:
            process.kill()
            process.wait(LAST_BREATH)


@pytest.fixture
def environment() -> dict[str, str]:
    """Settings of the hosts beyond the usual; override by parametrisation."""
    return {}


@pytest.fixture(scope="module")
def account(azurite_installed, tmp_path_factory) -> Iterator[str]:  # noqa: F811
    """A storage account of the module's own: its queues are worked by nobody else."""
    with emulator.running(tmp_path_factory.mktemp("azurite")) as connection_string:
        yield connection_string


@pytest.fixture
def storage(request) -> dict[str, str]:
    """The settings that say where hosts keep what they keep: `embedded`, or `azure`; choose by parametrisation."""
    if getattr(request, "param", "embedded") == "embedded":
        return {}
    return {"AzureWebJobsStorage": request.getfixturevalue("account")}


@pytest.fixture(scope="module")
def nursery(tmp_path_factory) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path_factory.mktemp("nursery") / "hosts.log")
    yield nursery
    nursery.close()


@pytest.fixture
async def hosts(nursery, tmp_path, model_url, environment) -> AsyncIterator[Hosts]:
    hosts = Hosts(nursery, tmp_path, model_url, environment)
    yield hosts
    await hosts.close()


@pytest.fixture
async def client(hosts):
    client = Client(hosts)
    yield client
    await client.close()
