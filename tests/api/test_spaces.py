"""Which vectors a store has: its first ones decide, whatever becomes of the endpoint and the settings."""

from __future__ import annotations

import logging
from contextlib import ExitStack

import pytest
from openai import DefaultHttpxClient, OpenAI
from pydantic import SecretStr

from shared import layout
from shared.deps import Caller
from shared.vector_stores.search import SearchOptions, search_stores
from tests.api.conftest import SDK, TLS, Box
from tests.api.test_vector_stores import upload
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses, serving_in_thread

HASHES = "hashed-1024"


class Place:
    """A box that is restarted at will, in one home, before one endpoint."""

    def __init__(self, home, endpoint: FakeResponses, stack: ExitStack):
        self.home, self.endpoint, self.stack = home, endpoint, stack
        self.base_url = stack.enter_context(serving_in_thread(endpoint))
        self.box: Box | None = None
        self.client: OpenAI

    def start(self, model: str = "emb", **settings) -> OpenAI:
        self.stop()
        given = {"box_home": self.home, "openai_base_url": self.base_url, "embedding_model": model}
        keys = {"me": SecretStr(SDK["api_key"])}
        self.box = Box(self.home, given | {"box_api_keys": keys} | settings)
        self.box.start()
        self.client = OpenAI(base_url=f"{self.box.url}/v1", http_client=DefaultHttpxClient(verify=TLS), **SDK)
        return self.client

    def stop(self) -> None:
        if self.box is not None:
            self.client.close()
            self.box.stop()
            self.box = None

    def store(self) -> str:
        return self.client.vector_stores.create().id

    def add(self, store_id: str, name: str, text: str) -> str:
        file_id = upload(self.client, name, text.encode())
        files = self.client.vector_stores.files
        file = files.create_and_poll(file_id, vector_store_id=store_id, poll_interval_ms=50)
        assert file.status == "completed", file.last_error
        return file.id

    def first(self, store_id: str, query: str) -> str | None:
        found = self.client.vector_stores.search(store_id, query=query).data
        return found[0].filename if found else None

    def spaces(self, store_id: str) -> set[str | None]:
        """By what the store's vectors were made."""
        assert self.box is not None
        manifest = self.box.run(self.box.deps.store.get(layout.index(store_id), layout.MANIFEST_KEY))
        assert manifest is not None
        return {entry["embedder"] for entry in manifest.data["entries"]}


@pytest.fixture
def endpoint():
    return FakeResponses(embeds={"emb": 8})


@pytest.fixture
def place(tmp_path, endpoint):
    with ExitStack() as stack:
        place = Place(tmp_path, endpoint, stack)
        stack.callback(place.stop)
        yield place


CANNOT = {
    "no such call": None,
    "no such model": FakeTurn(status=404, code="model_not_found"),
    "llama.cpp": FakeTurn(status=501, message="This server does not support embeddings. Start it with `--embeddings`"),
    "Ollama": FakeTurn(status=500, message="this model does not support embeddings"),
    "vLLM": FakeTurn(status=400, message="The model does not support Embeddings API"),
    "a gateway": FakeTurn(status=405, message="Method Not Allowed"),
    "a project without the model": FakeTurn(status=403, code="model_not_found"),
}


@pytest.mark.parametrize("how", CANNOT)
def test_hashes_stand_in_where_the_endpoint_cannot_embed(place, endpoint, caplog, how):
    caplog.set_level(logging.INFO, "shared.search")
    if CANNOT[how] is None:
        endpoint.embeds = None
    endpoint.embedding_error = CANNOT[how]
    place.start()
    store = place.store()
    place.add(store, "goods.txt", "Warehouse deliveries shall be made by suppliers.")
    place.add(store, "bees.txt", "Unrelated words about gardening and bees.")
    assert place.first(store, "supplier") == "goods.txt", "a word that stands there in another form"
    assert place.spaces(store) == {HASHES}
    said = [record for record in caplog.records if getattr(record, "action", "") == "hashes_stand_in"]
    assert len(said) == 1, "once, not for every file"
    assert len(endpoint.embedding_calls) == 1


