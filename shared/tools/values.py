"""What tools return becomes JSON: also the values of numpy and pandas, which a tool that computes hands on unawares.

The libraries are told by their names, not imported: most boxes' tools use neither.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic_core import to_jsonable_python


def as_json(value: object) -> str:
    """The value as JSON: no number (NaN, infinity) and no value (NA, NaT) are null. Raises for what is no value."""
    return json.dumps(to_jsonable_python(plain(value), inf_nan_mode="null"), ensure_ascii=False)


def plain(value: Any) -> Any:
    """The value with those of numpy and pandas replaced by Python's own.

    A Series becomes a list, or a map where it has labels; a DataFrame a list of rows, or pandas' `split` form where its
    rows have labels.
    """
    if isinstance(value, Mapping):
        return {_key(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, bytes | bytearray):
        return value.decode(errors="backslashreplace")
    match type(value).__module__.partition(".")[0]:
        case "numpy":
            return _of_numpy(value)
        case "pandas":
            return _of_pandas(value)
    return value


def _key(key: Any) -> Any:
    """A key that JSON can have: of several, which pandas gives to what is grouped by more than one, one text."""
    if isinstance(key, tuple):
        return ", ".join(str(each) for each in plain(key) if each != "")
    return plain(key)


def _of_numpy(value: Any) -> Any:
    if value.dtype.kind in "mM":  # as numbers they would have lost their unit
        return _texts(value.astype(str).tolist())
    found = value.tolist()
    return float(found) if type(found) is type(value) else plain(found)  # a long double has no Python type


def _texts(found: Any) -> Any:
    if isinstance(found, list):
        return [_texts(each) for each in found]
    return None if found == "NaT" else found


def _of_pandas(value: Any) -> Any:
    kinds = {each.__name__ for each in type(value).__mro__}
    if kinds & {"NAType", "NaTType"}:
        return None
    if "DataFrame" in kinds:
        counted = _is_counted(value.index) and value.columns.is_unique
        return plain(value.to_dict("records" if counted else "split"))
    if "Series" in kinds:
        if _is_counted(value.index) or not value.index.is_unique:
            return plain(value.tolist())
        return plain(value.to_dict())
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value) if kinds & {"Period", "Interval"} else value


def _is_counted(index: Any) -> bool:
    return type(index).__name__ == "RangeIndex"
