"""The endpoints that can be asked, and which of them a thread belongs to: the same for everybody, kept by nobody.

Rendezvous hashing: an endpoint that comes or goes moves the threads that are its, and no others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from shared.config import Settings
from shared.ids import random_text
from shared.llm.responses.endpoint import Endpoint, endpoint_of, further_endpoint
from shared.settings.model_endpoints import MAIN, ModelEndpoint, deployment


@dataclass(frozen=True, slots=True)
class Member:
    """An endpoint as one of several, with what MODEL_ENDPOINTS says of it."""

    name: str
    endpoint: Endpoint
    entry: ModelEndpoint
    #: Whether it is the one of the other settings: what was begun while it was alone is its.
    is_main: bool = False

    def deployment(self, model: str) -> str | None:
        """What it calls a model; None: it does not have it."""
        return deployment(model, self.entry.deployments)


@dataclass(frozen=True, slots=True)
class Members:
    """One endpoint, or several, for calls that belong to no thread."""

    all: Sequence[Member]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those that the settings name. Raises ValueError for entries that cannot be."""
        alone = endpoint_of(settings)
        only = [] if alone is None else [Member(MAIN, alone, ModelEndpoint(), is_main=True)]
        return cls(members_of(settings) or only)

    def having(self, model: str | None) -> list[Member]:
        """Those that have the model (None: whatever they take), the first to ask in front."""
        fitting = [each for each in self.all if model is None or each.deployment(model) is not None]
        return ranked(fitting, random_text(8)) if len(fitting) > 1 else fitting

    async def close(self) -> None:
        """Close the connections."""
        for each in self.all:
            await each.endpoint.close()


def members_of(settings: Settings) -> list[Member]:
    """The endpoints that MODEL_ENDPOINTS names, and the one of the other settings; empty: there are not several.

    Raises ValueError where an entry has no address and no other setting names an endpoint.
    """
    entries, main = settings.model_endpoints, endpoint_of(settings)
    if not entries:
        return []
    unnamed = next((name for name, each in entries.items() if not each.base_url), None)
    if unnamed is not None and main is None:
        raise ValueError(f"MODEL_ENDPOINTS: {unnamed} has no base_url, and no other setting names an endpoint")
    own = entries.get(unnamed or "", ModelEndpoint())
    first = [] if main is None else [Member(unnamed or MAIN, main, own, is_main=True)]
    addressed = {name: each for name, each in entries.items() if each.base_url}
    return first + [Member(name, further_endpoint(each, settings), each) for name, each in addressed.items()]


def ranked(members: Sequence[Member], key: str) -> list[Member]:
    """The members by priority, and within one by their lots for this key, which follow their weights."""
    return sorted(members, key=lambda each: (each.entry.priority, lot(each.name, each.entry.weight, key)))


def lot(name: str, weight: int, key: str) -> float:
    """A number of its own for each name and key; the smallest wins, twice as often with twice the weight."""
    drawn = int.from_bytes(sha256(f"{name}\n{key}".encode()).digest()[:8])
    return -math.log((drawn + 1) / (2**64 + 1)) / weight
