"""Our objects in pydantic's words: to describe them in documents, and to check those that come from elsewhere."""

from __future__ import annotations

from functools import cache, reduce
from operator import or_
from typing import Any, get_args, get_origin

from msgspec import NODEFAULT
from msgspec.structs import fields
from pydantic import BaseModel, ConfigDict, Field, create_model

from shared.objects.stored import StoredRecord


@cache
def model_of(kind: type[StoredRecord]) -> type[BaseModel]:
    """The model with the fields of an object; what it does not know is kept."""
    members: dict[str, Any] = {}
    for each in fields(kind):
        default: Any = ... if each.default is NODEFAULT else each.default
        if each.default_factory is not NODEFAULT:
            default = Field(default_factory=_described(each.default_factory))
        members[each.name] = (_described(each.type), default)
    return create_model(kind.__name__, __doc__=kind.__doc__, __config__=ConfigDict(extra="allow"), **members)


def _described(kind: Any) -> Any:
    """A type, or what makes a default, with models in the place of objects."""
    if isinstance(kind, type) and issubclass(kind, StoredRecord):
        return model_of(kind)
    inner = [_described(each) for each in get_args(kind)]
    if not inner or [*get_args(kind)] == inner:
        return kind
    return list[inner[0]] if get_origin(kind) is list else reduce(or_, inner)  # type: ignore[valid-type]
