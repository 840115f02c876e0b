"""Waits grow, stay below their longest, and are spread."""

from __future__ import annotations

from shared.backoff import Backoff


def test_waits_grow_by_the_factor_up_to_the_longest():
    assert [*Backoff(first=1, factor=3, longest=10, attempts=5).delays()] == [1, 3, 9, 10]


def test_one_attempt_has_no_waits():
    assert [*Backoff(first=1, attempts=1).delays()] == []


def test_waits_are_spread_between_two_shares():
    spread = Backoff(first=10, spread=(0.5, 1.5))
    waits = [spread.delay(1) for _ in range(200)]
    assert 5 <= min(waits) < 9
    assert 11 < max(waits) <= 15


def test_a_wait_after_very_many_failures_is_the_longest():
    assert Backoff(first=0.01, longest=30).delay(100_000) == 30
