"""Files that repeat what another file says, because a tool wants them so, say the same."""

from __future__ import annotations

import json
import os
import re
import runpy
from pathlib import Path

import pytest

from shared.api.auth import ApiKeys
from shared.config import Settings

ROOT = Path(__file__).parents[2]


def test_requirements_are_those_of_the_project():
    wanted = runpy.run_path(str(ROOT / ".ci/requirements.py"))["requirements"]()
    assert (ROOT / "requirements.txt").read_text() == wanted, "run `make requirements`"


def test_the_example_of_local_settings_has_every_setting():
    missing = {environment_name(field) for field in Settings.model_fields} - set(example())
    assert missing == set(), "add them to local.settings.json.example, as strings"


def test_the_example_of_local_settings_can_be_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper() in {environment_name(field).upper() for field in Settings.model_fields}:
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
    keys = ApiKeys(Settings(_env_file=None).box_api_keys)
    assert keys.owner(used[1].encode()) == "me"


def environment_name(field: str) -> str:
    return str(Settings.model_fields[field].validation_alias or field.upper())


def example() -> dict[str, str]:
    values: dict[str, str] = json.loads((ROOT / "local.settings.json.example").read_text())["Values"]
    return values
