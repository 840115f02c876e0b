"""Attribute filters: comparisons, nested with `and` and `or`, evaluated on one file's attributes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

Value = str | float | bool
Attributes = Mapping[str, Value]

ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def matches(condition: Mapping[str, Any], attributes: Attributes) -> bool:
    """Whether a file with these attributes passes. A missing attribute equals nothing and has no order."""
    match condition["type"]:
        case "and":
            return all(matches(inner, attributes) for inner in condition["filters"])
        case "or":
            return any(matches(inner, attributes) for inner in condition["filters"])
        case kind:
            return compare(kind, attributes.get(condition["key"]), condition["value"])


def compare(kind: str, actual: Value | None, wanted: Any) -> bool:
    """Whether a value stands to `wanted` as `kind` (`eq`, `gt`, `in` …) says; None, a missing one, equals nothing."""
    if kind in ORDERS:
        return comparable(actual, wanted) and ORDERS[kind](actual, wanted)
    if kind in ("in", "nin"):
        return any(same(actual, each) for each in wanted) == (kind == "in")
    return same(actual, wanted) == (kind == "eq")


def same(left: object, right: object) -> bool:
    """Equality in which `true` is not 1."""
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def comparable(left: object, right: object) -> bool:
    """Whether two values have an order: two texts, or two numbers."""
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    if isinstance(left, str) or isinstance(right, str):
        return isinstance(left, str) and isinstance(right, str)
    return left is not None and right is not None
