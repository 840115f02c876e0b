"""The commands of the Makefile, as somebody types them who follows the greeting."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_the_exported_key_does_for_the_smoke_test():
    environment = os.environ | {"BOX_KEY": "from-the-shell"}
    made = subprocess.run(
        ["make", "--dry-run", "smoke"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert made.returncode == 0, made.stderr
