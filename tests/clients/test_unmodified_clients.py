"""Programs written for the hosted API, told by the SDKs of their time to the box: only the endpoint is another.

The current Python SDK is what all of tests/api talks with.
"""

from __future__ import annotations

import sys
from itertools import product
from typing import Any

import pytest

from tests.api.conftest import KEY, Box
from tests.clients.model import story_model
from tests.clients.sdks import HERE, NODE_PACKAGES, install_python_sdk, missing, tell
from tests.fakes.provider import FakeProvider
from tests.fakes.responses_server import serving_in_thread

CLIENTS = ("OpenAI", "AzureOpenAI")
LONG = pytest.mark.long


def half(package: str, story: str, other: str) -> list[Any]:
    """A package, its clients with a story each; `make test-long` has each client tell the other's, too."""
    crossed = [
        pytest.param(package, client, told, marks=LONG) for client, told in zip(CLIENTS, (other, story), strict=True)
    ]
    return [*((package, client, told) for client, told in zip(CLIENTS, (story, other), strict=True)), *crossed]


@pytest.fixture
def provider():
    """Who answers what the box passes on."""
    fake = FakeProvider()
    with serving_in_thread(fake) as fake.url:
        yield fake


@pytest.fixture
def box(tmp_path, provider):
    model = {"box_model_base_url": provider.url, "box_model_api_key": "x", "model_aliases": {"gpt-4o": "gpt-5.6-terra"}}
    box = Box(tmp_path, {"heartbeat_seconds": 0.2, "embedding_model": ""} | model)
    box.llm = story_model()
    box.start()
    yield box
    box.stop()


@pytest.mark.parametrize(
    ("package", "client", "story"),
    [*half("openai", "story.mjs", "other_calls.mjs"), *half("openai-4", "other_calls.mjs", "story.mjs")],
)
def test_the_node_sdk_tells_its_story(box, package, client, story):
    if not (NODE_PACKAGES / package).exists():
        missing(f"The Node package {package} is not installed; tests/install-node-packages.sh does it")

    steps = tell("node", str(HERE / story), package, client, box.url, KEY)

    assert steps[-1] == "the end"


@pytest.mark.parametrize(
    ("version", "client", "story"),
    [
        *half("1.21.0", "story.py", "other_calls.py"),
        *(
            pytest.param(*each, marks=LONG)
            for each in product(("1.61.0", "2.8.0"), CLIENTS, ("story.py", "other_calls.py"))
        ),
    ],
)
def test_old_python_sdks_tell_their_story(box, shared_folder, version, client, story):
    sdk = install_python_sdk(version, shared_folder)

    steps = tell(sys.executable, str(HERE / story), version, client, box.url, KEY, PYTHONPATH=str(sdk))

    assert steps[-1] == "the end"
