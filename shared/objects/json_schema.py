"""JSON Schemas as languages write them that cannot tell an empty map from an empty list: `[]` where a map belongs."""

from __future__ import annotations

from typing import Final

#: Keywords whose value is a map of schemas, a list of schemas, or a schema.
MAPS: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
LISTS: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
SCHEMAS: Final = frozenset(
    {
        "items", "additionalItems", "unevaluatedItems", "contains", "additionalProperties", "unevaluatedProperties",
        "propertyNames", "not", "if", "then", "else",
    }
)  # fmt: skip


def as_map(value: object) -> object:
    """The value, or an empty map for an empty list."""
    return {} if isinstance(value, list) and not value else value


def as_schema(value: object) -> object:
    """The schema with maps where they belong, at every depth; `default`, `enum` and their like keep their lists."""
    value = as_map(value)
    if not isinstance(value, dict):
        return value
    return {keyword: _member(keyword, inner) for keyword, inner in value.items()}


def _member(keyword: str, value: object) -> object:
    if keyword in MAPS:
        value = as_map(value)
        return {name: as_schema(each) for name, each in value.items()} if isinstance(value, dict) else value
    if keyword in SCHEMAS:
        return as_schema(value)
    if keyword in LISTS and isinstance(value, list):
        return [as_schema(each) for each in value]
    return value
