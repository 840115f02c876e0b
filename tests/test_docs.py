"""The README knows every setting, every route, every command of the Makefile and every sample."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.api.app import create_app
from shared.app import build
from shared.config import Settings
from shared.demo.samples.install import names

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_is_in_the_table(name: str) -> None:
    variable = Settings.model_fields[name].validation_alias or name.upper()
    assert f"| `{variable}` |" in README


async def test_each_route_is_in_the_table(tmp_path: Path) -> None:
    box = build(Settings(_env_file=None, box_home=tmp_path, sandbox="none"))
    paths = {route.path for route in create_app(box.deps, box.drives).routes if hasattr(route, "path")}
    described = set(re.findall(r"`(/[^`]*)`", README))
    plain = {re.sub(r"\{.*?\}", "{}", path) for path in described}
    missing = [path for path in paths if re.sub(r"\{.*?\}", "{}", path) not in plain]
    await box.close()
    assert [path for path in missing if not path.startswith("/playground")] == []


@pytest.mark.parametrize("command", ["run", "demo", "test", "check", "samples", "bench", "durability", "infra-check"])
def test_each_command_is_explained(command: str) -> None:
    assert f"make {command}" in README
    assert re.search(rf"^{command}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", names())
def test_each_sample_is_listed(name: str) -> None:
    assert name.replace("_", " ").title() in README


def test_the_tree_in_the_readme_is_the_tree() -> None:
    for folder in (path.parent.name for path in (ROOT / "shared").glob("*/__init__.py")):
        assert f"{folder}/" in README, folder
