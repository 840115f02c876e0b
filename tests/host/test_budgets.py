"""What a box weighs before anybody calls it: whoever adds a library meets these bounds, which have some margin.

Counts and sizes, since they are the same on every machine; times are measured by `bench`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: Modules that are loaded once a box is built, and megabytes that its process then has. Version 0.1 had 643 and 53.
MODULES = 660
RESIDENT_MB = 51
#: Megabytes of all that `pip install .` installs.
INSTALLED_MB = 425

AT_REST = """
import json, sys
from shared.app import build
from shared.config import Settings
build(Settings(_env_file=None, box_home=sys.argv[1], sandbox="none"))
status = open("/proc/self/status").read()
print(json.dumps([len(sys.modules), int(status.partition("VmRSS:")[2].split()[0]) / 1024]))
"""


def at_rest(home: Path) -> tuple[int, float]:
    """Modules and megabytes of a process that has built a box."""
    command = [sys.executable, "-c", AT_REST, str(home)]
    modules, megabytes = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    return modules, megabytes


def installed_megabytes() -> float:
    """What the packages of requirements.txt take on disk."""
    size = 0
    for name in re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==", (ROOT / "requirements.txt").read_text(), re.M):
        try:
            files = distribution(name).files or []
        except PackageNotFoundError:
            continue  # for another system or Python
        size += sum(path.stat().st_size for file in files if (path := Path(str(file.locate()))).is_file())
    return size / 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_box_at_rest_is_light(tmp_path: Path) -> None:
    modules, megabytes = at_rest(tmp_path)
    assert modules <= MODULES
    assert megabytes <= RESIDENT_MB


def test_what_is_installed_is_bounded() -> None:
    assert installed_megabytes() <= INSTALLED_MB
