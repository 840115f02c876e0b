"""The SDKs that the stories are told with, and how a story is told: each in a process of its own."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NODE_PACKAGES = HERE.parent / "node_modules"
#: What the old Python SDKs were made for; httpx 0.28 took a parameter away from them.
BESIDE = ("httpx==0.27.2", "pydantic==2.14.4")
INSTALL_SECONDS = 180
STORY_SECONDS = 120


def missing(reason: str) -> None:
    """Skip at home, fail in CI."""
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


def install_python_sdk(version: str, folder: Path) -> Path:
    """The folder of an installed version of openai."""
    return installed(folder, f"openai-{version}", f"openai=={version}", *BESIDE)


def installed(folder: Path, name: str, *requirements: str) -> Path:
    """The folder of that name with the packages in it; of all test workers of a run, the first one installs them."""
    target = folder / name
    with (folder / f"{name}.verdict").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        verdict = file.read()
        if not verdict:
            verdict = _pip_install(requirements, target)
            file.write(verdict)
    if verdict != "installed":
        missing(f"pip could not install {', '.join(requirements)}: {verdict}")
    return target


def _pip_install(requirements: Sequence[str], target: Path) -> str:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command = [*pip, "--retries", "1", "--target", str(target), *requirements]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"it took longer than {INSTALL_SECONDS} s"
    return "installed" if done.returncode == 0 else done.stderr.strip() or "it failed without a word"


def tell(*command: str, **environment: str) -> list[str]:
    """Run a story to its end; the steps it finished."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "AZURE_OPENAI_"))}
    story = subprocess.run(command, env=ours | environment, capture_output=True, text=True, timeout=STORY_SECONDS)
    assert story.returncode == 0, f"{story.stdout}\nand then:\n{story.stderr}"
    return story.stdout.splitlines()
