"""What long threads cost at the model: hosts that are started anew and side by side, as the measurement has them."""

from __future__ import annotations

import pytest

from bench.prompt_cache import EARLIER, NEW, many_threads, measured, one_run, one_thread

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_a_restart_and_a_second_process_go_on_where_the_first_one_was():
    assert measured(one_thread, NEW, 16).ratio < 0.4


# 400 runs: a question and an answer each. `python -m bench.prompt_cache` has twice as many.
@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_thread_of_800_messages_costs_a_quarter():
    assert measured(one_thread, NEW, 400).ratio <= 0.25


@pytest.mark.long
@pytest.mark.timeout(900)
def test_earlier_models_have_seen_nearly_all_of_a_thread_of_800_messages():
    assert measured(one_thread, EARLIER, 400).share >= 0.95


@pytest.mark.long
def test_a_thread_with_one_run_costs_no_more_than_without_a_cache():
    assert measured(one_run, NEW, 1).ratio <= 1


@pytest.mark.long
def test_two_hundred_threads_of_one_assistant_cost_half():
    assert measured(many_threads, NEW, 800).ratio <= 0.5
