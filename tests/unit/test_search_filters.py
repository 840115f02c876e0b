from __future__ import annotations

import pytest

from shared.search.filters import matches

FILE = {"author": "Ada", "year": 1843, "draft": False, "pages": 12.5}


def compare(kind, key, value):
    return {"type": kind, "key": key, "value": value}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (compare("eq", "author", "Ada"), True),
        (compare("eq", "author", "ada"), False),
        (compare("ne", "author", "Ada"), False),
        (compare("ne", "missing", "Ada"), True),
        (compare("eq", "missing", "Ada"), False),
        (compare("gt", "year", 1842), True),
        (compare("gt", "year", 1843), False),
        (compare("gte", "year", 1843.0), True),
        (compare("lt", "pages", 13), True),
        (compare("lte", "pages", 12), False),
        (compare("lt", "author", "Bob"), True),
        (compare("lt", "author", 7), False),
        (compare("gt", "missing", 0), False),
        (compare("gte", "draft", 0), False),
        (compare("eq", "draft", False), True),
        (compare("eq", "draft", 0), False),
        (compare("in", "year", [1842, 1843]), True),
        (compare("in", "draft", [0, 1]), False),
        (compare("nin", "author", ["Bob"]), True),
        (compare("nin", "missing", ["Bob"]), True),
        (compare("nin", "author", ["Ada"]), False),
        ({"type": "and", "filters": []}, True),
        ({"type": "or", "filters": []}, False),
    ],
)
def test_a_comparison(condition, expected):
    assert matches(condition, FILE) is expected


def test_conditions_nest():
    either = {"type": "or", "filters": [compare("eq", "author", "Bob"), compare("gt", "year", 1800)]}
    assert matches({"type": "and", "filters": [either, compare("eq", "draft", False)]}, FILE)
    assert not matches({"type": "and", "filters": [either, compare("eq", "draft", True)]}, FILE)
