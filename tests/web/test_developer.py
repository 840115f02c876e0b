"""The page leads to code: ids to copy, programs that ask the same of this box, and the requests the page made."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared.llm.scripted import call, text
from tests.api.conftest import KEY
from tests.web.letters import letters, settings, tools  # noqa: F401  fixtures

NODE_PACKAGES = Path(__file__).parents[1] / "node_modules"
FUNCTION = json.dumps([{"name": "look_up", "parameters": {"type": "object", "properties": {}}}])
#: Everything that has to be escaped somewhere.
QUESTION = "Say \"it's\" \\ $HOME `id` {x} 'né' 😀"


@pytest.fixture
def program(page, tmp_path):
    """The code in a language as the page shows it, with the key in its place."""

    def program(language: str, name: str) -> Path:
        page.driver.find_element("xpath", "//button[.='View code']").click()
        page.until(lambda: page["#inspector"].is_displayed())
        page.driver.find_element("xpath", f"//*[@id='inspector']//button[.='{language}']").click()
        shown = page["#inspector pre"].get_property("textContent")
        page.press("ESCAPE")
        assert shown.count("YOUR_API_KEY") == 1
        assert KEY not in shown
        path = tmp_path / name
        path.write_text(shown.replace("YOUR_API_KEY", KEY))
        return path

    return program


def run(*command: str | Path, types: str = "") -> str:
    environment = os.environ | {"PYTHONWARNINGS": "ignore", "PYTHONUTF8": "1"}
    done = subprocess.run(command, env=environment, input=types, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def compose(page, value: str) -> None:
    page.driver.execute_script("document.getElementById('text').value = arguments[0]", value)


@pytest.fixture
def answered(model):
    model.script([text("Here you are.")])


def asked(model) -> str:
    """The last question, as the model got it."""
    return model.requests[-1].input[-1]["content"][0]["text"]


def test_the_python_program_makes_a_conversation(page, model, program, answered):
    page.create_assistant("Writer")
    compose(page, QUESTION)
    assert run(sys.executable, program("Python", "ask.py")) == "completed\nHere you are.\n"
    assert asked(model) == QUESTION


def test_the_programs_go_on_with_the_shown_conversation(page, model, program, answered):
    page.create_assistant("Writer")
    page.say("First.")
    thread_id = page.driver.execute_script("return location.hash.slice(1)")
    path = program("Python", "ask.py")
    assert f'thread_id = "{thread_id}"' in path.read_text()
    model.script([text("Again.")])
    assert run(sys.executable, path) == "completed\nAgain.\n"
    model.script([text("And again.")])
    compose(page, QUESTION)
    events = run("bash", program("curl", "ask.sh"))
    assert "event: thread.run.completed" in events
    assert asked(model) == QUESTION


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_command_makes_a_conversation(page, model, program, answered):
    page.create_assistant("Writer")
    compose(page, QUESTION)
    events = run("bash", program("curl", "ask.sh"))
    assert "event: thread.run.completed" in events
    assert "Here you are." in events
    assert asked(model) == QUESTION


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_the_node_program_makes_a_conversation(page, model, program, answered, tmp_path):
    page.create_assistant("Writer")
    compose(page, QUESTION)
    (tmp_path / "node_modules").symlink_to(NODE_PACKAGES)
    assert run("node", program("Node.js", "ask.mjs")) == "completed\nHere you are.\n"
    assert asked(model) == QUESTION


def test_the_programs_call_functions(page, model, program, tmp_path):
    page.create_assistant("Clerk", functions=FUNCTION)
    model.script([call("look_up")], [text("Done.")])
    assert run(sys.executable, program("Python", "ask.py")) == "completed\nDone.\n"
    (tmp_path / "node_modules").symlink_to(NODE_PACKAGES)
    if shutil.which("node") is not None:
        model.script([call("look_up")], [text("Done.")])
        assert run("node", program("Node.js", "ask.mjs")) == "completed\nDone.\n"
    csharp = program("C#", "Ask.cs").read_text()
    assert "SubmitToolOutputsToRun" in csharp
    assert csharp.count("{") == csharp.count("}")


@pytest.mark.parametrize(
    ("functions", "types", "sent"),
    [
        (FUNCTION, "y\n", ["ann"]),
        ("", "n\n", []),
        pytest.param("", "y\n", ["ann"], marks=pytest.mark.long),
        pytest.param(FUNCTION, "n\n", [], marks=pytest.mark.long),
    ],
)
def test_the_programs_ask_before_calls_that_must_be_approved(page, model, program, tmp_path, functions, types, sent):
    page.create_assistant("Clerk", tools=("send_letter",), functions=functions)
    (tmp_path / "node_modules").symlink_to(NODE_PACKAGES)
    commands = [(sys.executable, program("Python", "ask.py"))]
    if shutil.which("node") is not None:
        commands.append(("node", program("Node.js", "ask.mjs")))
    for command in commands:
        letters.clear()
        turns = [[call("look_up")]] if functions else []
        model.script([call("send_letter", to="ann")], *turns, [text("Done.")])
        printed = run(*command, types=types)
        assert "Approve " in printed
        assert '"to": "ann"' in printed.replace("\\", "")
        assert printed.endswith("completed\nDone.\n")
        assert letters == sent
    csharp = program("C#", "Ask.cs").read_text()
    assert "submit_tool_approval" in csharp
    assert csharp.count("{") == csharp.count("}")
    assert "tool_approvals" in program("curl", "ask.sh").read_text()


def test_ids_are_copied(page, answered):
    page.create_assistant("Writer")
    page.say("Hello.")
    page.driver.execute_script(
        "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (text) => { window.copied = text; }}})"
    )
    page.driver.find_element("xpath", "//button[.='Ids']").click()
    page.until(lambda: len(page.all("#inspector .id")) == 2)
    for shown in page.all("#inspector .id"):
        shown.find_element("css selector", "button").click()
        page.until(lambda shown=shown: "Copied" in shown.text)
        assert page.driver.execute_script("return window.copied") == shown.find_element("css selector", "code").text


def test_requests_are_listed_with_what_was_sent_and_without_the_key(page, answered):
    page.create_assistant("Writer")
    page.say("Hello.")

    page.driver.find_element("xpath", "//button[.='Requests']").click()
    page.until(lambda: page.all("#inspector .requests li"))

    listed = [each.text.splitlines() for each in page.all("#inspector .requests li")]
    assert any("POST /v1/threads" in line[-2] and "200 · " in line[-1] and line[-1].endswith(" ms") for line in listed)
    made = page.driver.find_element("xpath", "//*[@id='inspector']//summary[contains(., 'POST /v1/assistants')]")
    made.click()
    opened = made.find_element("xpath", "..")
    page.until(lambda: '"name": "Writer"' in opened.text and "Answered" in opened.text)
    assert "req" in opened.text
    assert KEY not in page["html"].get_property("outerHTML")

    page.press("ESCAPE")
    page.driver.set_network_conditions(offline=True, latency=0, throughput=-1)
    try:
        page["#edit-assistant"].click()
        page.until(lambda: "does not answer" in page["#notice"].text)
    finally:
        page.driver.delete_network_conditions()
    page.driver.find_element("xpath", "//button[.='Requests']").click()
    page.until(lambda: "no answer" in page["#inspector"].text)
    page.complaints()
