"""Embedders: the endpoint's through the real SDK over a fake transport, and the one that needs no model."""

from __future__ import annotations

import asyncio
import json
import math
from operator import mul

import httpx2 as httpx
import pytest
from openai import AsyncOpenAI

from shared.search.base import EmbeddingRefused, EmbeddingUnavailable
from shared.search.embeddings.hashed import HashedEmbedder
from shared.search.embeddings.openai import BATCH, OpenAIEmbedder, VectorSource


class Endpoint:
    """Answers with a vector that tells the text's length; out of order, as it may."""

    def __init__(self, *statuses: int | httpx.Response):
        self.requests: list[dict] = []
        #: Of the next answers; or what is answered in their place.
        self.statuses = list(statuses)
        #: Before each answer.
        self.seconds = 0.0

    async def answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.requests.append(body)
        await asyncio.sleep(self.seconds)
        status = self.statuses.pop(0) if self.statuses else 200
        if isinstance(status, httpx.Response):
            return status
        if status != 200:
            return httpx.Response(status, json={"error": {"message": "no"}}, headers={"retry-after-ms": "1"})
        data = [
            {"object": "embedding", "index": index, "embedding": [float(len(text)), 1.0]}
            for index, text in enumerate(body["input"])
        ]
        return httpx.Response(200, json={"object": "list", "model": "m", "data": data[::-1], "usage": {}})

    def source(self, model: str) -> VectorSource:
        transport = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        client = AsyncOpenAI(base_url="http://model.test/v1", api_key="k", http_client=transport, max_retries=0)
        return VectorSource(lambda: client, model)

    def embedder(self, model: str = "text-embedding-3-small") -> OpenAIEmbedder:
        return OpenAIEmbedder([self.source(model)], model, nothing)


async def test_texts_go_in_batches_and_vectors_come_in_order():
    endpoint = Endpoint()
    texts = ["x" * number for number in range(1, BATCH + 11)]
    vectors = await endpoint.embedder().embed(texts)
    assert [vector[0] for vector in vectors] == [len(text) for text in texts]
    assert sorted(len(request["input"]) for request in endpoint.requests) == [10, BATCH]


async def test_short_vectors_are_asked_for_where_the_model_has_them():
    endpoint = Endpoint()
    await endpoint.embedder("text-embedding-3-large").embed(["x"])
    await endpoint.embedder("nomic-embed-text").embed(["x"])
    assert [request.get("dimensions") for request in endpoint.requests] == [256, None]
    assert endpoint.embedder("text-embedding-3-large").name == "text-embedding-3-large-256"


async def test_what_may_pass_is_tried_again():
    endpoint = Endpoint(429, 503)
    assert len(await endpoint.embedder().embed(["x"])) == 1
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize(
    ("status", "error"), [(404, EmbeddingRefused), (400, EmbeddingRefused), (503, EmbeddingUnavailable)]
)
async def test_errors_tell_whether_trying_again_is_useful(status, error):
    with pytest.raises(error):
        await Endpoint(*[status] * 9).embedder().embed(["x"])


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
async def test_a_proxys_page_in_place_of_vectors_is_no_answer_of_the_models(kind):
    page = httpx.Response(200, text="<html>Sign in</html>", headers={"content-type": kind})
    endpoint = Endpoint(page)
    with pytest.raises(EmbeddingUnavailable):
        await endpoint.embedder().embed(["x"])
    endpoint.statuses.append(page)
    assert [each async for each in endpoint.embedder().batches(["x"])] == [{0: [1.0, 1.0]}]


@pytest.mark.parametrize("body", ['{"error": "Unexpected endpoint"}', "[1]", '{"data": []}'])
async def test_an_answer_without_vectors_is_that_of_a_server_that_does_not_embed(body):
    page = httpx.Response(200, text=body, headers={"content-type": "application/json"})
    with pytest.raises(EmbeddingRefused):
        await Endpoint(page).embedder().embed(["x"])


@pytest.mark.parametrize("number", ["null", "NaN", "1e999", '"x"'])
async def test_what_is_no_number_is_in_no_vector(number):
    body = f'{{"object": "list", "data": [{{"object": "embedding", "index": 0, "embedding": [1.0, {number}]}}]}}'
    answer = httpx.Response(200, text=body, headers={"content-type": "application/json"})
    with pytest.raises(EmbeddingRefused):
        await Endpoint(answer).embedder().embed(["x"])


async def test_a_source_that_says_nothing_is_left_for_the_next_and_alone_is_given_up_soon():
    limits = {"soon": 0.4, "patience": 0.2}
    silent, speaking = Endpoint(), Endpoint()
    silent.seconds = 30
    both = OpenAIEmbedder([silent.source("m"), speaking.source("m")], "m", nothing, **limits)
    assert await both.embed(["x"]) == [[1.0, 1.0]]
    assert [each async for each in both.batches(["x"])] == [{0: [1.0, 1.0]}]
    assert (len(silent.requests), len(speaking.requests)) == (1, 2)
    both = OpenAIEmbedder([silent.source("m"), speaking.source("m")], "m", nothing, **limits)
    assert [each async for each in both.batches(["x"])] == [{0: [1.0, 1.0]}]
    with pytest.raises(EmbeddingUnavailable, match="within"):
        await OpenAIEmbedder([silent.source("m")], "m", nothing, **limits).embed(["x"])


async def nothing() -> None:
    pass


async def test_without_a_model_words_with_common_parts_are_near():
    query, near, far = await HashedEmbedder().embed(["configuring", "the configuration", "a banana"])
    assert cosine(query, near) > 0.3 > cosine(query, far)


def cosine(left, right) -> float:
    return sum(map(mul, left, right)) / math.hypot(*left) / math.hypot(*right)
