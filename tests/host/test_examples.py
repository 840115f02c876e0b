"""The examples run as their page says: with two variables, against a box that is started by its command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.fakes.sandboxes import home_for_anybody
from tests.host.test_program import KEY, program

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
#: What the demo model's answer must hold.
SAYS = {
    "math_tutor": "x = 1",
    "failed_banks": "chart.png",
    "wind_farm": "T07 · voltage_kv outside 33-35 kV",
    "personal_finance": "MSFT",
    "company_handbook": "= handbook.md",
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with (
        home_for_anybody() as home,
        program("run", SANDBOX="auto", BOX_HOME=str(home), BOX_API_KEYS=json.dumps({"me": KEY})) as box,
    ):
        if "not run:" in (greeting := box.greet()):
            pytest.fail(greeting) if os.environ.get("CI") else pytest.skip("no sandbox here")
        yield f"http://127.0.0.1:{box.port}/v1"


def test_each_example_is_tried() -> None:
    # `move_to_conversations` is tried in tests/api/test_moving_on.py: it wants another service.
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*SAYS, "move_to_conversations"}


@pytest.mark.parametrize("name", SAYS)
def test_an_example_says_what_it_found(name: str, url: str, tmp_path: Path) -> None:
    environment = {**os.environ, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert SAYS[name] in done.stdout
    if name == "failed_banks":
        assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_the_examples_leave_nothing_behind(url: str) -> None:
    with OpenAI(base_url=url, api_key=KEY) as client:
        assert client.beta.assistants.list().data == []
        assert [file.filename for file in client.files.list(purpose="assistants").data] == []
