"""Untrusted JSON to request models: pydantic's errors become the API's own words, with the path of the culprit.

Unions are told apart by `shape`; its tags are in parentheses, so that they can be dropped from paths.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, Discriminator, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from shared.errors import LONGEST_QUOTE, InvalidRequest

Model = TypeVar("Model", bound=BaseModel)

#: The type of errors that validators raise with their message, code and field ready-made.
READY: Final = "ready"


def parse(model: type[Model], raw: object) -> Model:
    """The request in `raw`. Raises InvalidRequest for the first thing wrong with it."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise translate(error.errors(include_url=False)[0], raw) from None


def shape(value: object) -> str:
    """The tag of a union's member: by JSON type, and objects by their `type`."""
    if isinstance(value, dict):
        kind = value.get("type")
        return f"(={kind})" if isinstance(kind, str) and len(kind) <= LONGEST_TAG else "(=)"
    if isinstance(value, BaseModel):
        return f"(={getattr(value, 'type', '')})"
    return f"({kind_of(value)})"


#: No `type` is longer.
LONGEST_TAG: Final = 64

#: Put on each union in a request model.
BY_SHAPE: Final = Discriminator(shape)


def rejected(message: str, code: str | None = None, field: str | None = None) -> PydanticCustomError:
    """What a validator raises for a rule of its own; `field` is relative to the value it validates."""
    context = {"text": message, "code": code or "", "field": field or ""}
    return PydanticCustomError(READY, "{text}", context)


def kind_of(value: object) -> str:
    """What a JSON value is, with its article."""
    if value is None:
        return "null"
    kinds = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string", list: "an array"}
    return kinds.get(type(value), "an object")


def translate(error: ErrorDetails, raw: object) -> InvalidRequest:
    """One of pydantic's errors in the API's words."""
    path = path_of(error["loc"], raw)
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind in EXPECTED_KINDS:
        return wrong_type(path, EXPECTED_KINDS[kind], value)
    translation: Translation = TRANSLATIONS.get(kind, _other)
    return translation(path, value, context)


def path_of(location: Sequence[str | int], raw: object) -> str:
    """`tool_outputs[0].tool_call_id`, without union tags and without the marks pydantic puts on dictionary keys."""
    path, here = "", raw
    for part in location:
        inside = isinstance(here, dict) and part in here
        if isinstance(part, int):
            path += f"[{part}]"
            here = here[part] if isinstance(here, list) and part < len(here) else None
        elif inside or not (part.startswith("(") or part == "[key]"):
            path += f".{part[:LONGEST_QUOTE]}" if path else part[:LONGEST_QUOTE]
            here = here[part] if isinstance(here, dict) and inside else None
    return path


