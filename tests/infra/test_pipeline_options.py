"""Which of a repository's variables reach azd in a pipeline, and in which form."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.infra.infra_tree import PROJECT


def taken_over(variables: dict[str, str]) -> dict[str, str]:
    """What GitHub would make of the lines: it reads up to each mark."""
    done = subprocess.run(
        [sys.executable, "-I", PROJECT / ".github/options.py"],
        env={"OPTIONS": json.dumps(variables)},
        text=True,
        capture_output=True,
        check=True,
    )
    found, lines = {}, iter(done.stdout.splitlines())
    for line in lines:
        name, mark = line.split("<<")
        value = []
        while (line := next(lines)) != mark:
            value.append(line)
        found[name] = "\n".join(value)
    return found


def test_options_are_taken_over_as_they_are():
    models = '[\n  {"name": "m", "aliases": ["gpt-4*"]}\n]'
    given = {"AZURE_ENV_NAME": "prod", "AZURE_OPENAI_CHAT_MODELS": models}
    assert taken_over(given) == given


def test_what_is_empty_or_no_option_is_left_out():
    assert taken_over({"AZURE_OPENAI_CHAT_MODEL": "", "PATH": "/tmp", "SOMETHING": "else"}) == {}


def test_a_value_sets_nothing_but_its_own_option():
    sly = "x\nEOF\nPATH=/tmp"
    assert taken_over({"CORS_ORIGINS": sly}) == {"CORS_ORIGINS": sly}
