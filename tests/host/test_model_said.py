"""What the embedded host says of its model when it starts: who answers, by whose setting, and what is wrong."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.durability.hosts import free_port
from tests.host.test_program import KEY, Program, program


def said_after(box: Program, words: str) -> str:
    """What it says after its greeting, up to a line with these words."""
    assert box.process.stdout is not None
    said = ""
    while words not in said:
        line = box.process.stdout.readline()
        assert line, said
        said += line
    return said


def example_of(greeting: str) -> str:
    return re.search(r'"model": "([^"]+)"', greeting)[1]


def test_the_demo_model_is_announced_and_its_example_is_one_it_answers(tmp_path: Path):
    with program("run", BOX_HOME=str(tmp_path)) as box:
        greeting = box.greet()
    assert "model      offline demo" in greeting
    assert example_of(greeting) == "offline-demo"


@pytest.mark.parametrize(
    ("aliases", "example"), [("{}", "gpt-4o"), ('{"*": "big"}', "gpt-4o"), ('{"*": "big", "tutor": "small"}', "tutor")]
)
def test_the_example_asks_for_a_model_that_exists(tmp_path: Path, aliases: str, example: str):
    settings = {"OPENAI_BASE_URL": f"http://127.0.0.1:{free_port()}/v1", "MODEL_ALIASES": aliases}
    with program("run", BOX_HOME=str(tmp_path), **settings) as box:
        assert example_of(box.greet()) == example


def test_a_setting_that_is_none_is_said_at_start(tmp_path: Path):
    with program("run", BOX_HOME=str(tmp_path), BOX_PROT="7072") as box:
        box.greet()
        assert said_after(box, "BOX_PROT").endswith("BOX_PROT is no setting, nothing reads it; is BOX_PORT meant?\n")


def test_a_model_that_cannot_be_reached_is_said_at_start_without_delaying_it(tmp_path: Path):
    address = f"http://127.0.0.1:{free_port()}/v1"
    with program("run", BOX_HOME=str(tmp_path), OPENAI_BASE_URL=address, OPENAI_API_KEY="sk-secret") as box:
        greeting = box.greet()
        assert f"Responses API at {address}\n" in greeting
        assert "(from OPENAI_BASE_URL, OPENAI_API_KEY of your environment)" in greeting
        said = said_after(box, "runs will fail")
        code, last, log = box.stop(signal.SIGINT)
    assert "its server refused the connection" in said
    assert (code, last) == (0, "Stopped.")
    assert "sk-secret" not in greeting + said + log


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
@pytest.mark.parametrize("setting", ["OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT"])
def test_a_box_does_not_take_itself_for_its_model(tmp_path: Path, setting: str, host: str):
    port = free_port()
    address = f"http://{host}:{port}/v1" if setting == "OPENAI_BASE_URL" else f"http://{host}:{port}"
    key = setting.replace("BASE_URL", "API_KEY").replace("ENDPOINT", "API_KEY")
    settings = {setting: address, key: KEY, "BOX_PORT": str(port)}
    with program("run", BOX_HOME=str(tmp_path), **settings) as box:
        greeting = box.greet()
    assert "model      offline demo" in greeting
    assert f"({setting} is this box's own address: it and its key are not used)" in greeting


def test_settings_of_the_box_win_over_those_of_the_shell(tmp_path: Path):
    own = {"BOX_MODEL_BASE_URL": f"http://127.0.0.1:{free_port()}/own", "BOX_MODEL_API_KEY": "sk-own"}
    others = {"OPENAI_BASE_URL": "http://shell.invalid/v1", "OPENAI_API_KEY": "sk-shell"}
    with program("run", BOX_HOME=str(tmp_path), **own, **others) as box:
        greeting = box.greet()
    assert f"model      Responses API at {own['BOX_MODEL_BASE_URL']}\n" in greeting
    assert "of your environment" not in greeting


def test_the_demo_says_who_answers_it(tmp_path: Path):
    with program("run", BOX_HOME=str(tmp_path)) as box:
        box.greet()
        with program("demo", BOX_HOME=str(tmp_path), BOX_PORT=str(box.port)) as demo:
            said, _ = demo.process.communicate(timeout=60)
    assert said.startswith("The offline demo answers: a handful of rules, not a language model.\n")
    assert "make link" in said
    assert "keeps the box running" not in said, "it does"


def test_the_demo_is_a_conversation_and_says_what_to_try_next(tmp_path: Path):
    with program("demo", BOX_HOME=str(tmp_path), SANDBOX="auto") as demo:
        said, log = demo.process.communicate(timeout=120)
        assert (demo.process.returncode, log) == (0, "")
    first, second, after = re.split(r"^You: |^What to try next:", said, flags=re.MULTILINE)[1:]
    assert first.startswith("I need to solve the equation `3x + 11 = 14`. Can you help me?\n")
    assert "  runs Python:\n    from sympy import" in first
    assert "Math Tutor: " in first
    assert "x = 1" in first
    assert "  calls get_current_time(" in second
    assert f":{demo.port}/playground" in after
    assert "make samples" in after
    assert not re.search(r"step_|msg_|asst_|tool_calls", said), "a conversation, not rows of a database"


def test_a_demo_that_asks_your_own_model_says_so(tmp_path: Path):
    mine = {"OPENAI_BASE_URL": f"http://127.0.0.1:{free_port()}/v1", "OPENAI_API_KEY": "sk-secret"}
    with program("demo", BOX_HOME=str(tmp_path), **mine) as demo:
        assert demo.process.stdout is not None
        line = demo.process.stdout.readline()
    assert line == "Answers come from a model of yours, from OPENAI_BASE_URL, OPENAI_API_KEY of your environment.\n"
