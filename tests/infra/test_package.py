"""What azd uploads: the app and nothing that would be a leak or ballast (`.funcignore`)."""

from __future__ import annotations

import re
from fnmatch import fnmatch

import pytest

from tests.infra.infra_tree import PROJECT

PATTERNS = [line for line in (PROJECT / ".funcignore").read_text().splitlines() if line and not line.startswith("#")]


def is_left_out(path: str) -> bool:
    """By the rules of .gitignore, as far as the file uses them: the last pattern that matches decides."""
    parents = ["/".join(path.split("/")[: end + 1]) for end in range(path.count("/") + 1)]
    return any(_verdict(parent, parent != path) for parent in parents)


def _verdict(path: str, is_folder: bool) -> bool:
    left_out = False
    for pattern in PATTERNS:
        if _matches(pattern.removeprefix("!"), path, is_folder):
            left_out = not pattern.startswith("!")
    return left_out


def _matches(pattern: str, path: str, is_folder: bool) -> bool:
    if pattern.endswith("/") and not is_folder:
        return False
    pattern = pattern.rstrip("/")
    return fnmatch(path, pattern[1:]) if pattern.startswith("/") else fnmatch(path.rsplit("/", 1)[-1], pattern)


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".azure/prod/.env",
        ".box/box.db",
        ".git/config",
        ".venv/lib/python3.13/site-packages/pandas/__init__.py",
        "api-in-a-box_env/bin/python",
        "local.settings.json",
        "local.settings.json.example",
        "shared/__pycache__/app.cpython-313.pyc",
        "infra/hooks/preprovision.py",
        ".github/options.py",
        "AGENTS.md",
        "tests/infra/test_package.py",
        "pyproject.toml",
        "requirements-dev.txt",
    ],
)
def test_is_left_out(path: str):
    assert is_left_out(path)


@pytest.mark.parametrize(
    "path",
    [
        "function_app.py",
        "host.json",
        "requirements.txt",
        "shared/app.py",
        ".python_packages/lib/site-packages/openai/__init__.py",
        "shared/web/index.html",
        "shared/demo/samples/finance/portfolio.csv",
        "shared/demo/samples/docs/notes.md",
    ],
)
def test_is_uploaded(path: str):
    assert not is_left_out(path)


def test_the_build_without_azure_takes_wheels_under_both_names():
    """Pip takes `manylinux_2_28` for that tag alone: half of the wheels still carry the older `manylinux2014`."""
    page = (PROJECT / "docs/troubleshooting.md").read_text()
    command = re.search(r"`(pip install --target .python_packages[^`]*)`", page)
    assert command is not None
    assert re.findall(r"--platform (\S+)", command[1]) == ["manylinux_2_28_x86_64", "manylinux2014_x86_64"]
    python = (PROJECT / ".python-version").read_text().strip()
    assert f"--python-version {python}" in command[1]
