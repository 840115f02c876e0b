"""The port to a provider's API for calls that are not the box's own: they go out and come back as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """A POST for the provider, as it goes out; our own credentials are added on the way."""

    #: Below the endpoint's base URL, such as `/embeddings`.
    path: str
    content_type: str
    #: Pieces are sent as they come, and held nowhere.
    body: bytes | AsyncIterator[bytes]
    #: What the caller would like to read.
    accept: str = "*/*"


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """What the provider answers, as it comes in."""

    status: int
    #: Those that may be passed on.
    headers: Mapping[str, str]
    #: Raises ProviderError when it breaks off; a stream of events ends with one that says so.
    pieces: AsyncIterator[bytes]


class Provider(Protocol):
    """Takes calls of the provider's API that are not the box's own."""

    def call(self, call: ProviderCall) -> AbstractAsyncContextManager[ProviderAnswer]:
        """The answer while the block lasts; leaving it closes the connection. Raises ProviderError for a refusal, and
        whatever the pieces of the body raise."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
