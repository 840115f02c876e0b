"""The smoke test against the whole box under the real runtime, with a storage account and a model behind HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from shared.smoke.story import ANSWERS, CLEANED, STEPS
from tests.fakes.demo_responses import DemoResponses
from tests.fakes.responses_server import serving_in_thread
from tests.functions.conftest import Served, serving

KEY = "sk-test-0123456789"


@pytest.fixture(scope="module")
def served(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving_in_thread(DemoResponses(keep_bodies=False)) as base_url:
        environment = {
            "AzureWebJobsStorage": azurite,
            "BOX_API_KEYS": json.dumps({"me": KEY}),
            "BOX_HOME": str(tmp_path_factory.mktemp("home")),
            "OPENAI_BASE_URL": base_url,
            "OPENAI_API_KEY": "fake",
        }
        with serving(**environment) as started:
            yield started


def smoke(served: Served, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "shared.smoke", "--url", served.url, *arguments]
    environment = os.environ | {"BOX_KEY": KEY}
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=280)


@pytest.mark.long
def test_the_whole_story_is_told_through_the_functions_host(served: Served):
    done = smoke(served, "--hold", "20")

    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line[2:36].strip() for line in lines] == [ANSWERS, *STEPS, CLEANED]
    assert {line[0] for line in lines} == {"✓"}


@pytest.mark.long
def test_a_stream_is_held_for_two_minutes(served: Served):
    done = smoke(served, "--json", "--only", "a long stream")

    [_, held, _] = json.loads(done.stdout)["steps"]
    assert done.returncode == 0, done.stdout
    assert held["figures"]["held_seconds"] > 115
    assert held["figures"]["longest_silence_seconds"] < 20
