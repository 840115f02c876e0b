"""`pip install .`: the package is whole, its page and its samples too, and starts from any folder."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.host.test_program import program

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the project was installed into, without the packages it needs: those of the suite serve."""
    if importlib.util.find_spec("hatchling") is None:
        reason = "hatchling is missing: make .venv/.installed-dev"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site-packages")
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "shared", source / "shared")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", target, source], check=True)
    return target


def test_every_file_of_the_package_is_installed(installed: Path) -> None:
    def files(folder: Path) -> set[Path]:
        return {path.relative_to(folder) for path in (folder / "shared").rglob("*") if path.is_file()}

    def is_source(path: Path) -> bool:
        return "__pycache__" not in path.parts

    assert set(filter(is_source, files(installed))) == set(filter(is_source, files(ROOT)))
    assert [path.name for path in installed.iterdir() if path.is_dir()].count("tests") == 0


def test_it_starts_from_any_folder(installed: Path, tmp_path: Path) -> None:
    with program("run", fresh=True, folder=tmp_path, PYTHONPATH=str(installed), BOX_HOME=str(tmp_path / "box")) as box:
        box.greet()
        with httpx.Client(base_url=f"http://127.0.0.1:{box.port}") as browser:
            assert "app.js" in browser.get("/playground", follow_redirects=True).text
        assert box.stop(signal.SIGINT) == (0, "Stopped.", "")


def test_libraries_that_the_code_interpreter_lacks_are_named_with_the_way_to_them(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['sympy'] = None  # as if it were not there\n")
    settings = {"PYTHONPATH": f"{tmp_path}:{installed}", "BOX_HOME": str(tmp_path / "box")}
    with program("run", fresh=True, folder=tmp_path, SANDBOX="unsafe-subprocess", **settings) as box:
        assert "Without sympy: `pip install '.[sandbox]'` in a checkout." in box.greet()
        environment = os.environ | settings | {"SANDBOX": "unsafe-subprocess"}
        command = [installed / "bin" / "box", "doctor"]
        said = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout
    assert "Without sympy" in said


def test_its_program_is_called_box(installed: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [installed / "bin" / "box", "--help"]
    said = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout
    assert "Usage: box [OPTIONS] COMMAND" in said


def test_its_samples_are_there(installed: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "shared", "samples", "list"]
    listed = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout
    assert "wind_farm" in listed
