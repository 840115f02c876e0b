"""The list of the box's own tools, as the page of assistants shows it to an owner."""

from __future__ import annotations

import pytest

from shared.tools.get_current_time import get_current_time_tool


@pytest.fixture
def tools():
    return [get_current_time_tool()]


@pytest.mark.parametrize(
    ("settings", "mine", "theirs"),
    [
        ({}, ["get_current_time"], ["get_current_time"]),
        ({"server_tools_allowed": {"me": ["get_current_time"]}}, ["get_current_time"], []),
        ({"server_tools_allowed": {"me": [], "*": ["*"]}}, [], ["get_current_time"]),
    ],
)
def test_an_owner_is_shown_the_tools_that_the_operator_allows(http, other, mine, theirs):
    shown = [
        [each["name"] for each in client.get("../playground/server_tools").json()["data"]] for client in (http, other)
    ]
    assert shown == [mine, theirs]
