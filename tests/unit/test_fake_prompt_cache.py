"""The fake's prompt cache has the rules of the real ones: else what it counts says nothing."""

from __future__ import annotations

import pytest

from tests.fakes.prompt_cache import BREAKPOINT, PromptCache, misplaced

NEW, EARLIER = "gpt-5.6-luna", "gpt-5.4"
EXPLICIT = {"mode": "explicit"}


def said(number: int, *, marked: bool = False) -> dict:
    """About 1,100 tokens of the user's."""
    part = {"type": "input_text", "text": f"{number} " + "word " * 880}
    return {"role": "user", "content": [part | ({BREAKPOINT: EXPLICIT} if marked else {})]}


def body(*items: dict, model: str = NEW, **more) -> dict:
    return {"model": model, "prompt_cache_key": "k", "input": list(items), **more}


def explicit(*items: dict, **options) -> dict:
    return body(*items, prompt_cache_options=EXPLICIT | options)


def test_by_itself_a_thread_that_grows_is_written_again_and_again():
    cache = PromptCache()
    for length in range(1, 6):
        cache.take(body(*map(said, range(length))))
    assert cache.total.read == 0
    assert cache.total.ratio == pytest.approx(1.25, abs=0.01)


def test_what_is_marked_again_is_read_and_only_the_rest_is_written():
    cache = PromptCache()
    cache.take(explicit(said(1, marked=True)))
    cost = cache.take(explicit(said(1, marked=True), said(2, marked=True), said(3)))
    assert cost.read == pytest.approx(1100, abs=50)
    assert cost.written == pytest.approx(1100, abs=50)
    assert cost.tokens == pytest.approx(3300, abs=100)


def test_without_a_breakpoint_nothing_is_read_or_written():
    cache = PromptCache()
    for _ in range(2):
        cost = cache.take(explicit(said(1)))
        assert (cost.read, cost.written, cost.ratio) == (0, 0, 1)


def test_four_breakpoints_are_written_the_latest():
    cache = PromptCache()
    cache.take(explicit(*(said(number, marked=True) for number in range(6))))
    assert cache.take(explicit(said(0), said(1, marked=True))).read == 0
    assert cache.take(explicit(said(0), said(1), said(2, marked=True))).read > 3000


def test_a_beginning_is_as_long_as_a_thousand_tokens_and_has_a_key():
    cache = PromptCache()
    short = {"role": "user", "content": [{"type": "input_text", "text": "word " * 700, BREAKPOINT: EXPLICIT}]}
    cache.take(explicit(short))
    assert cache.take(explicit(short)).read == 0
    cache.take(explicit(said(1, marked=True)))
    assert cache.take(explicit(said(1, marked=True)) | {"prompt_cache_key": "other"}).read == 0


@pytest.mark.parametrize(("ttl", "seconds"), [("30m", 1800), ("12h", 43_200)])
def test_what_was_written_lapses(ttl, seconds):
    now = 0.0
    cache = PromptCache(lambda: now)
    cache.take(explicit(said(1, marked=True), ttl=ttl))
    now = seconds - 1
    assert cache.take(explicit(said(1, marked=True), ttl=ttl)).read > 0
    now = seconds + 1
    assert cache.take(explicit(said(1, marked=True), ttl=ttl)).written > 0


def test_earlier_models_find_the_longest_beginning_in_steps():
    cache = PromptCache()
    cache.take(body(said(1), said(2), model=EARLIER))
    cost = cache.take(body(said(1), said(3), model=EARLIER))
    assert 1024 <= cost.read <= 1152
    assert (cost.read % 128, cost.written) == (0, 0)


@pytest.mark.parametrize("front", [{"instructions": "x"}, {"tools": [1]}, {"reasoning": {"effort": "low"}}])
@pytest.mark.parametrize("model", [NEW, EARLIER])
def test_what_stands_in_front_changes_everything(model, front):
    cache = PromptCache()
    options = {} if model == EARLIER else {"prompt_cache_options": EXPLICIT}
    cache.take(body(said(1, marked=True), model=model, **options))
    assert cache.take(body(said(1, marked=True), model=model, **options, **front)).read == 0


def test_breakpoints_are_taken_where_the_service_takes_them():
    answer = {"role": "assistant", "content": [{"type": "output_text", "text": "x", BREAKPOINT: EXPLICIT}]}
    output = {"type": "function_call_output", "output": [{"type": "input_text", "text": "x", BREAKPOINT: EXPLICIT}]}
    assert misplaced(explicit(said(1, marked=True), output)) is None
    assert misplaced(explicit(said(1), answer)) == f"input[1].content[0].{BREAKPOINT}"
    assert misplaced(body(said(1, marked=True), model=EARLIER)) == f"input[0].content[0].{BREAKPOINT}"
    assert misplaced(explicit(said(1)) | {"model": EARLIER}) == "prompt_cache_options"
