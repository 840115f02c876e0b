"""What azd uploads: the app and nothing that would be a leak or ballast (`.funcignore`)."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.infra.infra_tree import PROJECT
from tests.infra.package import is_left_out, uploaded


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
        "htmlcov/index.html",
        "chart.png",
        "dist/api_in_a_box-0.1.0-py3-none-any.whl",
        "build/lib/shared/app.py",
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


def test_of_the_repository_the_app_alone_is_uploaded():
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no repository of git")
    names = {path.partition("/")[0] for path in listed.stdout.splitlines() if not is_left_out(path)}
    assert names == {"function_app.py", "host.json", "requirements.txt", "shared"}


def test_the_package_is_small():
    app = [path for path in uploaded() if path.is_relative_to(PROJECT / "shared")]
    assert 1_000_000 < sum(path.stat().st_size for path in app) < 8_000_000


def test_the_build_without_azure_takes_wheels_under_both_names():
    """Pip takes `manylinux_2_28` for that tag alone: half of the wheels still carry the older `manylinux2014`."""
    page = (PROJECT / "docs/troubleshooting.md").read_text()
    command = re.search(r"`(pip install --target .python_packages[^`]*)`", page)
    assert command is not None
    assert re.findall(r"--platform (\S+)", command[1]) == ["manylinux_2_28_x86_64", "manylinux2014_x86_64"]
    python = (PROJECT / ".python-version").read_text().strip()
    assert f"--python-version {python}" in command[1]


#: A command of the documentation that writes or reads somebody's objects, and where they are: below the working folder.
MOVES_OBJECTS = re.compile(
    r"(?:box|python -m shared) (?:export|backup|restore|import|backups fetch \S+) ([a-z][\w.-]*)"
)


def places_of_the_docs() -> list[str]:
    """What the documentation's commands put or expect into the folder where one is, that holds somebody's objects."""
    texts = [page.read_text() for page in (PROJECT / "docs").rglob("*.md")]
    blocks = (block for text in texts for block in re.findall(r"(?ms)^```(?:bash|sh)\n(.*?)^```", text))
    names = {name for block in blocks for name in MOVES_OBJECTS.findall(block)}
    return sorted(name if "." in name else f"{name}/export.json" for name in names)


def test_what_the_docs_let_one_export_is_not_uploaded():
    places = places_of_the_docs()
    assert places == ["backups/export.json", "exports/export.json"]
    assert [each for each in places if not is_left_out(each)] == []


def test_what_the_docs_let_one_export_is_not_committed():
    ignored = subprocess.run(
        ["git", "check-ignore", *places_of_the_docs()], cwd=PROJECT, capture_output=True, text=True
    )
    if ignored.returncode > 1:
        pytest.skip("this is no repository of git")
    assert ignored.stdout.splitlines() == places_of_the_docs()
