"""`box approvals`, and `box runs show` for the kinds of steps and calls that came after the Assistants API's own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from shared.cli.runs import details
from tests.durability.conftest import model_url  # noqa: F401  a fixture
from tests.host.test_command_line import box
from tests.host.test_program import KEY, Program, program, wait_for


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> dict[str, str]:
    keys = json.dumps({"ann": KEY})
    return {"BOX_HOME": str(tmp_path_factory.mktemp("home")), "BOX_API_KEYS": keys, "SANDBOX": "none"}


@pytest.fixture(scope="module")
def host(settings, model_url) -> Iterator[Program]:  # noqa: F811
    with program("run", **settings, OPENAI_BASE_URL=model_url, OPENAI_API_KEY="none") as host:
        host.greet()
        yield host


@pytest.mark.parametrize(("way", "word"), [("here", "approve"), pytest.param("there", "deny", marks=pytest.mark.long)])
def test_what_waits_is_listed_and_answered(host, settings, way: str, word: str):
    def command(*words: str):
        there = ("--url", f"http://127.0.0.1:{host.port}", "--key", KEY)
        return box(*words, *there) if way == "there" else box(*words, **settings)

    with host.http() as http:
        made = http.post("assistants", json={"model": "m", "metadata": {"server_tools": "get_current_time:ask"}}).json()
        thread = {"messages": [{"role": "user", "content": 'call get_current_time {"timezone": "Asia/Tokyo"}'}]}
        run = http.post("threads/runs", json={"assistant_id": made["id"], "thread": thread}).json()
        path = f"threads/{run['thread_id']}/runs/{run['id']}"
        wait_for(http, path, "requires_action")

        _, shown = command("approvals", "list").stdout.splitlines()
        approval, of, *_ = shown.split()
        assert of == run["id"]
        assert 'function: {"name": "get_current_time", "arguments": ' in shown
        assert "Asia/Tokyo" in shown
        said = command("approvals", "answer", approval, f"--{word}")
        outcome = {"approve": "approved", "deny": "denied"}[word]
        assert (said.stdout, said.stderr) == (f"{approval}  {outcome}\n", "")

        wait_for(http, path, "completed")
        assert f"function, {outcome} by ann: " in command("runs", "show", run["thread_id"], run["id"]).stdout
        assert json.loads(command("approvals", "list", "--json").stdout) == []
        again = command("approvals", "answer", approval, "--approve")
        assert (again.returncode, again.stderr) == (1, f"Nothing waits for the approval '{approval}'.\n")


def test_an_answer_must_be_said():
    said = box("approvals", "answer", "approval_1")
    assert said.returncode == 2
    assert "--approve" in said.stderr


@pytest.mark.parametrize(
    ("step", "lines"),
    [
        (
            {
                "type": "tool_calls",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "mcp",
                        "name": "forecast",
                        "arguments": "{}",
                        "server_label": "weather",
                        "output": "\x1b[2Jrain\u202e",
                        "approval": {"approve": True, "by": "ann", "at": 1},
                    },
                    {"id": "call_2", "type": "openapi", "openapi": {"name": "get_tides"}},
                    {"id": "call_3", "type": "crystal_ball"},
                ],
            },
            [
                'mcp, approved by ann: {"name": "forecast", "arguments": "{}", "server_label": "weather", '
                '"output": "\\u001b[2Jrain\\u202e"}',
                'openapi: {"name": "get_tides"}',
                "crystal_ball: {}",
            ],
        ),
        (
            {
                "type": "activities",
                "activities": [{"id": "a", "type": "mcp_list_tools", "server_label": "w", "tools": {}}],
            },
            ['mcp_list_tools: {"server_label": "w", "tools": {}}'],
        ),
        ({"type": "dreams"}, []),
    ],
)
def test_every_kind_of_step_is_shown_in_lines(step, lines):
    assert details(step) == lines
