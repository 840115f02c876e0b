"""Every package that is installed for the box has a licence that we may pass on."""

from __future__ import annotations

import runpy
from email.message import Message
from pathlib import Path

import pytest

LICENCES = runpy.run_path(str(Path(__file__).parents[2] / ".ci/licences.py"))


@pytest.fixture(scope="module")
def rows():
    """Every package; to find them takes a second."""
    return LICENCES["rows"]()


def metadata(**fields: str | list[str]) -> Message:
    made = Message()
    for name, values in fields.items():
        for value in [values] if isinstance(values, str) else values:
            made[name.replace("_", "-")] = value
    return made


def test_the_table_holds_what_the_box_is_made_of(rows) -> None:
    found = {row.name.lower(): row.needed_for for row in rows}
    assert len(found) == len(rows)
    assert (found["openai"], found["aiohttp"], found["scipy"], found["pytest"]) == ("box", "box", "sandbox", "dev")
    assert found["peewee"] == "box", "what dependencies depend on is there, too"


def test_each_licence_is_known_and_allowed(rows) -> None:
    assert [row for row in rows if not LICENCES["is_allowed"](row.licence)] == []


def test_what_is_said_for_a_package_has_its_reason(rows) -> None:
    names = {row.name.lower() for row in rows}
    for package, (licence, reason) in LICENCES["SAID_ELSEWHERE"].items():
        assert package in names, f"{package} is no longer used"
        assert LICENCES["is_allowed"](licence)
        assert len(reason) > 20


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 AND MIT", True),
        ("GPL-3.0-only OR MIT", True),
        ("(MIT OR GPL-2.0-only) AND BSD-3-Clause", True),
        ("MIT AND GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_all_parts_and_one_alternative_must_be_allowed(expression: str, allowed: bool) -> None:
    assert LICENCES["is_allowed"](expression) is allowed


OSI = "License :: OSI Approved :: "


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License_Expression": "MIT", "License": "something else"}, "MIT"),
        ({"License": "MIT License"}, "MIT"),
        ({"License": "Copyright (c) 2015, all rights\nreserved", "Classifier": [OSI + "BSD License"]}, "BSD"),
        ({"Classifier": [OSI + "MIT License", OSI + "GNU General Public License v3 (GPLv3)"]},
         "MIT AND GNU General Public License v3 (GPLv3)"),
        ({"Classifier": ["Programming Language :: Python"]}, ""),
    ],
)  # fmt: skip
def test_a_licence_is_what_the_package_says(fields, licence: str) -> None:
    assert LICENCES["licence_of"](metadata(**fields)) == licence
