"""How many elements a request may bring: known before the first is looked at, and the first that is wrong ends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema


@dataclass(frozen=True, slots=True)
class AtMost:
    """Put on a list, dictionary or string type of a request model; pydantic's own reads all of a dictionary first."""

    length: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The type's own schema behind a look at its length; documented as that schema is."""
        schema: Any = handler(source)
        schema["max_length"] = self.length
        if schema["type"] == "list":
            schema["fail_fast"] = True
        return core_schema.no_info_before_validator_function(self._check, schema)

    def _check(self, value: object) -> object:
        """Raises PydanticKnownError."""
        if isinstance(value, list | dict | str) and len(value) > self.length:
            if isinstance(value, str):
                raise PydanticKnownError("string_too_long", {"max_length": self.length})
            kind = "List" if isinstance(value, list) else "Dictionary"
            context = {"field_type": kind, "max_length": self.length, "actual_length": len(value)}
            raise PydanticKnownError("too_long", context)
        return value
