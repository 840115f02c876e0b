"""The page says when a model of the box's settings will end."""

from __future__ import annotations

import time

import pytest

from shared.llm.base import OfferedModel
from shared.llm.scripted import ScriptedLlm
from tests.api.conftest import Box


class Mortal(ScriptedLlm):
    """A model whose end is near."""

    async def models(self) -> list[OfferedModel]:
        return [OfferedModel("scripted", ends=int(time.time()) + 40 * 24 * 3600)]


@pytest.fixture
def box(tmp_path):
    box = Box(tmp_path / "box", {"model_aliases": {"*": "scripted"}})
    box.llm = Mortal()
    box.start()
    yield box
    box.stop()


def test_a_model_that_ends_soon_is_said_in_a_line(page):
    page.until(lambda: "scripted ends on 2" in page["#advice"].text)
    assert "error" not in (page["#advice"].get_attribute("class") or "")
    page.complaints()
