"""What people type to start the program `box`, for advice that can be copied."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final


def typed(program: Path, python: Path, folder: Path) -> str:
    """`box` where the package is installed; in a checkout its module, by the Python of the folder if it has its own."""
    if program.parts[-2:] != ("shared", "__main__.py"):
        return "box"
    # Not resolved: the Python of a virtual environment is a link to another.
    return f"{python.relative_to(folder) if python.is_relative_to(folder) else 'python'} -m shared"


NAME: Final = typed(Path(sys.argv[0]), Path(sys.executable), Path.cwd())

#: What prints a link to the page: in a checkout make is shorter.
LINK: Final = "box link" if NAME == "box" else "make link"
