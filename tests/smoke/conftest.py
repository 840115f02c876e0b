"""A box with the demo model, for all tests of a module, and the story of the smoke test against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from shared.demo.offline import OfflineLlm
from shared.smoke.box import Options
from shared.smoke.report import StepOutcome
from shared.smoke.story import told
from shared.tools.get_current_time import get_current_time_tool
from tests.api.conftest import KEY, Box

#: Told to a proxy or a box; small and impatient.
SHORT = Options("", KEY, hold=4, megabytes=2, patience=20, waking=1, silence=10)
Told = Callable[..., dict[str, StepOutcome]]


@pytest.fixture(scope="module")
def box(tmp_path_factory) -> Iterator[Box]:
    box = Box(tmp_path_factory.mktemp("box"), {"look_seconds": 0.2})
    box.llm = OfflineLlm(seconds_per_word=0.002)  # type: ignore[assignment]  # any model will do
    box.tools = [get_current_time_tool()]
    box.start()
    yield box
    box.stop()


@pytest.fixture
def tell() -> Told:
    """Tell the story, or some steps of it: outcomes by step."""

    def tell(url: str, *only: str, **options) -> dict[str, StepOutcome]:
        return {each.step: each for each in told(replace(SHORT, url=url, **options), only)}

    return tell
