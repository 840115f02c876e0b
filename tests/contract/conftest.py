"""The homes that every port's suite runs against. A home opens as many adapters on the same data as a test asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract.homes import EmbeddedHome, Home


@pytest.fixture(params=["embedded"])
async def home(request: pytest.FixtureRequest, tmp_path) -> AsyncIterator[Home]:
    home = EmbeddedHome(tmp_path)
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
