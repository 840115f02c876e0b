"""How much to ask of an embedding model at once: learnt from its refusals and from what its answers say is left."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from shared.search.parsing.chunking import pieces

#: Texts and tokens of one request at most: OpenAI takes 300,000 tokens, most others less.
TEXTS: Final = 64
TOKENS: Final = 64 * 800
#: Requests side by side, until one is refused.
PARALLEL: Final = 4
#: No request is cut below this: one text may be longer.
LEAST: Final = 256
#: `x-ratelimit-reset-tokens` as OpenAI writes it: `6m0s`, `1.5s`, `20ms`.
DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Quota:
    """What one endpoint lets through. Requests shrink by half when refused and grow slowly when served."""

    def __init__(self) -> None:
        self.tokens, self.width = TOKENS, PARALLEL
        #: What the last answer said is left of this minute's tokens.
        self.left: int | None = None

    def next(self, costs: Sequence[tuple[int, int]]) -> list[list[int]]:
        """Which of the waiting texts, given as number and tokens, to send now: some requests, side by side."""
        requests: list[list[int]] = []
        size = total = 0
        for number, cost in costs:
            fits = bool(requests) and size + cost <= self.tokens and len(requests[-1]) < TEXTS
            begins = not requests or (not fits and len(requests) < self.width)
            if (requests and self.left is not None and total + cost > self.left) or not (fits or begins):
                break
            if fits:
                requests[-1].append(number)
            else:
                requests.append([number])
                size = 0
            size, total = size + cost, total + cost
        return requests

    def served(self, headers: Mapping[str, str]) -> None:
        """Note what the headers of an answer say of the quota that is left."""
        limit, left = (number(headers.get(f"x-ratelimit-{kind}-tokens")) for kind in ("limit", "remaining"))
        self.left = left
        self.tokens = min(self.tokens + self.tokens // 8, TOKENS, *([] if limit is None else [max(limit // 2, LEAST)]))

    def refused(self) -> None:
        """A request was too much, by itself or after others."""
        self.tokens, self.width, self.left = max(self.tokens // 2, LEAST), 1, None


def number(value: str | None) -> int | None:
    """A header's whole number; Azure writes -1 for what it does not know."""
    return int(value) if value is not None and value.isdecimal() else None


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds until it is worth trying again, as the answer says."""
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "")
        if re.fullmatch(r"\d+(\.\d+)?", value):
            return float(value) * factor
    found = DURATION.findall(headers.get("x-ratelimit-reset-tokens", ""))
    return sum(float(count) * UNITS[unit] for count, unit in found) or 10.0


def tokens(text: str) -> int:
    """About how many tokens a text is, rather too many."""
    return sum(cost for _, cost in pieces(text)) or 1
