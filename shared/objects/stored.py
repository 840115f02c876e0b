"""What stored and answered objects have in common: made from JSON, and JSON again, by native code.

Only what comes from outside is checked bit by bit, by the models of requests. Objects here are written by the box: they
are checked when they are read, and keep what a later version has added.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Self, get_args

import msgspec
from msgspec.structs import fields, replace

from shared.json_types import Json


class StoredRecord(msgspec.Struct, kw_only=True, dict=True):
    """A row of the store, or a part of one. Fields that a later version wrote survive a round trip through this one.

    New fields need defaults: rows of earlier versions do not have them.
    """

    @property
    def later(self) -> Json:
        """Fields that a later version wrote."""
        return self.__dict__

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """The object as stored. Raises msgspec.ValidationError."""
        made = msgspec.convert(data, cls)
        _keep_later(made, data)
        return made

    def to_json(self) -> Json:
        """The JSON that is stored, or that the API answers with; nulls are kept: clients tell null from absent."""
        data: Json = msgspec.to_builtins(self)
        if _MET:
            _add_later(self, data)
        return data

    def replace(self, **changes: Any) -> Self:
        """A copy with other values; what is inside is shared."""
        made = replace(self, **changes)
        if _MET:
            made.later.update(self.later)
        return made


class ApiObject(StoredRecord, kw_only=True):
    """An object as clients see it, which may be stored inside a record."""


#: Kinds of which this process has met fields of a later version. While there are none, nobody need look for any.
_MET: Final[set[type[StoredRecord]]] = set()


def _keep_later(made: StoredRecord, data: Json) -> None:
    names, parts = _shape(type(made))
    if not data.keys() <= names:
        made.later.update({name: value for name, value in data.items() if name not in names})
        _MET.add(type(made))
    for name in parts:
        for part, of_part in _pairs(getattr(made, name), data.get(name)):
            _keep_later(part, of_part)


def _add_later(made: StoredRecord, data: Json) -> None:
    if made.later:
        data |= made.later
    for name in _shape(type(made))[1]:
        for part, of_part in _pairs(getattr(made, name), data[name]):
            _add_later(part, of_part)


def _pairs(value: Any, data: Any) -> list[tuple[StoredRecord, Json]]:
    """The records of a field with their JSON: one, several in a list, or none."""
    if value is None or data is None:
        return []
    return list(zip(value, data, strict=True)) if isinstance(value, list) else [(value, data)]


@cache
def _shape(kind: type[StoredRecord]) -> tuple[frozenset[str], tuple[str, ...]]:
    """The names of its fields, and those of the fields that are records themselves, or have some."""
    parts = tuple(each.name for each in fields(kind) if _has_record(each.type))
    return frozenset(kind.__struct_fields__), parts


def _has_record(kind: Any) -> bool:
    if isinstance(kind, type) and issubclass(kind, StoredRecord):
        return True
    return any(_has_record(each) for each in get_args(kind))
