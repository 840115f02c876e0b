"""`make test` says at its end what it left out, and why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_a_page(number):
    pytest.skip({reason!r})

@pytest.mark.skipif(True, reason="for another system")
def test_elsewhere():
    pass
"""


def end_of_run(folder: Path, reason: str, *options: str) -> str:
    (folder / "test_some.py").write_text(TESTS.format(reason=reason))
    command = [
        sys.executable,
        *("-m", "pytest", "-q"),
        *("-p", "tests.conftest", "-p", "xdist"),
        *("--rootdir", str(folder), "-c", "/dev/null"),
    ]
    alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # the suite's other plugins load for seconds
    done = subprocess.run([*command, *options, str(folder)], env=alone, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "two processes"])
def test_the_end_says_what_was_left_out_and_how_to_have_it(tmp_path: Path, options: tuple[str, ...]) -> None:
    said = end_of_run(tmp_path, "Chromium is not installed", *options)
    assert "2 tests: Chromium is not installed\n" in said
    assert "1 test: for another system\n" in said
    assert "`make test-tools` installs what is missing" in said


def test_nothing_is_offered_for_what_cannot_be_had(tmp_path: Path) -> None:
    said = end_of_run(tmp_path, "only root becomes somebody else")
    assert "2 tests: only root becomes somebody else\n" in said
    assert "make test-tools" not in said


def test_without_npm_the_other_tests_run(tmp_path: Path) -> None:
    script = (Path(__file__).parents[1] / "install-node-packages.sh").read_text()
    (tmp_path / "install.sh").write_text(script)
    environment = {"PATH": str(tmp_path)}
    command = ["/bin/sh", str(tmp_path / "install.sh")]
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, "make test-tools" in done.stdout) == (0, True)
    assert subprocess.run(command, env=environment | {"CI": "1"}, capture_output=True).returncode != 0
