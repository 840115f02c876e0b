"""The run's state machine: every transition the API knows, and no other."""

from __future__ import annotations

import pytest

from shared.objects.common import Usage
from shared.objects.run import Run
from shared.runs import lifecycle

TRANSITIONS = {
    "queued": {"in_progress", "cancelling", "failed", "expired"},
    "in_progress": {"requires_action", "completed", "incomplete", "failed", "cancelling", "expired"},
    "requires_action": {"queued", "cancelling", "failed", "expired"},
    "cancelling": {"cancelled"},
}


def run_in(status: str) -> Run:
    return Run(
        id="run_1", created_at=1, assistant_id="asst_1", thread_id="thread_1", model="m", expires_at=601
    ).replace(status=status)


@pytest.mark.parametrize("before", lifecycle.NEXT)
@pytest.mark.parametrize("after", lifecycle.NEXT)
def test_only_the_transitions_of_the_api_are_possible(before: str, after: str) -> None:
    if after in TRANSITIONS.get(before, set()):
        assert lifecycle.advance(run_in(before), after, 100).status == after
    else:
        with pytest.raises(lifecycle.IllegalTransitionError):
            lifecycle.advance(run_in(before), after, 100)


@pytest.mark.parametrize("status", ["completed", "failed", "incomplete", "expired"])
def test_the_end_writes_usage_and_takes_the_expiry_away(status: str) -> None:
    run = lifecycle.advance(run_in("in_progress"), status, 100, usage=Usage(total_tokens=3))
    assert run.usage == Usage(total_tokens=3)
    assert run.expires_at is None


def test_a_required_action_lives_as_long_as_its_status() -> None:
    waiting = lifecycle.advance(run_in("in_progress"), "requires_action", 100, required_action={"type": "x"})
    assert waiting.required_action == {"type": "x"}
    assert waiting.usage is None
    queued = lifecycle.advance(waiting, "queued", 100)
    assert (queued.required_action, queued.expires_at, queued.started_at) == (None, 601, waiting.started_at)


def test_a_cancelled_run_does_not_expire_on_its_way() -> None:
    assert lifecycle.has_expired(run_in("in_progress"), 601)
    assert not lifecycle.has_expired(run_in("in_progress"), 600)
    assert not lifecycle.has_expired(run_in("cancelling"), 700)
    assert not lifecycle.has_expired(run_in("completed"), 700)


def test_a_run_without_an_expiry_is_not_one_that_expired_long_ago() -> None:
    assert run_in("in_progress").deadline == 601
    assert run_in("in_progress").replace(expires_at=None).deadline == float("inf")
