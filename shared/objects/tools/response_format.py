"""What the model's answer must be like, as requested."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Tag, model_validator

from shared.objects.common import OneOfKinds, RequestBody, SchemaIn
from shared.objects.parse import BY_SHAPE, rejected
from shared.objects.schema_rules import malformed, not_an_object, not_strict
from shared.objects.tools.kind import Name


class FormatKind(OneOfKinds):
    """What the model's answer must be: text, any JSON object, or JSON of a schema."""

    kinds: ClassVar[frozenset[str]] = frozenset({"json_schema"})


class TextFormat(FormatKind):
    """The answer is plain text."""

    type: Literal["text"]


class JsonObjectFormat(FormatKind):
    """The answer is a JSON object, of no given schema."""

    type: Literal["json_object"]


class JsonSchema(RequestBody):
    """The schema of a structured answer."""

    name: Name
    description: str | None = None
    schema_: Annotated[SchemaIn | None, Field(alias="schema")] = None
    strict: bool | None = None

    @model_validator(mode="after")
    def _strict_mode_takes_it(self) -> JsonSchema:
        schema = self.schema_ or {}
        fault = not_an_object(schema) or malformed(schema) or not_strict(schema) if self.strict else None
        if fault is not None:
            text = f"Invalid schema for response_format '{self.name}': {fault}"
            raise rejected(text, "invalid_json_schema", "schema")
        return self


class JsonSchemaFormat(FormatKind):
    """JSON that follows a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


ResponseFormat = Annotated[
    Annotated[Literal["auto"], Tag("(a string)")]
    | Annotated[TextFormat, Tag("(=text)")]
    | Annotated[JsonObjectFormat, Tag("(=json_object)")]
    | Annotated[JsonSchemaFormat, Tag("(=json_schema)")],
    BY_SHAPE,
]
