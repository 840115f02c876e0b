"""Advice names the program as it can be typed where one is."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.program_name import typed

HERE = Path("/home/ann/box")


@pytest.mark.parametrize(
    ("program", "python", "name"),
    [
        (HERE / "shared/__main__.py", HERE / ".venv/bin/python", ".venv/bin/python -m shared"),
        (HERE / "shared/__main__.py", Path("/usr/bin/python3"), "python -m shared"),
        (Path("/home/ann/.local/bin/box"), Path("/usr/bin/python3"), "box"),
    ],
)
def test_the_name_is_what_one_types_in_this_folder(program: Path, python: Path, name: str) -> None:
    assert typed(program, python, HERE) == name