def test_a_store_keeps_its_hashes_when_the_endpoint_learns_to_embed(place, endpoint):
    endpoint.embeds = None
    place.start()
    old = place.store()
    place.add(old, "goods.txt", "Deliveries by suppliers.")
    endpoint.embeds = {"emb": 8}
    place.start()
    new = place.store()
    place.add(old, "cats.txt", "All about felines.")
    place.add(new, "cats.txt", "All about felines.")
    assert (place.spaces(old), place.spaces(new)) == ({HASHES}, {"emb"})
    assert place.first(new, "cat") == "cats.txt"
    assert place.first(old, "supplier") == "goods.txt"


def test_a_store_keeps_its_model_when_the_settings_name_another(place, endpoint):
    place.start()
    old = place.store()
    place.add(old, "cats.txt", "All about felines.")
    endpoint.embeds = {"emb": 8, "newer": 16}
    place.start("newer")
    place.add(old, "dogs.txt", "Canines only.")
    place.add(new := place.store(), "owls.txt", "Strigine birds.")
    assert (place.spaces(old), place.spaces(new)) == ({"emb"}, {"newer"})
    assert [place.first(old, query) for query in ("cat", "dog")] == ["cats.txt", "dogs.txt"]
    assert place.first(new, "owl") == "owls.txt"


def test_stores_of_several_models_are_searched_in_one_run(place, endpoint):
    """Each by its own vectors; a hit of the one is not measured by those of the other."""
    place.start()
    place.add(old := place.store(), "cats.txt", "All about felines.")
    endpoint.embeds = {"emb": 8, "newer": 16}
    place.start("newer")
    place.add(new := place.store(), "dogs.txt", "Canines only.")
    box, deps = place.box, place.box.deps
    hits = box.run(_both(deps, [old, new], ["cat", "dog"]))
    assert {hit.filename for hit in hits} == {"cats.txt", "dogs.txt"}
    assert all(hit.score > 0.5 for hit in hits)


async def _both(deps, stores, queries):
    return await search_stores(Caller(deps, "me"), stores, queries, SearchOptions())


def test_without_its_model_a_store_is_found_by_its_words(place, endpoint):
    place.start()
    place.add(store := place.store(), "cats.txt", "All about felines.")
    endpoint.embeds = {"newer": 16}
    place.start("newer")
    place.add(store, "dogs.txt", "Canines only.")
    assert place.spaces(store) == {"emb", None}
    assert [place.first(store, query) for query in ("felines", "canines", "cat")] == ["cats.txt", "dogs.txt", None]


def test_a_model_that_makes_other_vectors_under_its_old_name_is_not_mixed_in(place, endpoint):
    place.start()
    place.add(store := place.store(), "cats.txt", "All about felines.")
    endpoint.embeds = {"emb": 12}
    place.start()
    place.add(store, "dogs.txt", "Canines only.")
    assert place.spaces(store) == {"emb", None}
    assert place.first(store, "canines") == "dogs.txt"
    found = place.client.vector_stores.search(store, query="felines").data
    assert [hit.filename for hit in found] == ["cats.txt"]
    assert found[0].score > 0.5, "judged by its words alone"


def test_without_an_embedding_model_nothing_is_asked(place, endpoint):
    place.start("")
    place.add(store := place.store(), "goods.txt", "Deliveries by suppliers.")
    assert place.first(store, "supplier") == "goods.txt"
    assert (place.spaces(store), endpoint.embedding_calls) == ({HASHES}, [])


def test_the_log_tells_why_a_file_is_not_embedded_but_not_what_is_in_it(place, endpoint, caplog):
    place.start()
    place.add(store := place.store(), "cats.txt", "All about felines.")
    endpoint.embedding_error = FakeTurn(status=400, code="invalid_value", message="Cannot embed: All about canines.")
    place.add(store, "dogs.txt", "All about canines.")
    [reason] = [each.reason for each in caplog.records if getattr(each, "action", "") == "file_not_embedded"]
    assert "status_code=400 code=invalid_value" in reason
    assert "canines" not in reason


def test_a_refused_key_decides_nothing(place, endpoint):
    """It says nothing about what the endpoint can: roles may still be spreading."""
    endpoint.embedding_error = FakeTurn(status=401, code="401", message="Access denied.")
    place.start()
    place.add(store := place.store(), "cats.txt", "All about felines.")
    assert place.first(store, "felines") == "cats.txt"
    endpoint.embedding_error = None
    place.add(store, "dogs.txt", "Canines only.")
    assert place.spaces(store) == {None, "emb"}
    assert place.first(store, "dog") == "dogs.txt"
