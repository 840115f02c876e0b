"""Many owners on one storage account: nobody starves beside an owner who sends half of all runs at once."""

from __future__ import annotations

import asyncio
from statistics import median

import pytest

from bench import scale
from tests import azurite

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not azurite.is_installed(), reason="no storage emulator"),
]

RUNS = 200


def test_a_greedy_owner_starves_nobody():
    with scale.serving(workers=4) as (url, log):
        callers, _ = asyncio.run(scale.measure(url, RUNS))
        kinds, in_vain = scale.asked(log)
    greedy, others = callers[0], callers[1:]
    # Every run has ended as its kind does, or `measure` had raised.
    assert sum(len(owner.seconds) for owner in callers) == RUNS
    # Whoever has little to do waits no longer than whoever has much.
    assert median(each for owner in others for each in owner.seconds) <= 1.25 * median(greedy.seconds)
    # Nobody writes into a row that all write into: what is asked in vain is asked again.
    assert in_vain < 0.02 * sum(kinds.values())
