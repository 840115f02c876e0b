"""What a request says about the provider's prompt cache, as far as its model knows the words.

Written tokens cost more than others, so a request marks what there is reason to believe will be read: the thread goes
on, or others begin in the same way. A thread with a single run costs what it would cost without a cache, or less.
"""

from __future__ import annotations

import json
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from shared.config import Settings
from shared.json_types import Json
from shared.llm.base import Caching
from shared.llm.responses.breakpoints import has_earned, marked, with_additions_behind, with_own_block

#: Stands for breakpoints and the options beside them, which a model knows both or neither.
OPTIONS: Final = "prompt_cache_options"
KEY: Final = "prompt_cache_key"
#: Beginnings of prompts that a process remembers.
MOST_REMEMBERED: Final = 1000

_FAMILY: Final = re.compile(r"(?:^|[/.:])(?:gpt-(\d)(?:\.?(\d+))?o?|o\d|chatgpt-4o)(?=$|[-@:])")
#: The first version of the family that takes breakpoints.
_FIRST_WITH_BREAKPOINTS: Final = (5, 6)
#: What stands in front of the messages, or changes how they are read.
_FRONT: Final = ("model", "tools", "instructions", "text", "reasoning")


def takes_key(model: str) -> bool:
    """Whether the model is one of OpenAI's: others' servers may refuse what they do not know."""
    return _FAMILY.search(model) is not None


def takes_breakpoints(model: str) -> bool:
    """Whether the model finds prompts again at breakpoints: `gpt-5.6` and later, by whatever prefix and suffix.

    Names of deployments leave the point out: `gpt-35-turbo` is 3.5.
    """
    found = _FAMILY.search(model)
    return found is not None and found[1] is not None and (int(found[1]), int(found[2] or 0)) >= _FIRST_WITH_BREAKPOINTS


@dataclass(frozen=True, slots=True)
class Seen:
    """When a beginning was sent last, by which run, and whether another run had sent it shortly before."""

    at: float
    run: str
    shared: bool


class PromptCache:
    """What the process has sent, and so what the provider may still have."""

    def __init__(self, ttl: str = "", lifetime: float = 1800.0, clock: Callable[[], float] = time.time) -> None:
        """`ttl` is what requests say, `lifetime` what it means in seconds."""
        self._options = {"mode": "explicit", **({"ttl": ttl} if ttl else {})}
        self._lifetime, self._clock = lifetime, clock
        self._seen: OrderedDict[bytes, Seen] = OrderedDict()

    def keyed(self, body: Json, caching: Caching | None) -> Json:
        """The body with the key by which the provider finds what belongs together, and what changes put behind."""
        if caching is None or not takes_key(body["model"]):
            return body
        return with_additions_behind(body, caching) | {KEY: caching.key}

    def with_breakpoints(self, body: Json, caching: Caching | None) -> Json:
        """The body with breakpoints where something will be read; without any, nothing is written either."""
        if caching is None or not takes_breakpoints(body["model"]):
            return body
        body = with_own_block(body, caching)
        shared = self._is_shared(body, caching)
        own = caching.instructions is not None
        thread = (caching.continues and (own or shared)) or has_earned(body, caching)
        return marked(body, block=own and (caching.continues or shared), thread=thread) | {OPTIONS: self._options}

    def _is_shared(self, body: Json, caching: Caching) -> bool:
        """Whether another run has begun with the same block lately; the block counts as sent now."""
        block = [body.get(name) for name in _FRONT] + [caching.key, caching.instructions]
        digest = sha256(json.dumps(block).encode()).digest()
        now, before = self._clock(), self._seen.pop(digest, None)
        known = before is not None and now - before.at < self._lifetime
        shared = before is not None and known and (before.run != caching.run or before.shared)
        self._seen[digest] = Seen(now, caching.run, shared)
        if len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)
        return shared


def prompt_cache(settings: Settings) -> PromptCache:
    """The cache as the settings have it."""
    return PromptCache(settings.prompt_cache_ttl, settings.prompt_cache_seconds)
