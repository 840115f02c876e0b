"""Where a prompt begins: in blocks, at the user's word, and where the runs before it began."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from shared.runs.prompt.pictures import first_with_room
from shared.runs.prompt.window import PromptEntry, fit, from_user, lowest


def thread(*weights: tuple[str, int], present_from: int | None = None) -> list[PromptEntry]:
    """Entries `(role, tokens)`; the last ones may be the present run's."""
    return [
        PromptEntry(
            (number, 1, 0),
            [{"type": "message", "role": role, "content": []}],
            tokens,
            present_from is not None and number >= present_from,
        )
        for number, (role, tokens) in enumerate(weights)
    ]


def first_number(entries: list[PromptEntry], tokens: int) -> int:
    return fit(entries, tokens)[0].position[0]


def test_everything_that_fits_is_kept():
    talk = thread(("user", 10), ("assistant", 10), ("user", 10))
    assert fit(talk, 30) == talk


def test_the_start_stays_for_many_messages_and_is_always_a_users():
    talk = thread(*[("user", 10), ("assistant", 30)] * 200)
    starts = [first_number(talk[: length + 1], 1000) for length in range(0, 400, 2)]
    moves = sum(before != after for before, after in pairwise(starts))
    assert starts == sorted(starts)
    assert moves < 35
    assert {start % 2 for start in starts} == {0}
    assert all(sum(each.tokens for each in fit(talk[: n + 1], 1000)) <= 1000 for n in range(0, 400, 2))


@pytest.mark.parametrize("missing", [0, 40, 125])
def test_a_look_back_that_began_later_comes_to_the_same_start_before_long(missing):
    """The store gives no more than the newest messages, so the beginning is unknown to most runs."""
    talk = thread(*[("user", 10), ("assistant", 30)] * 400)
    assert 700 < first_number(talk[missing:], 1000) < 782


def test_the_newest_message_stays_however_large():
    talk = thread(("user", 10), ("assistant", 10), ("user", 5000))
    assert first_number(talk, 100) == 2


def test_a_message_larger_than_a_block_leaves_room_for_what_fits_beside_it():
    talk = thread(("user", 50), ("assistant", 10), ("user", 10), ("user", 80))
    assert first_number(talk, 100) == 2


def test_the_present_run_keeps_its_question():
    talk = thread(("user", 10), ("assistant", 10), ("user", 10), ("", 300), ("", 300), present_from=3)
    assert first_number(talk, 100) == 2


def test_what_is_left_of_an_exchange_goes_when_another_one_follows():
    talk = thread(("user", 10), ("assistant", 10), ("", 85), ("user", 5))
    assert first_number(talk, 100) == 3


def test_a_greeting_stays_as_long_as_nothing_is_cut():
    talk = thread(("assistant", 10), ("user", 10), ("assistant", 10))
    assert fit(talk, 30) == talk


def test_nothing_of_the_user_is_no_reason_to_keep_everything():
    talk = thread(*[("assistant", 30)] * 50)
    assert first_number(talk, 300) > 35
    assert from_user(talk) == talk


def test_what_was_said_before_the_users_first_word_goes_with_what_was_cut():
    talk = thread(("assistant", 1), ("", 1), ("user", 1), ("assistant", 1))
    assert from_user(talk) == talk[2:]


@pytest.mark.parametrize(
    ("following", "low"), [(0, 0), (499, 0), (500, 0), (501, 125), (625, 125), (626, 250), (750, 250)]
)
def test_numbers_are_looked_back_at_in_blocks(following, low):
    assert lowest(following, 500) == low
    assert following - low <= 500


@pytest.mark.parametrize(
    ("messages", "first"),
    [
        pytest.param([[10], [10]], 0, id="all fit"),
        pytest.param([[40], [40], [40]], 2, id="older ones make room until half is free"),
        pytest.param([[30], [30], [30], [5], [5], [5]], 2, id="then nothing moves for a while"),
        pytest.param([[10], [60, 60]], 2, id="of a message that is too much by itself the oldest"),
        pytest.param([[30, 30, 30]], 0, id="not down to half"),
        pytest.param([[200]], 1, id="one that nobody takes"),
        pytest.param([], 0, id="none"),
    ],
)
def test_pictures_move_out_in_blocks(messages, first):
    assert first_with_room(messages, 100) == first


def test_a_run_that_had_much_to_carry_leaves_the_start_where_it_put_it():
    talk = thread(*[("user", 10), ("assistant", 30)] * 12)
    while_it_went_on = [*talk, *thread(("user", 10), ("", 290), present_from=1)]
    after = [*talk, *thread(("user", 10)), replace(while_it_went_on[-1], tokens=20, present=False, shed=270)]
    grown = [*after, *thread(("assistant", 30), ("user", 10))]
    start = len(while_it_went_on) - len(fit(while_it_went_on, 600))
    assert start > 0
    assert [len(entries) - len(fit(entries, 600)) for entries in (after, grown)] == [start, start]
