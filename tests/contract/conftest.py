"""The homes that every port's suite runs against. A home opens as many adapters on the same data as a test asks for."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from tests import azurite as emulator
from tests.contract.homes import AzureHome, EmbeddedHome, Home


def pytest_configure(config: pytest.Config) -> None:
    # A megabyte at once to the storage account is meant.
    config.addinivalue_line("filterwarnings", "ignore:Sending a large body:ResourceWarning")


@pytest.fixture(scope="session")
def azurite_installed() -> None:
    if not emulator.is_installed():
        reason = "Azurite is not installed; tests/install-node-packages.sh does it"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture(scope="session")
def azurite(azurite_installed: None, tmp_path_factory) -> Iterator[str]:
    """A connection string."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with emulator.running(folder) as connection_string:
        yield connection_string


@pytest.fixture(params=["embedded", "azure"])
async def home(request: pytest.FixtureRequest, tmp_path) -> AsyncIterator[Home]:
    if request.param == "embedded":
        home: Home = EmbeddedHome(tmp_path)
    else:
        home = AzureHome(request.getfixturevalue("azurite"))
    yield home
    await home.close()


@pytest.fixture
def store(home: Home):
    return home.store()


@pytest.fixture
def blobs(home: Home):
    return home.blobs()


@pytest.fixture
def queue(home: Home):
    return home.queue()
