"""Claims and answers of requests that are sent again, in both homes."""

from __future__ import annotations

import pytest

from shared import ids, layout
from shared.idempotency import KEPT_SECONDS, AnsweredBefore, KeyUsed, Once, digest_of, forgotten
from shared.paging import ListQuery, newest_page
from shared.store.base import Conflict, Delete, Put

FILES = layout.files("me")


def once(asked=b"POST /v1/files") -> Once:
    request = Once("me", digest_of("key"), lambda: ids.newest_first(layout.FILE))
    request.feed(asked)
    return request


def rows(request: Once) -> list[Put]:
    file = {"id": request.id, "object": "file"}
    return [Put(request.id, file), *request.answered(file)]


async def test_two_that_claim_get_one_id_and_the_second_to_commit_finds_the_answer(store):
    first, second = once(), once()
    await first.claim(store, 1000)
    await second.claim(store, 1001)
    assert (first.id, first.at) == (second.id, second.at)

    await store.commit(FILES, rows(first))
    with pytest.raises(Conflict):
        await store.commit(FILES, rows(second))
    with pytest.raises(AnsweredBefore) as before:
        await second.look(store, FILES)
    assert before.value.answer == {"id": first.id, "object": "file"}
    with pytest.raises(KeyUsed):
        await once(b"POST /v1/threads").claim(store, 1002)


async def test_a_day_later_the_answer_is_not_given_even_if_it_is_still_there(store):
    first = once()
    await first.claim(store, 1000)
    await store.commit(FILES, rows(first))

    second = once(b"POST /v1/threads")
    await second.claim(store, 1000 + KEPT_SECONDS)
    await second.look(store, FILES)
    assert second.id != first.id
    await store.commit(FILES, rows(second))


async def test_answers_are_in_no_list_and_go_with_what_they_tell_of(store):
    request = once()
    await request.claim(store, 1000)
    await store.commit(FILES, rows(request))
    for order in ("asc", "desc"):
        page = await newest_page(store, FILES, layout.FILE, "file", ListQuery(order=order))
        assert [each.key for each in page.records] == [request.id]
    assert len([each async for each in store.overdue(1000 + KEPT_SECONDS)]) == 3  # the claim is one of them

    await store.commit(FILES, [Delete(request.id), *await forgotten(store, FILES, request.id)])
    assert await store.scan(FILES, layout.BESIDE, f"{layout.BESIDE}~", 10) == []
