"""Keys of twins sort the other way round, and a range of records has a range of twins."""

from __future__ import annotations

import pytest

from shared import ids, layout
from shared.store.twins import key_of, twin_of, twins_between

MAKERS = {
    layout.ASSISTANT: lambda: ids.newest_first(layout.ASSISTANT),
    layout.FILE: lambda: ids.newest_first(layout.FILE, 22),
    layout.VECTOR_STORE: lambda: ids.newest_first_hex(layout.VECTOR_STORE),
}


@pytest.fixture(params=MAKERS)
def made(request):
    """How ids begin, and some of them in the order of their keys."""
    return request.param, sorted(MAKERS[request.param]() for _ in range(50))


def test_twins_sort_the_other_way_round(made):
    _, keys = made
    twins = [twin_of(key) for key in keys]
    assert sorted(twins, reverse=True) == twins
    assert [key_of(twin) for twin in twins] == keys


def test_a_range_of_records_has_a_range_of_twins(made):
    prefix, keys = made

    def between(first, last):
        low, high = twins_between(first, last)
        return sorted(key_of(twin) for twin in map(twin_of, keys) if low <= twin < high)

    assert between(prefix, prefix + "~") == keys
    assert between(prefix, keys[20]) == keys[:20]
    assert between(keys[10], keys[20]) == keys[10:20]
    assert between(keys[10], prefix + "~") == keys[10:]


def test_no_record_stands_among_the_twins(made):
    prefix, keys = made
    assert all(not prefix <= twin_of(key) < prefix + "~" for key in keys)
