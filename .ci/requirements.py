"""Writes requirements.txt, from which Azure installs, with the dependencies and ranges of pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEADER = "# Written from pyproject.toml by `make requirements`.\n"


def requirements() -> str:
    """What requirements.txt must hold."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return HEADER + "".join(f"{dependency}\n" for dependency in project["dependencies"])


if __name__ == "__main__":
    (ROOT / "requirements.txt").write_text(requirements())
