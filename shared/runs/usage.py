"""What a turn has used, in the API's words, and what its step says where that is not all."""

from __future__ import annotations

from typing import Final

from shared.llm.base import TurnUsage
from shared.objects.common import Metadata, Usage

#: The remarks of a step whose turn, or an attempt at it, used tokens that nobody reported; they are not counted.
UNKNOWN: Final[Metadata] = {"usage": "not reported"}
PARTIAL: Final[Metadata] = {"usage": "partly reported"}


def usage_of(used: TurnUsage) -> Usage:
    """The tokens in the API's words."""
    written = {"cache_write_tokens": used.cache_write_tokens} if used.cache_write_tokens else {}
    return Usage(
        prompt_tokens=used.input_tokens,
        completion_tokens=used.output_tokens,
        total_tokens=used.input_tokens + used.output_tokens,
        prompt_token_details={"cached_tokens": used.cached_tokens, **written},
        completion_tokens_details={"reasoning_tokens": used.reasoning_tokens},
    )


def remarks_on(used: TurnUsage) -> Metadata:
    """What the step says of its usage: nothing, if it is complete."""
    if used.is_complete:
        return {}
    return PARTIAL if used.input_tokens else UNKNOWN
