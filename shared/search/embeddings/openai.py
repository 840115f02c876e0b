"""Vectors from any endpoint with OpenAI's embeddings call: OpenAI, Azure OpenAI, Ollama, vLLM and others."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.backoff import Backoff
from shared.search.base import EmbeddingForbidden, EmbeddingRefused, EmbeddingUnavailable, Vector
from shared.search.embeddings.quota import PARALLEL, Quota, retry_after, tokens

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from openai.types import CreateEmbeddingResponse

logger = logging.getLogger(__name__)

#: Seconds for which a source that failed is asked last, at the least; and at the most, whatever it asks for.
LEFT_ALONE: Final = 10.0
LEFT_ALONE_AT_MOST: Final = 120.0
#: Seconds in which a few texts have vectors: somebody waits for them, and finds by words else.
SOON_SECONDS: Final = 30.0
#: Seconds for one request of many texts, as long as there is another source to ask.
SOURCE_SECONDS: Final = 60.0
#: Texts of one request: with the largest chunks still below the 300,000 tokens that OpenAI takes at once.
BATCH: Final = 64
#: Times that a request is repeated.
RETRIES: Final = 5
#: Seconds that `batches` waits for a quota to be filled before it gives up; whoever asked comes again later.
QUOTA_WAIT: Final = 60.0
#: After a failure that names no time.
BACKOFF: Final = Backoff(first=1.0, attempts=RETRIES + 1)
#: Models of this family can be asked for short vectors; quality is nearly the same, memory and time a sixth.
SHORTENED: Final = "text-embedding-3"
#: Numbers of a shortened vector.
DIMENSIONS: Final = 256
#: In the words of Ollama and llama.cpp, whatever the status.
CANNOT: Final = re.compile(r"not support .{0,20}embeddings?\b", re.I)


@dataclass(frozen=True, slots=True)
class VectorSource:
    """An endpoint that has the model, and what it calls it."""

    #: Gives the client to use.
    client: Callable[[], AsyncOpenAI]
    model: str


class OpenAIEmbedder:
    """`Embedder` by a model, at the first of the sources that answers; `close` closes their clients.

    `forbidden` are errors that mean a refused identity.
    """

    def __init__(
        self,
        sources: Sequence[VectorSource],
        model: str,
        close: Callable[[], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        forbidden: tuple[type[Exception], ...] = (),
        soon: float = SOON_SECONDS,
        patience: float = SOURCE_SECONDS,
    ):
        """A few texts have their vectors within `soon` seconds; a source has `patience` while there is another one."""
        self._sources, self._model, self._close, self._sleep = sources, model, close, sleep
        #: Place among the sources -> until when it is left alone (monotonic clock).
        self._failed: dict[int, float] = {}
        self._forbidden, self._soon, self._patience = forbidden, soon, patience
        self._options: dict[str, Any] = {"dimensions": DIMENSIONS} if SHORTENED in model else {}
        self._quota = Quota()

    @property
    def name(self) -> str:
        """The model, and the dimensions if they were asked for."""
        return "-".join([self._model, *map(str, self._options.values())])

    @staticmethod
    def model_in(name: str) -> str:
        """The model of an embedder's name."""
        model, _, dimensions = name.rpartition("-")
        return model if SHORTENED in model and dimensions.isdecimal() else name

    async def embed(self, texts: Sequence[str], retries: int = RETRIES) -> list[Vector]:
        """One vector per text, soon. Raises EmbeddingUnavailable or EmbeddingRefused."""
        turns = asyncio.Semaphore(PARALLEL)

        async def embed(batch: Sequence[str]) -> list[Vector]:
            async with turns:
                return await self._request(batch, retries, self._soon / len(self._sources))

        batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        try:
            async with asyncio.timeout(self._soon):
                return [vector for vectors in await asyncio.gather(*map(embed, batches)) for vector in vectors]
        except TimeoutError as error:
            raise EmbeddingUnavailable(f"no vectors within {self._soon:g} seconds") from error

    async def batches(self, texts: Sequence[str]) -> AsyncIterator[Mapping[int, Vector]]:
        """Vectors by the texts' numbers, in requests that fit the quota. Raises as `Embedder` says."""
        waiting = [(number, tokens(text)) for number, text in enumerate(texts)]
        left, failures = QUOTA_WAIT, 0
        while waiting:
            sent = self._quota.next(waiting)
            requests = [self._request([texts[number] for number in numbers], 0, self._patience) for numbers in sent]
            answers = await asyncio.gather(*requests, return_exceptions=True)
            made: dict[int, Vector] = {}
            for numbers, answer in zip(sent, answers, strict=True):
                if not isinstance(answer, BaseException):
                    made |= zip(numbers, answer, strict=True)
            if made:
                yield made
                waiting, failures = [text for text in waiting if text[0] not in made], 0
            errors = [answer for answer in answers if isinstance(answer, BaseException)]
            if errors:
                failures += 1
                pause = self._pause(errors, failures)
                left -= pause
                if left < 0:
                    raise EmbeddingUnavailable(str(errors[0]), retry_after=pause) from errors[0]
                await self._sleep(pause)

    async def close(self) -> None:
        """Release connections."""
        await self._close()

    def _pause(self, errors: Sequence[BaseException], failures: int) -> float:
        """Seconds to wait before the next request. Raises what waiting does not mend."""
        for error in errors:
            if not isinstance(error, EmbeddingUnavailable) or (error.retry_after is None and failures > RETRIES):
                raise error
        waits = [error.retry_after for error in errors if isinstance(error, EmbeddingUnavailable)]
        named = [wait for wait in waits if wait is not None]
        if named:
            self._quota.refused()
        return max(named, default=BACKOFF.delay(failures))

    async def _request(self, batch: Sequence[str], retries: int, patience: float) -> list[Vector]:
        """Vectors from the first source that gives them; the last one may take as long as it does."""
        *first, last = sorted(range(len(self._sources)), key=lambda each: self._failed.get(each, 0) > time.monotonic())
        for place in first:
            try:
                async with asyncio.timeout(patience):
                    return await self._ask(self._sources[place], batch, 0)
            except (EmbeddingUnavailable, EmbeddingForbidden, TimeoutError) as error:
                # One that says nothing costs all of our patience each time.
                wait = LEFT_ALONE_AT_MOST if isinstance(error, TimeoutError) else getattr(error, "retry_after", None)
                left_alone = min(LEFT_ALONE_AT_MOST, max(LEFT_ALONE, wait or 0))
                self._failed[place] = time.monotonic() + left_alone
                logger.warning("embedding endpoint failed", extra={"action": "embedding_endpoint_failed"})
        return await self._ask(self._sources[last], batch, retries)

    async def _ask(self, source: VectorSource, batch: Sequence[str], retries: int) -> list[Vector]:
        from openai import APIConnectionError, APIStatusError, OpenAIError, RateLimitError

        client = source.client().with_options(max_retries=retries)
        # An empty text is refused.
        inputs = [text or " " for text in batch]
        try:
            raw = await client.embeddings.with_raw_response.create(model=source.model, input=inputs, **self._options)
            if "json" not in raw.headers.get("content-type", ""):
                json.loads(raw.content)
            vectors = vectors_in(raw.parse(), len(batch))
        except json.JSONDecodeError as error:  # a proxy's page: whether the model embeds, it does not say
            raise EmbeddingUnavailable(f"no answer of an embeddings call: {error}") from error
        except APIConnectionError as error:
            raise EmbeddingUnavailable(str(error)) from error
        except RateLimitError as error:
            spent = error.code == "insufficient_quota"
            wait = None if spent else retry_after(error.response.headers)
            raise EmbeddingUnavailable(str(error), retry_after=wait) from error
        except APIStatusError as error:
            raise meaning(error)(str(error)) from error
        except OpenAIError as error:
            raise EmbeddingUnavailable(str(error)) from error
        except self._forbidden as error:
            raise EmbeddingForbidden(str(error)) from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise EmbeddingRefused(f"no answer of an embeddings call: {error}") from error
        self._quota.served(raw.headers)
        return vectors


def meaning(error: APIStatusError) -> type[EmbeddingUnavailable | EmbeddingRefused]:
    """What an error answer means: later, never, or not with this key. Servers that cannot embed may say 501."""
    if error.status_code in (401, 403) and error.code != "model_not_found":
        return EmbeddingForbidden
    passing = error.status_code in (408, 409) or (error.status_code >= 500 and error.status_code != 501)
    return EmbeddingUnavailable if passing and not CANNOT.search(str(error)) else EmbeddingRefused


def vectors_in(answer: CreateEmbeddingResponse, count: int) -> list[Vector]:
    """The vectors in the texts' order. Raises ValueError, or what else an answer of another shape leads to."""
    vectors: list[Vector] = [each.embedding for each in sorted(answer.data, key=lambda each: each.index)]
    lengths = {len(vector) for vector in vectors}
    if len(vectors) != count or len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"{len(vectors)} vectors for {count} texts, of {sorted(lengths)} numbers")
    if not all(all(map(math.isfinite, vector)) for vector in vectors):
        raise ValueError("a vector of which not every number is one")
    return vectors
