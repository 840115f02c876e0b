"""A function that the model may call, as requested."""

from __future__ import annotations

from pydantic import model_validator

from shared.objects.common import RequestBody, SchemaIn
from shared.objects.parse import rejected
from shared.objects.schema_rules import malformed, not_an_object, not_strict
from shared.objects.tools.kind import Name


class FunctionDefinition(RequestBody):
    """A function the model may call."""

    name: Name
    description: str | None = None
    parameters: SchemaIn | None = None
    strict: bool | None = None

    @model_validator(mode="after")
    def _parameters_describe_an_object(self) -> FunctionDefinition:
        schema = self.parameters or {}
        fault = not_an_object(schema) or malformed(schema) or (not_strict(schema) if self.strict else None)
        if fault is not None:
            text = f"Invalid schema for function '{self.name}': {fault}"
            raise rejected(text, "invalid_function_parameters", "parameters")
        return self
