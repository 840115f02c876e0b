"""A small quota of the embedding model: requests that fit, vectors that are made once, waiting as long as told."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import httpx2 as httpx
import pytest
from openai import AsyncOpenAI

from shared.search.base import EmbeddingUnavailable
from shared.search.embeddings.openai import QUOTA_WAIT, OpenAIEmbedder, VectorSource
from shared.search.embeddings.quota import Quota, retry_after, tokens
from shared.search.parsing.chunking import Strategy, chunk

MINUTE = 60.0
MODEL = "text-embedding-3-small"
#: What the endpoint counts, too; a long text is counted once for all tests.
cost_of = cache(tokens)


class Limiter:
    """An endpoint that serves so many tokens a minute, on a clock that only sleeping moves."""

    def __init__(self, allowance: int, *, headers: bool = True):
        self.allowance, self.headers = allowance, headers
        self.now = 0.0
        self.used: dict[int, int] = {}
        self.served: list[str] = []
        self.refusals = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        texts = json.loads(request.content)["input"]
        cost, minute = sum(map(cost_of, texts)), int(self.now // MINUTE)
        left = self.allowance - self.used.get(minute, 0)
        if cost > left:
            self.refusals += 1
            wait = str(int(MINUTE - self.now % MINUTE) + 1)
            return httpx.Response(429, json={"error": {"message": "Rate limit"}}, headers={"retry-after": wait})
        self.used[minute] = self.used.get(minute, 0) + cost
        self.served += texts
        told = {"x-ratelimit-limit-tokens": str(self.allowance), "x-ratelimit-remaining-tokens": str(left - cost)}
        data = [{"object": "embedding", "index": n, "embedding": [float(len(t)), 1.0]} for n, t in enumerate(texts)]
        body = {"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": cost, "total_tokens": cost}}
        return httpx.Response(200, json=body, headers=told if self.headers else {})

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def embedder(self) -> OpenAIEmbedder:
        transport = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        client = AsyncOpenAI(base_url="http://model.test/v1", api_key="k", http_client=transport, max_retries=0)
        return OpenAIEmbedder([VectorSource(lambda: client, MODEL)], MODEL, client.close, self.sleep)


async def embed_all(limiter: Limiter, texts: list[str], *, restarting: bool) -> dict[int, list[float]]:
    """All vectors, in as many turns as it takes; with an embedder that has learnt nothing each time."""
    embedder = limiter.embedder()
    vectors: dict[Any, Any] = {}
    for _ in range(500):
        missing = [number for number in range(len(texts)) if number not in vectors]
        try:
            async for made in embedder.batches([texts[number] for number in missing]):
                vectors |= {missing[number]: vector for number, vector in made.items()}
            return vectors
        except EmbeddingUnavailable as error:
            await limiter.sleep(error.retry_after)
            embedder = limiter.embedder() if restarting else embedder
    raise AssertionError("never done")


@pytest.mark.parametrize("headers", [True, False], ids=["told", "not told"])
@pytest.mark.parametrize(
    "restarting", [False, pytest.param(True, marks=pytest.mark.long)], ids=["one process", "restarted"]
)
async def test_a_megabyte_is_embedded_with_30_000_tokens_a_minute_and_nothing_twice(headers, restarting):
    text = " ".join(f"sentence {number} of a long report about the harbour," for number in range(20_000))
    texts = [piece.text for piece in chunk(text, Strategy())]
    limiter = Limiter(30_000, headers=headers)
    vectors = await embed_all(limiter, texts, restarting=restarting)
    assert [vectors[number][0] for number in range(len(texts))] == [len(text) for text in texts]
    assert sorted(limiter.served) == sorted(texts)
    needed = sum(map(cost_of, texts)) / 30_000
    # A process that has learnt nothing asks for too much at first.
    assert limiter.now / MINUTE < (2 if restarting else 1.5) * needed + 3


async def test_without_a_limit_requests_go_side_by_side():
    limiter = Limiter(10**9, headers=False)
    await embed_all(limiter, [f"text {number}" for number in range(300)], restarting=False)
    assert (limiter.refusals, limiter.now) == (0, 0)


async def test_who_must_wait_longer_than_about_a_minute_is_told_how_long():
    limiter = Limiter(0)
    with pytest.raises(EmbeddingUnavailable) as error:
        async for _ in limiter.embedder().batches(["x"]):
            pass
    assert error.value.retry_after is not None
    assert limiter.now <= QUOTA_WAIT


async def test_a_spent_credit_is_no_matter_of_waiting():
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(429, json={"error": {"message": "no credit", "code": "insufficient_quota"}})

    client = AsyncOpenAI(
        base_url="http://model.test/v1",
        api_key="k",
        http_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)),
    )
    limiter = Limiter(0)
    embedder = OpenAIEmbedder([VectorSource(lambda: client, "m")], "m", client.close, limiter.sleep)
    with pytest.raises(EmbeddingUnavailable) as error:
        async for _ in embedder.batches(["x"]):
            pass
    assert error.value.retry_after is None


def test_requests_fit_what_is_left_and_grow_again():
    quota, costs = Quota(), [(number, 800) for number in range(300)]
    assert [len(request) for request in quota.next(costs)] == [64, 64, 64, 64]
    quota.served({"x-ratelimit-limit-tokens": "30000", "x-ratelimit-remaining-tokens": "9000"})
    assert [len(request) for request in quota.next(costs)] == [11]
    quota.refused()
    assert [len(request) for request in quota.next(costs)] == [9]
    quota.served({"x-ratelimit-remaining-tokens": "-1"})
    assert [len(request) for request in quota.next(costs)] == [10]
    assert quota.next([(0, 10**6)]) == [[0]]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"x-ratelimit-reset-tokens": "1m1.5s"}, 61.5),
        ({"x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({}, 10),
    ],
)
def test_the_time_to_wait_is_the_one_that_is_told(headers, seconds):
    assert retry_after(headers) == pytest.approx(seconds)
