"""The provider's prompt cache as the fake has it: what a request reads, what it writes, and what that costs.

Earlier models find the longest beginning that was seen before, in steps. From gpt-5.6 on, a beginning is found only at
a breakpoint of the request where an earlier request with the same key had one; without options, at the newest message.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

Json = dict[str, Any]

#: Tokens that a beginning has at least.
SMALLEST = 1024
#: Tokens by which earlier models go.
STEP = 128
CHARACTERS_PER_TOKEN = 4
MOST_READ, MOST_WRITTEN = 80, 4
LIFETIMES = {"30m": 1800.0, "12h": 43_200.0}
BREAKPOINT = "prompt_cache_breakpoint"


@dataclass
class Cost:
    """Tokens of input, those that were read from the cache, and those that were written to it."""

    tokens: int = 0
    read: int = 0
    written: int = 0

    @property
    def money(self) -> float:
        """In uncached tokens."""
        return self.tokens - self.read - self.written + 1.25 * self.written + 0.1 * self.read

    @property
    def ratio(self) -> float:
        """What is paid, to what would be paid without a cache."""
        return self.money / self.tokens

    @property
    def share(self) -> float:
        """The share of the tokens that was read."""
        return self.read / self.tokens

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.tokens + other.tokens, self.read + other.read, self.written + other.written)


@dataclass
class PromptCache:
    """What requests have written, until it lapses; reading does not prolong it."""

    clock: Callable[[], float] = time.time
    costs: list[Cost] = field(default_factory=list)
    #: Key of each request, for who counts what one key bears.
    keys: list[str] = field(default_factory=list)
    _written: dict[bytes, float] = field(default_factory=dict)

    @property
    def total(self) -> Cost:
        """The sum over all requests."""
        return sum(self.costs, Cost())

    def take(self, body: Json) -> Cost:
        """Count a request, and remember what it writes."""
        cost = self._at_breakpoints(body) if has_breakpoints(body["model"]) else self._in_steps(body)
        self.costs.append(cost)
        self.keys.append(body.get("prompt_cache_key", ""))
        return cost

    def _at_breakpoints(self, body: Json) -> Cost:
        options = body.get("prompt_cache_options", {})
        until = self.clock() + LIFETIMES[options.get("ttl", "30m")]
        digest, tokens, places = _start(body), 0, list[tuple[int, bytes]]()
        for text, is_marked in pieces(body, implicit=options.get("mode", "implicit") == "implicit"):
            digest.update(text.encode())
            tokens += _tokens(text)
            if is_marked and tokens >= SMALLEST:
                places.append((tokens, digest.digest()))
        read = max((at for at, known in places[-MOST_READ:] if self._has(known)), default=0)
        new = [(at, made) for at, made in places[-MOST_WRITTEN:] if not self._has(made)]
        self._written |= dict.fromkeys((made for _, made in new), until)
        return Cost(tokens, read, max(0, max((at for at, _ in new), default=0) - read))

    def _in_steps(self, body: Json) -> Cost:
        text = "".join(piece for piece, _ in pieces(body, implicit=False))
        digest, read, size, now = _start(body), 0, STEP * CHARACTERS_PER_TOKEN, self.clock()
        known = True
        for start in range(0, len(text) - size + 1, size):
            digest.update(text[start : start + size].encode())
            made = digest.digest()
            known = known and self._has(made)
            read += STEP if known else 0
            self._written[made] = now + LIFETIMES["30m"]
        return Cost(_tokens(text), read if read >= SMALLEST else 0)

    def _has(self, made: bytes) -> bool:
        return self._written.get(made, 0) > self.clock()


def has_breakpoints(model: str) -> bool:
    """Whether the model is gpt-5.6 or later."""
    found = re.search(r"gpt-(\d+)\.(\d+)", model)
    return found is not None and (int(found[1]), int(found[2])) >= (5, 6)


def pieces(body: Json, *, implicit: bool) -> Iterator[tuple[str, bool]]:
    """What the model reads, in order, and whether a breakpoint stands behind it."""
    front = [body.get(name) for name in ("tools", "instructions", "reasoning", "text")]
    yield json.dumps(front), False
    items = body["input"]
    newest = max((place for place, item in enumerate(items) if _may_be_newest(item)), default=-1)
    for place, item in enumerate(items):
        parts = item.get("output", item.get("content"))
        if not isinstance(parts, list):
            yield json.dumps(item), implicit and place == newest
            continue
        yield json.dumps({name: value for name, value in item.items() if value is not parts}), False
        for number, part in enumerate(parts):
            text = json.dumps({name: value for name, value in part.items() if name != BREAKPOINT})
            yield text, BREAKPOINT in part or (implicit and place == newest and number == len(parts) - 1)


def misplaced(body: Json) -> str | None:
    """The field that the model does not take, or not there."""
    if not has_breakpoints(body.get("model", "")) and "prompt_cache_options" in body:
        return "prompt_cache_options"
    items = body.get("input")
    for place, item in enumerate(items if isinstance(items, list) else ()):
        name = "output" if "output" in item else "content"
        for number, part in enumerate(item.get(name) or ()):
            known = (
                has_breakpoints(body.get("model", ""))
                and str(part["type"] if isinstance(part, dict) else "")[:6] == "input_"
            )
            if BREAKPOINT in part and not known:
                return f"input[{place}].{name}[{number}].{BREAKPOINT}"
    return None


def _may_be_newest(item: Json) -> bool:
    return item.get("role") == "user" or item.get("type") == "function_call_output"


def _start(body: Json) -> Any:
    return sha256(f"{body['model']} {body.get('prompt_cache_key')}".encode())


def _tokens(text: str) -> int:
    return len(text) // CHARACTERS_PER_TOKEN
