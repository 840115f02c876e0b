"""What a step says of its turn."""

from __future__ import annotations

from shared.llm.base import Turn, TurnUsage
from shared.runs.usage import remarks_of


def test_reasoning_that_was_withheld_is_told_with_its_reasons():
    turn = Turn([], TurnUsage(), withheld=("model_mismatch", "prefix_mismatch"))
    assert remarks_of(turn, summary=False) == {"reasoning_withheld": "model_mismatch, prefix_mismatch"}
    assert remarks_of(Turn([], TurnUsage()), summary=True) == {}
