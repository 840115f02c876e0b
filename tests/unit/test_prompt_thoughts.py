"""How a turn's reasoning is divided among what came of it."""

from __future__ import annotations

import pytest

from shared.runs.prompt.thoughts import before_messages

R1, R2 = {"type": "reasoning", "id": "1"}, {"type": "reasoning", "id": "2"}
SAID, CALL = {"type": "message"}, {"type": "function_call"}


@pytest.mark.parametrize(
    ("items", "thoughts", "rest"),
    [
        ([R1, SAID, R2, CALL], {1: [R1]}, [R2, CALL]),
        ([R1, CALL, SAID], {2: []}, [R1, CALL]),
        ([R1, CALL, R2, SAID], {3: [R2]}, [R1, CALL]),
        ([R1, CALL, R2], {}, [R1, CALL]),
        ([R1, SAID, R2], {1: [R1]}, []),
        ([R1, R2], {}, []),
    ],
)
def test_reasoning_goes_with_what_follows_it_and_alone_it_is_not_kept(items, thoughts, rest):
    assert before_messages(items) == (thoughts, rest)
