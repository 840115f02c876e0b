"""A store is embedded anew, in the background: its model ends, or the endpoint has learnt to embed."""

from __future__ import annotations

import threading
import time

import openai
import pytest

from shared import housekeeping, layout
from shared.cli.program import main
from shared.deps import Caller
from shared.objects.vector_store import Reembedding
from shared.search.base import Space
from shared.vector_stores import reembedding
from shared.vector_stores.rows import store_put, store_row
from tests.api.conftest import KEY
from tests.api.test_spaces import HASHES, endpoint, place  # noqa: F401  fixtures
from tests.fakes.responses_events import FakeTurn

ANIMALS = {"cats.txt": "All about felines.", "dogs.txt": "Canines only.", "owls.txt": "Strigine birds."}
ASKED = {"cat": "cats.txt", "dog": "dogs.txt", "owl": "owls.txt"}


def filled(place) -> str:  # noqa: F811
    store = place.store()
    for name, text in ANIMALS.items():
        place.add(store, name, text)
    return store


def begin(place, store: str) -> dict:  # noqa: F811
    return place.client.post(f"/vector_stores/{store}/embedding", cast_to=object)


def state(place, store: str) -> dict:  # noqa: F811
    return place.client.get(f"/vector_stores/{store}/embedding", cast_to=object)


def ended(place, store: str) -> dict:  # noqa: F811
    until = time.monotonic() + 20
    while (seen := state(place, store))["status"] == "in_progress":
        assert time.monotonic() < until
        time.sleep(0.02)
    return seen


def found(place, store: str) -> dict[str, str | None]:  # noqa: F811
    return {query: place.first(store, query) for query in ASKED}


def test_a_store_gets_the_vectors_of_the_new_model_and_is_found_all_the_while(place, endpoint):  # noqa: F811
    place.start()
    store = filled(place)
    assert state(place, store) == {
        "object": "vector_store.embedding",
        "vector_store_id": store,
        "model": "emb",
        "dimensions": 8,
        "status": "completed",
        "file_counts": {"in_progress": 0, "completed": 3, "total": 3},
    }
    endpoint.embeds = {"emb": 8, "newer": 16}
    place.start("newer")
    seen, over = [], threading.Event()

    def ask():
        while not over.is_set():
            seen.append(found(place, store))

    asking = threading.Thread(target=ask)
    asking.start()
    began = begin(place, store)
    last = ended(place, store)
    over.set()
    asking.join()
    assert (began["status"], began["model"]) == ("in_progress", "newer")
    assert (last["status"], last["file_counts"]) == ("completed", {"in_progress": 0, "completed": 3, "total": 3})
    assert place.spaces(store) == {"newer"}
    assert seen
    assert all(each == ASKED for each in [*seen, found(place, store)])
    endpoint.embeds = {"newer": 16}
    assert found(place, store) == ASKED, "nobody needs the old model any more"
    texts = [text for model, texts in endpoint.embedding_calls if model == "newer" for text in texts]
    assert sorted(text for text in texts if text in ANIMALS.values()) == sorted(ANIMALS.values()), "once each"


def test_hashes_give_way_to_an_endpoint_that_has_learnt_to_embed(place, endpoint):  # noqa: F811
    endpoint.embeds = None
    place.start()
    store = filled(place)
    assert place.spaces(store) == {HASHES}
    endpoint.embeds = {"emb": 8}
    begin(place, store)
    assert ended(place, store)["model"] == "emb"
    assert (place.spaces(store), found(place, store)) == ({"emb"}, ASKED)


def test_a_model_that_has_changed_under_its_name_is_embedded_anew(place, endpoint):  # noqa: F811
    place.start()
    store = filled(place)
    endpoint.embeds = {"emb": 12}
    place.start()
    begin(place, store)
    assert ended(place, store)["dimensions"] == 12
    assert found(place, store) == ASKED


def test_there_may_be_nothing_to_do(place, endpoint):  # noqa: F811
    place.start()
    store = filled(place)
    before = len(endpoint.embedding_calls)
    assert begin(place, store)["status"] == "completed"
    assert len(endpoint.embedding_calls) == before + 1, "but for the question whether the endpoint embeds"
    assert begin(place, place.store())["file_counts"] == {"in_progress": 0, "completed": 0, "total": 0}


