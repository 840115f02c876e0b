"""Calls that are passed on, and vectors: the first endpoint that has the model and answers."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import pytest

from shared.app import vectors
from shared.config import Settings
from shared.errors import ProviderError
from shared.llm.provider import ProviderCall
from shared.llm.responses.several_forwarding import SeveralProviders, provider_of
from shared.search.base import EmbeddingForbidden, EmbeddingUnavailable
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses, serving

DOWN = FakeTurn(status=503)


def chat(model: str) -> ProviderCall:
    return ProviderCall("/responses", "application/json", json.dumps({"model": model, "input": "Hi"}).encode())


@asynccontextmanager
async def boxed(fakes: dict[str, FakeResponses], **entries):
    """Settings with these endpoints, the first of them `main`."""
    main, *others = fakes
    async with serving(fakes[main]) as url, serving(fakes[others[0]]) as other_url:
        endpoints = {others[0]: {"base_url": other_url, "priority": 2} | entries.get(others[0], {})}
        if main in entries:
            endpoints[main] = entries[main]
        yield Settings(_env_file=None, model_endpoints=endpoints, box_model_base_url=url)


@pytest.fixture
def fakes():
    return {"main": FakeResponses(), "spare": FakeResponses()}


async def answer(provider: SeveralProviders, call: ProviderCall) -> bytes:
    async with provider.call(call) as answered:
        return b"".join([piece async for piece in answered.pieces])


@pytest.mark.parametrize("status", [429, 500, 503, 401, 404])
async def test_a_call_goes_on_to_the_next_endpoint(fakes, status):
    fakes["main"].script(FakeTurn(status=status))
    async with boxed(fakes) as settings:
        provider = provider_of(settings)
        assert isinstance(provider, SeveralProviders)
        assert b"output_text" in await answer(provider, chat("m"))
        assert [fake.requests for fake in fakes.values()] == [1, 1]
        await provider.close()


async def test_an_endpoint_that_failed_is_left_alone_for_a_moment(fakes):
    fakes["main"].script(DOWN)
    async with boxed(fakes) as settings:
        provider = provider_of(settings)
        for _ in range(3):
            await answer(provider, chat("m"))
        assert [fake.requests for fake in fakes.values()] == [1, 3]
        await provider.close()


async def test_what_the_caller_did_is_told_by_the_first(fakes):
    fakes["main"].script(FakeTurn(status=400, message="No such thing."))
    async with boxed(fakes) as settings:
        provider = provider_of(settings)
        with pytest.raises(ProviderError, match="No such thing") as caught:
            await answer(provider, chat("m"))
        assert (caught.value.status, fakes["spare"].requests) == (400, 0)
        await provider.close()


async def test_each_endpoint_is_asked_by_its_own_name_for_the_model(fakes):
    async with boxed(fakes, main={"deployments": {"luna": "prod"}}) as settings:
        provider = provider_of(settings)
        await answer(provider, chat("luna"))
        await answer(provider, chat("other"))
        assert [fake.bodies[0]["model"] for fake in fakes.values()] == ["prod", "other"]
        await provider.close()


async def test_a_model_that_no_endpoint_has_is_unknown(fakes):
    only = {"deployments": {"luna": "luna"}}
    async with boxed(fakes, main=only, spare=only) as settings:
        provider = provider_of(settings)
        with pytest.raises(ProviderError, match="'other' does not exist") as caught:
            await answer(provider, chat("other"))
        assert (caught.value.status, caught.value.code) == (404, "model_not_found")
        await provider.close()


async def test_a_form_goes_to_one_endpoint_alone(fakes):
    """Nothing of it is held, so nothing of it could be sent again."""

    async def pieces():
        yield b"{}"

    async with boxed(fakes, main={"deployments": {"luna": "luna"}}) as settings:
        provider = provider_of(settings)
        fakes["spare"].script(DOWN)
        form = ProviderCall("/responses", "application/json", pieces())
        with pytest.raises(ProviderError):
            await answer(provider, form)
        assert fakes["main"].requests == 0, "it takes but one model, and the form may name any"
        await provider.close()


@pytest.mark.long
async def test_vectors_come_from_the_next_endpoint_under_one_name(fakes):
    for fake, name in zip(fakes.values(), ("text-embedding-3-small", "vectors-2"), strict=True):
        fake.embeds = {name: 4}
    deployments = {"text-embedding-3-small": "vectors-2"}
    async with boxed(fakes, spare={"deployments": deployments}) as settings:
        embedders = vectors(settings)
        space = await embedders.preferred()
        assert space is not None
        assert space.name == "text-embedding-3-small-256"
        embedder = embedders.of(space.name)
        assert embedder is not None
        first = await embedder.embed(["a cat"])
        fakes["main"].embedding_error = DOWN
        assert await embedder.embed(["a cat"]) == first
        made = [each async for each in embedder.batches(["a cat", "a dog"])]
        assert sum(map(len, made)) == 2
        assert [model for model, _ in fakes["spare"].embedding_calls] == ["vectors-2"] * 2
        fakes["spare"].embedding_error = FakeTurn(status=401)
        with pytest.raises((EmbeddingUnavailable, EmbeddingForbidden)):
            await embedder.embed(["a cat"])
        await embedders.close()


async def test_an_endpoint_may_be_for_vectors_alone(fakes):
    fakes["spare"].embeds = {"text-embedding-3-small": 4}
    entries = {
        "main": {"deployments": {"luna": "luna"}},
        "spare": {"deployments": {"text-embedding-3-small": "text-embedding-3-small"}},
    }
    async with boxed(fakes, **entries) as settings:
        embedders = vectors(settings)
        space = await embedders.preferred()
        assert space is not None
        assert (space.name, fakes["main"].embedding_calls) == ("text-embedding-3-small-256", [])
        assert embedders.of("another-model") is None
        await embedders.close()
