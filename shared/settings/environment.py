"""Where settings come from: the environment, and the file `.env` on a laptop. Nothing else reads either."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, get_origin

from pydantic import AliasChoices, BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError


class FromEnvironment(BaseModel):
    """Settings: what is given wins over the environment, and that over the file. No name is told by its case.

    A variable that has nothing in it is none, but where that means something. Maps are written as JSON.
    """

    model_config = ConfigDict(hide_input_in_errors=True, defer_build=True)  # values may be secret

    #: Settings that may be empty though their default is not.
    empty: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, _env_file: str | Path | None = ".env", **given: Any) -> None:
        """Raises ValidationError with every setting that cannot be used."""
        super().__init__(**(self._said(in_file(_env_file)) | self._said(os.environ) | given))

    @classmethod
    def names(cls, name: str) -> list[str]:
        """The names under which a setting is read, the first of which wins."""
        alias = cls.model_fields[name].validation_alias
        return [str(each) for each in alias.choices] if isinstance(alias, AliasChoices) else [str(alias or name)]

    @classmethod
    def _said(cls, variables: Mapping[str, str | None]) -> dict[str, str]:
        """What variables say, by the first name of each setting."""
        lower = {name.lower(): text for name, text in variables.items()}
        found = {}
        for name in cls.model_fields:
            names = cls.names(name)
            for text in (lower.get(each.lower()) for each in reversed(names)):
                if text or (text == "" and name in cls.empty):
                    found[names[0]] = text
        return found

    @field_validator("*", mode="before")
    @classmethod
    def _read(cls, value: object, info: ValidationInfo) -> object:
        """Text that is to be a map is JSON."""
        is_map = info.field_name is not None and get_origin(cls.model_fields[info.field_name].annotation) is dict
        if not (is_map and isinstance(value, str)):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise PydanticCustomError("json", "not JSON: {why}", {"why": str(error)}) from None


def in_file(path: str | Path | None) -> Mapping[str, str | None]:
    """What a file of variables says; nothing, if there is none."""
    if path is None or not Path(path).is_file():
        return {}
    from dotenv import dotenv_values  # deployed boxes have no such file

    return dotenv_values(path)
