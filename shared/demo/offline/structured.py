"""Answers in the JSON form a client asked for."""

from __future__ import annotations

import json
from typing import Any

from shared.json_types import Json


def shaped(answer: str, text_format: Json | None) -> str:
    """The answer as it is, as a JSON object, or as JSON that fits the client's schema."""
    match (text_format or {}).get("type"):
        case "json_object":
            return json.dumps({"answer": answer}, ensure_ascii=False)
        case "json_schema":
            schema = text_format["schema"] if text_format is not None else {}
            return json.dumps(_fitting(schema, answer, schema.get("$defs") or {}), ensure_ascii=False)
    return answer


def _fitting(schema: Json, answer: str, definitions: Json) -> Any:
    """A value that fits the schema: the answer wherever a text goes, nothing of substance elsewhere."""
    if "$ref" in schema:
        # A type that contains itself ends here.
        name = schema["$ref"].rpartition("/")[2]
        rest = {key: value for key, value in definitions.items() if key != name}
        return _fitting(definitions.get(name, {"type": "null"}), answer, rest)
    if "enum" in schema:
        return next((value for value in schema["enum"] if str(value).lower() in answer.lower()), schema["enum"][0])
    if "const" in schema:
        return schema["const"]
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return _fitting(options[0], answer, definitions)
    kind = schema.get("type", "string")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            properties = (schema.get("properties") or {}).items()
            return {name: _fitting(inner, answer, definitions) for name, inner in properties}
        case "array":
            return [_fitting(schema.get("items") or {}, answer, definitions)] * schema.get("minItems", 1)
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "null":
            return None
    return answer
