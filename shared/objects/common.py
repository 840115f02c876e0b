"""What all objects share: strict requests, metadata, usage."""

from __future__ import annotations

from functools import partial
from typing import Annotated, ClassVar, Final, Literal

from msgspec import field
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, model_validator

from shared.json_types import Json
from shared.objects.bounds import AtMost
from shared.objects.json_schema import as_map, as_schema
from shared.objects.stored import StoredRecord

#: Put on each map in a request: PHP writes an empty one as `[]`.
MAP = BeforeValidator(as_map)

#: A JSON Schema in a request.
SchemaIn = Annotated[Json, BeforeValidator(as_schema)]

Metadata = dict[str, str]

#: Pairs that an object's metadata may have.
MOST_METADATA: Final = 16
#: 16 pairs, keys up to 64 and values up to 512 characters; the request models hold the limits.
MetadataIn = Annotated[
    dict[Annotated[str, StringConstraints(max_length=64)], Annotated[str, StringConstraints(max_length=512)]],
    AtMost(MOST_METADATA),
    MAP,
]

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class RequestBody(BaseModel):
    """A request body: unknown parameters are refused, and types are not coerced, but for an empty list (`MAP`)."""

    # Built on first use: a cold start pays for the requests it gets, not for all there are.
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _from_an_empty_list(cls, value: object) -> object:
        return as_map(value)


class OneOfKinds(RequestBody):
    """One of several kinds that `type` tells apart. C#, Java and Go write the others' members, too, as null."""

    #: The members that make the kinds.
    kinds: ClassVar[frozenset[str]]

    @model_validator(mode="before")
    @classmethod
    def _without_members_of_the_others(cls, value: object) -> object:
        others = cls.kinds - cls.model_fields.keys()
        if not isinstance(value, dict) or others.isdisjoint(value):
            return value
        return {name: member for name, member in value.items() if member is not None or name not in others}


class Usage(StoredRecord, kw_only=True):
    """Tokens of a step or run; the two details are what the hosted service adds.

    Tokens that were written to the provider's cache, if there are any, stand beside those read from it:
    `prompt_token_details: {"cached_tokens": 1024, "cache_write_tokens": 200}`.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    prompt_token_details: dict[str, int] = field(default_factory=partial(dict, cached_tokens=0))
    completion_tokens_details: dict[str, int] = field(default_factory=partial(dict, reasoning_tokens=0))

    def plus(self, other: Usage) -> Usage:
        """The sum, extras included."""
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            total_tokens=self.total_tokens + other.total_tokens,
            prompt_token_details=add(self.prompt_token_details, other.prompt_token_details),
            completion_tokens_details=add(self.completion_tokens_details, other.completion_tokens_details),
        )


def add(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    """The sum of two counts by name; a name that one of them lacks counts as 0 there."""
    return {key: left.get(key, 0) + right.get(key, 0) for key in left | right}