def missing(path: str) -> InvalidRequest:
    """A required parameter is not there."""
    return InvalidRequest(f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter")


def unknown(path: str) -> InvalidRequest:
    """A parameter the API does not have."""
    return InvalidRequest(f"Unknown parameter: '{path}'.", param=path, code="unknown_parameter")


def wrong_type(path: str, expected: str, value: object) -> InvalidRequest:
    """A value of another JSON type than expected."""
    if not path:
        message = f"Invalid type for the request body: expected {expected}, but got {kind_of(value)} instead."
        return InvalidRequest(message, code="invalid_type")
    message = f"Invalid type for '{path}': expected {expected}, but got {kind_of(value)} instead."
    return InvalidRequest(message, param=path, code="invalid_type")


def wrong_value(path: str, value: object, supported: Sequence[str]) -> InvalidRequest:
    """A string outside an enumeration."""
    message = f"Invalid value: '{shown(value)}'. Supported values are: {listing(supported)}."
    return InvalidRequest(message, param=path, code="invalid_value")


def out_of_bounds(path: str, value: object, limit: float, *, above: bool) -> InvalidRequest:
    """A number above its maximum or below its minimum; the limit's type tells integers from decimals."""
    kind = "integer" if isinstance(limit, int) else "decimal"
    where, sign, short = ("above maximum", "<=", "above_max") if above else ("below minimum", ">=", "below_min")
    message = (
        f"Invalid '{path}': {kind} {where} value. Expected a value {sign} {limit:g}, but got {shown(value)} instead."
    )
    return InvalidRequest(message, param=path, code=f"{kind}_{short}_value")


def too_long(path: str, what: str, limit: int, length: int) -> InvalidRequest:
    """A string or array above its maximum length."""
    message = (
        f"Invalid '{path}': {what} too long. Expected {article(what)} {what} with maximum length {limit}, "
        f"but got {article(what)} {what} with length {length} instead."
    )
    return InvalidRequest(message, param=path, code=f"{what}_above_max_length")


def too_short(path: str, what: str, limit: int, length: int) -> InvalidRequest:
    """A string or array below its minimum length."""
    got = f"an empty {what}" if length == 0 else f"{article(what)} {what} with length {length}"
    message = (
        f"Invalid '{path}': {what} too short. Expected {article(what)} {what} with minimum length {limit}, "
        f"but got {got} instead."
    )
    return InvalidRequest(message, param=path, code=f"{what}_below_min_length")


def shown(value: object) -> str:
    """A value as messages quote it; a long text is cut before it is copied."""
    return str(value[:LONGEST_QUOTE] if isinstance(value, str) else value)


def article(noun: str) -> str:
    """`a` or `an`, whichever the noun takes."""
    return "an" if noun[0] in "aeiou" else "a"


def listing(values: Sequence[str], conjunction: str = "and") -> str:
    """`'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`."""
    quoted = [f"'{value}'" for value in values]
    if len(quoted) < 3:
        return f" {conjunction} ".join(quoted)
    return ", ".join(quoted[:-1]) + f", {conjunction} {quoted[-1]}"


def _literal(path: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    supported = re.findall(r"'([^']*)'", context["expected"])
    if isinstance(value, str):
        return wrong_value(path, value, supported)
    return wrong_type(path, f"one of {listing(supported, 'or')}", value)


def _union(path: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    tags = re.findall(r"'\((.*?)\)'", context["expected_tags"])
    types, kinds = [tag[1:] for tag in tags if tag.startswith("=")], [tag for tag in tags if not tag.startswith("=")]
    if isinstance(value, dict) and types:
        where = f"{path}.type"
        if "type" not in value:
            return missing(where)
        if not isinstance(value["type"], str):
            return wrong_type(where, f"one of {listing(types, 'or')}", value["type"])
        return wrong_value(where, value["type"], types)
    kinds += ["an object"] if types else []
    return wrong_type(path, kinds[0] if len(kinds) == 1 else f"one of {' or '.join(kinds)}", value)


def _too_long(path: str, value: Any, context: Mapping[str, Any]) -> InvalidRequest:
    limit, length = context["max_length"], len(value)
    if context["field_type"] != "Dictionary":
        return too_long(path, "array", limit, length)
    message = (
        f"Invalid '{path}': too many properties. Expected an object with at most {limit} properties, "
        f"but got an object with {length} properties instead."
    )
    return InvalidRequest(message, param=path, code="object_above_max_properties")


def _pattern(path: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    message = (
        f"Invalid '{path}': string does not match pattern. "
        f"Expected a string that matches the pattern '{context['pattern']}'."
    )
    return InvalidRequest(message, param=path, code="invalid_value")


def _ready(path: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    field: str = context["field"]
    where = path + field if field.startswith("[") else ".".join(part for part in (path, field) if part)
    return InvalidRequest(context["text"].replace("{path}", where), param=where or None, code=context["code"] or None)


def _other(path: str, value: object, context: Mapping[str, Any]) -> InvalidRequest:
    return InvalidRequest(f"Invalid '{path}'.", param=path or None, code="invalid_value")


EXPECTED_KINDS: Final = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a decimal",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}

Translation = Callable[[str, Any, Mapping[str, Any]], InvalidRequest]

TRANSLATIONS: Final[Mapping[str, Translation]] = {
    "missing": lambda path, value, context: missing(path),
    "extra_forbidden": lambda path, value, context: unknown(path),
    "literal_error": _literal,
    "union_tag_invalid": _union,
    "greater_than_equal": lambda path, value, context: out_of_bounds(path, value, context["ge"], above=False),
    "less_than_equal": lambda path, value, context: out_of_bounds(path, value, context["le"], above=True),
    "string_too_long": lambda path, value, context: too_long(path, "string", context["max_length"], len(value)),
    "string_too_short": lambda path, value, context: too_short(path, "string", context["min_length"], len(value)),
    "string_pattern_mismatch": _pattern,
    "too_long": _too_long,
    "too_short": lambda path, value, context: too_short(path, "array", context["min_length"], len(value)),
    READY: _ready,
}
