"""`get_current_time` tells the time of a zone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.tools.get_current_time import get_current_time_tool
from tests.fakes.tool_context import CONTEXT


@pytest.mark.parametrize(
    ("arguments", "offset"), [("", 0), ('{"timezone": "Asia/Tokyo"}', 9), ('{"timezone": "America/Phoenix"}', -7)]
)
async def test_the_time_of_a_zone(arguments, offset):
    told = json.loads(await get_current_time_tool().run(arguments, CONTEXT))
    time = datetime.fromisoformat(told["time"])
    assert time.utcoffset() == timedelta(hours=offset)
    assert abs(time - datetime.now(UTC)) < timedelta(minutes=1)
    assert told["weekday"] == f"{time:%A}"


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "Europe", "../../etc/passwd", "/etc/localtime", "x\0", "", "UTC" * 99]
)
async def test_a_zone_that_does_not_exist_is_told(name):
    answer = await get_current_time_tool().run(json.dumps({"timezone": name}), CONTEXT)
    assert answer.startswith("Error: there is no time zone ")
    assert len(answer) < 200
