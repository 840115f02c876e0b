"""Files that repeat what another file says, because a tool wants them so, say the same."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs.build import OVERRIDES
from shared import deadline
from shared.api.auth import ApiKeys
from shared.box import HOUSEKEEPING_SECONDS
from shared.config import Settings, variable
from shared.queue import consumer

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HOST = json.loads((ROOT / "host.json").read_text())
FILES = {"box": "requirements.txt", "sandbox": "requirements-sandbox.txt", "dev": "requirements-dev.txt"}


class Pin(NamedTuple):
    """One exact version in a compiled file, with the text around it: hashes, and what asks for it."""

    name: str
    version: str
    marker: Marker | None
    text: str


def pins(file: str) -> Iterator[Pin]:
    for text in re.split(r"^(?=[a-z])", (ROOT / file).read_text(), flags=re.MULTILINE)[1:]:
        name, version, marker = re.match(r"([^=]+)==(\S+)(?: ; (.*?))? \\", text).groups()
        yield Pin(canonicalize_name(name.split("[")[0]), version, Marker(marker) if marker else None, text)


def wanted(group: str) -> list[str]:
    """What the project asks for; the box's file has its extras, too, and the sandbox's a file of its own."""
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    extras = chain.from_iterable(each for name, each in project["optional-dependencies"].items() if name != "sandbox")
    listed = [*project["dependencies"], *extras] if group == "box" else groups[group]
    return [line for line in listed if isinstance(line, str)]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("group", ["box", "sandbox", "dev"])
def test_each_requirement_has_one_exact_version_with_hashes(group: str, python: str):
    environment = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux"}
    there = [pin for pin in pins(FILES[group]) if pin.marker is None or pin.marker.evaluate(environment)]
    for line in wanted(group):
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate(environment):
            continue
        found = [pin for pin in there if pin.name == canonicalize_name(requirement.name)]
        assert len(found) == 1, f"{requirement}: run `make requirements`"
        assert requirement.specifier.contains(found[0].version), f"{requirement}: run `make requirements`"
        assert "--hash=sha256:" in found[0].text


def test_the_sandbox_of_who_installs_the_package_has_what_a_checkouts_has():
    assert PROJECT["project"]["optional-dependencies"]["sandbox"] == wanted("sandbox")


@pytest.mark.parametrize("line", [*wanted("box"), *wanted("sandbox")])
def test_what_users_install_by_its_ranges_ends_before_the_next_incompatible_version(line: str):
    """`pip install .` takes the newest of the ranges; versions that are dates promise nothing."""
    requirement = Requirement(line)
    assert requirement.name == "tzdata" or any(each.operator == "<" for each in requirement.specifier)


def test_nothing_is_pinned_that_is_no_longer_required():
    """The compiler notes beside each version what asks for it: this project, or another package."""
    asked = {pin.name for pin in pins("requirements.txt") if "api-in-a-box (pyproject.toml)" in pin.text}
    assert asked == {canonicalize_name(Requirement(line).name) for line in wanted("box")}


def test_the_example_of_local_settings_has_every_setting():
    missing = {variable(field) for field in Settings.model_fields} - set(example()) - OVERRIDES
    assert missing == set(), "add them to local.settings.json.example, as strings"


def test_the_example_of_local_settings_can_be_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper() in {variable(field).upper() for field in Settings.model_fields}:
            monkeypatch.delenv(name)
    defaults = Settings()
    for name, value in example().items():
        monkeypatch.setenv(name, value)
    said = Settings()
    differing = {name for name in Settings.model_fields if getattr(said, name) != getattr(defaults, name)}
    assert differing == {"azure_web_jobs_storage"}, "the example shows defaults"
    assert said.azure_web_jobs_storage.get_secret_value() == "UseDevelopmentStorage=true"


def test_the_guide_gives_the_local_function_app_a_key(monkeypatch: pytest.MonkeyPatch):
    """The example has none, and without one every call is refused."""
    guide = (ROOT / "docs/guides/core-tools.md").read_text()
    line, used = re.search(r"`(.BOX_API_KEYS.*?)`", guide), re.search(r"Authorization: Bearer (.*?)'", guide)
    assert line is not None
    assert used is not None
    monkeypatch.setenv("BOX_API_KEYS", json.loads(f"{{{line[1]}}}")["BOX_API_KEYS"])
    keys = ApiKeys("BOX_API_KEYS", Settings(_env_file=None).box_api_keys)
    assert keys.owner(used[1].encode()) == "me"


def test_the_embedded_host_gives_messages_up_and_back_as_the_functions_host_does():
    queues = HOST["extensions"]["queues"]
    assert queues["maxDequeueCount"] == consumer.MOST_ATTEMPTS
    assert seconds(queues["visibilityTimeout"]) == consumer.RETRY_DELAY


def test_a_run_ends_before_the_functions_host_ends_its_invocation():
    granted = deadline.function_timeout(Settings.model_fields["function_timeout"].default)
    assert granted == seconds(HOST["functionTimeout"])
    assert Settings.model_fields["run_lifetime_seconds"].default < granted - deadline.SPARE


def test_housekeeping_is_due_as_often_as_the_timer_says():
    """Second, minute, hour and so on: zeros, then a star, is once per unit of the star."""
    schedule = re.search(r'timer_trigger\("timer", "([^"]*)"', (ROOT / "function_app.py").read_text())
    assert schedule is not None
    assert schedule[1] == "0 0 * * * *"
    assert seconds("01:00:00") == HOUSEKEEPING_SECONDS


def seconds(span: str) -> int:
    """Of a time span as .NET writes it."""
    hours, minutes, rest = map(int, span.split(":"))
    return (hours * 60 + minutes) * 60 + rest


def example() -> dict[str, str]:
    values: dict[str, str] = json.loads((ROOT / "local.settings.json.example").read_text())["Values"]
    return values
