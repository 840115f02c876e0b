"""What can be known of a JSON Schema before a model sees it: that it is one, and what strict mode forbids.

Only what every strict server forbids is looked for; lengths, formats and bounds are the endpoint's to judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from shared.json_types import Json
from shared.objects.json_schema import LISTS, MAPS, SCHEMAS

TYPES: Final = {"object", "array", "string", "number", "integer", "boolean", "null"}
#: Keywords that strict mode does not take, if they say anything.
FORBIDDEN: Final = ("oneOf", "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas")
#: Characters of a value that a message quotes.
_LONGEST_VALUE: Final = 100

Context = tuple[str, ...]


def not_an_object(schema: Json) -> str | None:
    """Why it describes no object, in the hosted words. A schema that names no type is taken for one."""
    kind = schema.get("type", "object")
    if kind == "object":
        return None
    return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{_quoted(kind)}\"'."


def malformed(schema: Json) -> str | None:
    """Why it is no JSON Schema, in the hosted words."""
    return next((fault for _, each in subschemas(schema) if (fault := _malformed_here(each)) is not None), None)


def not_strict(schema: Json) -> str | None:
    """Why strict mode refuses it, in the hosted words."""
    if schema.get("anyOf"):
        return "schema must have type 'object' and not have 'anyOf' at the top level."
    for context, each in subschemas(schema):
        if isinstance(each, dict) and (fault := _not_strict_here(each)) is not None:
            return f"In context={context}, {fault}"
    return None


def subschemas(schema: object, context: Context = ()) -> Iterator[tuple[Context, object]]:
    """The schema and those in it, with the keywords that lead there. What is no schema is told, not entered."""
    waiting: list[tuple[Context, object]] = [(context, schema)]
    while waiting:
        context, here = waiting.pop()
        yield context, here
        if isinstance(here, dict):
            waiting += reversed(list(_within(here, context)))


def _within(schema: Json, context: Context) -> Iterator[tuple[Context, object]]:
    for keyword, value in schema.items():
        if keyword in MAPS and isinstance(value, dict):
            yield from (((*context, keyword, str(name)), each) for name, each in value.items())
        elif keyword in LISTS and isinstance(value, list):
            yield from (((*context, keyword, str(index)), each) for index, each in enumerate(value))
        elif keyword in SCHEMAS and not isinstance(value, list):
            yield (*context, keyword), value


def _malformed_here(schema: object) -> str | None:
    if not isinstance(schema, dict):
        return None if isinstance(schema, bool) else f"{_shown(schema)} is not of type 'object', 'boolean'."
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if any(not isinstance(kind, str) or kind not in TYPES for kind in kinds):
        return f"{_shown(schema['type'])} is not valid under any of the given schemas."
    for keyword in ("properties", "patternProperties", "$defs", "definitions"):
        if not isinstance(schema.get(keyword, {}), dict):
            return f"{_shown(schema[keyword])} is not of type 'object'."
    required = schema.get("required", [])
    if not isinstance(required, list):
        return f"{_shown(required)} is not of type 'array'."
    wrong = next((name for name in required if not isinstance(name, str)), None)
    return None if wrong is None else f"{_shown(wrong)} is not of type 'string'."


def _not_strict_here(schema: Json) -> str | None:
    keyword = next((each for each in FORBIDDEN if schema.get(each)), None)
    if keyword is not None:
        return f"'{keyword}' is not permitted."
    properties = schema.get("properties")
    if not properties:
        return None
    if schema.get("additionalProperties") is not False:
        return "'additionalProperties' is required to be supplied and to be false."
    missing = next((name for name in properties if name not in schema.get("required", ())), None)
    if missing is None:
        return None
    words = "'required' is required to be supplied and to be an array including every key in properties."
    return f"{words} Missing '{missing[:_LONGEST_VALUE]}'."


def _shown(value: Any) -> str:
    return repr(value)[:_LONGEST_VALUE]


def _quoted(value: Any) -> str:
    return str(value)[:_LONGEST_VALUE]
