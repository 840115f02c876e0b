"""Which of several endpoints a thread belongs to: the same one for everybody who asks, without anybody remembering it.

Rendezvous hashing: an endpoint that comes or goes moves the threads that are its, and no others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import sha256

from shared.llm.responses.endpoint import Candidate


def ranked(places: Sequence[Candidate], key: str) -> list[Candidate]:
    """The places by priority, and within one in the order of their lots for this key, which follow their weights."""
    return sorted(places, key=lambda each: (each.entry.priority, lot(each.name, each.entry.weight, key)))


def lot(name: str, weight: int, key: str) -> float:
    """A number of its own for each name and key; the smallest wins, twice as often with twice the weight."""
    drawn = int.from_bytes(sha256(f"{name}\n{key}".encode()).digest()[:8])
    return -math.log((drawn + 1) / (2**64 + 1)) / weight