def test_a_file_that_is_added_meanwhile_or_goes_is_no_trouble(place, endpoint):  # noqa: F811
    place.start()
    store = filled(place)
    endpoint.embeds = {"newer": 16}
    place.start("newer")
    gone = next(iter(place.client.vector_stores.files.list(store)))
    begin(place, store)
    place.client.vector_stores.files.delete(gone.id, vector_store_id=store)
    place.add(store, "more.txt", "More about felines.")
    counts = ended(place, store)["file_counts"]
    assert counts == {"in_progress": 0, "completed": 3, "total": 3}
    assert place.spaces(store) == {"newer"}
    kept = place.client.vector_stores.retrieve(store)
    files = place.client.vector_stores.files.list(store)
    assert kept.usage_bytes == sum(file.usage_bytes for file in files)


def test_a_restart_in_the_middle_loses_nothing(place, endpoint):  # noqa: F811
    place.start()
    store = filled(place)
    endpoint.embeds = {"emb": 8, "newer": 16}
    place.start("newer")
    place.box.run(_lose_message(place.box.deps, store))
    place.start("newer")
    assert state(place, store)["file_counts"] == {"in_progress": 2, "completed": 1, "total": 3}
    assert found(place, store) == ASKED
    place.box.clock.advance(3600)
    place.box.run(housekeeping.sweep(place.box.deps))
    assert ended(place, store)["status"] == "completed"
    assert (place.spaces(store), found(place, store)) == ({"newer"}, ASKED)


async def _lose_message(deps, store: str) -> None:
    """As if the process had died after the first file, and the message with it."""
    caller, target = Caller(deps, "me"), Space("newer", 16)
    record, version = await store_row(caller, store)
    record.reembedding = Reembedding(name="newer", dimensions=16, token="lost", until=deps.now() + 60)
    await deps.store.commit(layout.vector_store("me", store), [store_put(record, version)])
    await deps.index.enter(store, target)
    [first, *_] = await reembedding.outside(caller, store, target)
    await reembedding._embed_file(caller, store, first, target)


def test_a_model_that_goes_away_again_is_told(place, endpoint):  # noqa: F811
    place.start()
    store = filled(place)
    endpoint.embeds = {"emb": 8, "newer": 16}
    place.start("newer")
    model = place.box.deps.embedders

    async def preferred(*, anew: bool = False) -> Space:
        endpoint.embeds = {"emb": 8}
        return Space("newer", 16)

    model.preferred = preferred
    begin(place, store)
    assert ended(place, store)["status"] == "failed"
    assert found(place, store) == ASKED, "by the old vectors, which are left alone"


@pytest.mark.parametrize(("status", "code"), [(401, 400), (503, 503)])
def test_an_endpoint_that_does_not_answer_now_changes_nothing(place, endpoint, status, code):  # noqa: F811
    place.start()
    store = filled(place)
    endpoint.embedding_error = FakeTurn(status=status)
    with pytest.raises(openai.APIStatusError) as caught:
        begin(place, store)
    assert caught.value.status_code == code
    endpoint.embedding_error = None
    assert state(place, store)["status"] == "completed"


def test_another_owners_store_is_not_there(place):  # noqa: F811
    place.start()
    with pytest.raises(openai.APIStatusError) as caught:
        begin(place, "vs_" + "0" * 32)
    assert caught.value.status_code == 404


def test_one_command_embeds_all_stores_anew(place, endpoint, capsys):  # noqa: F811
    place.start()
    stores = [filled(place), filled(place)]
    endpoint.embeds = {"newer": 16}
    place.start("newer")
    assert main(["stores", "reembed", "--all", "--url", place.box.url, "--key", KEY]) == 0
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(
        f"{each}  completed  3 of 3 files  newer" for each in stores
    )
    assert [place.spaces(each) for each in stores] == [{"newer"}] * 2
    assert main(["stores", "reembed"]) == 2
