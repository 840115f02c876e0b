"""The first call of an app that cannot make a box."""

from __future__ import annotations

import json

import aiohttp

from tests.functions.conftest import serving


async def test_settings_of_which_no_box_can_be_made_are_told_without_their_names():
    with serving(BOX_API_KEYS='{"me": "sk-very-secret"') as served:
        async with aiohttp.ClientSession(served.url) as http, http.get("/v1/assistants") as answer:
            text = await answer.text()
            assert (answer.status, answer.content_type) == (503, "application/json")
    error = json.loads(text)["error"]
    assert error["code"] == "box_not_started"
    assert "BOX_API_KEYS" not in text
    assert "secret" not in text
