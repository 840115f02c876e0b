"""Vectors from any endpoint with OpenAI's embeddings call: OpenAI, Azure OpenAI, Ollama, vLLM and others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from shared.search.base import EmbeddingRefused, EmbeddingUnavailable, Vector

if TYPE_CHECKING:
    from openai import AsyncOpenAI

#: Texts of one request: with the largest chunks still below the 300,000 tokens that OpenAI takes at once.
BATCH: Final = 64
PARALLEL: Final = 4
RETRIES: Final = 5
#: Models of this family can be asked for short vectors; quality is nearly the same, memory and time a sixth.
SHORTENED: Final = "text-embedding-3"
DIMENSIONS: Final = 256


class OpenAIEmbedder:
    """`Embedder` by a model; `client` gives the client to use, `close` closes it."""

    def __init__(self, client: Callable[[], AsyncOpenAI], model: str, close: Callable[[], Awaitable[None]]):
        self._client, self._model, self._close = client, model, close
        self._options: dict[str, Any] = {"dimensions": DIMENSIONS} if SHORTENED in model else {}

    @property
    def name(self) -> str:
        """The model, and the dimensions if they were asked for."""
        return "-".join([self._model, *map(str, self._options.values())])

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector per text. Raises EmbeddingUnavailable or EmbeddingRefused."""
        turns = asyncio.Semaphore(PARALLEL)

        async def embed(batch: Sequence[str]) -> list[Vector]:
            async with turns:
                return await self._request(batch)

        batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        return [vector for vectors in await asyncio.gather(*map(embed, batches)) for vector in vectors]

    async def close(self) -> None:
        """Release connections."""
        await self._close()

    async def _request(self, batch: Sequence[str]) -> list[Vector]:
        # heavy: loaded on first use
        from openai import APIConnectionError, APIStatusError, OpenAIError  # noqa: PLC0415

        client = self._client().with_options(max_retries=RETRIES)
        # An empty text is refused.
        inputs = [text or " " for text in batch]
        try:
            answer = await client.embeddings.create(model=self._model, input=inputs, **self._options)
        except APIConnectionError as error:
            raise EmbeddingUnavailable(str(error)) from error
        except APIStatusError as error:
            passing = error.status_code in (408, 409, 429) or error.status_code >= 500
            raise (EmbeddingUnavailable if passing else EmbeddingRefused)(str(error)) from error
        except OpenAIError as error:
            raise EmbeddingUnavailable(str(error)) from error
        return [each.embedding for each in sorted(answer.data, key=lambda each: each.index)]
