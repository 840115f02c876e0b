"""Works out expressions of a template, for what is more than names: functions of objects and arrays, and lambdas.

As Azure does it: `&&` and `||` evaluate both sides, a choice only the side that it takes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.infra.bicep_values import Call, Choice, Declaration, Lambda, Operation, Path, Text

#: Operators by how strongly they bind, the weakest first.
BINDING = [{"||"}, {"&&"}, {"==", "!="}, {">", "<", ">=", "<="}, {"??"}]
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "||": lambda a, b: a or b,
    "&&": lambda a, b: a and b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "??": lambda a, b: b if a is None else a,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "concat": lambda *lists: [each for one in lists for each in one],
    "contains": lambda where, what: what in where,
    "empty": lambda value: not value,
    "filter": lambda values, wanted: [each for each in values if wanted(each)],
    "flatten": lambda lists: [each for one in lists for each in one],
    "items": lambda value: [{"key": key, "value": each} for key, each in sorted(value.items())],
    "join": lambda values, between: between.join(values),
    "json": json.loads,
    "map": lambda values, made: [made(each) for each in values],
    "string": lambda value: value if isinstance(value, str) else json.dumps(value, separators=(",", ":")),
    "toObject": lambda values, key, made: {key(each): made(each) for each in values},
    "union": lambda *objects: {key: value for each in objects for key, value in each.items()},
    "uniqueString": lambda *texts: hashlib.sha256("|".join(texts).encode()).hexdigest()[:13],
}
STEP = re.compile(r"\.(\??)(\w+)|\[(\??)([\w.]+)\]")


class Missing(Exception):
    """Azure would stop here: a property that is not there."""


class Evaluation:
    """The variables of a template, with values for its parameters."""

    def __init__(self, declarations: list[Declaration], given: Mapping[str, Any]) -> None:
        self.variables = {each.name: each.value for each in declarations if each.kind == "var"}
        self.given = given

    def __call__(self, value: Any, **local: Any) -> Any:
        match value:
            case dict():
                return {key: self(each, **local) for key, each in value.items()}
            case list():
                return [self(each, **local) for each in value]
            case Text():
                return "".join(str(self(each, **local)) for each in value.parts)
            case Choice():
                return self(value.yes if self(value.condition, **local) else value.no, **local)
            case Lambda():
                return lambda item: self(value.body, **{**local, value.item: item})
            case Call():
                return FUNCTIONS[value.name](*(self(each, **local) for each in value.arguments))
            case Operation():
                return self._operation(list(value.operands), list(value.operators), local)
            case Path():
                return self._path(value.text, local)
        return value

    def _operation(self, operands: list[Any], operators: list[str], local: dict[str, Any]) -> Any:
        if len(operands) == 1:
            value = self(operands[0], **local)
            return (not value) if operators == ["!"] else value
        for weakest in BINDING:
            at = next((i for i in reversed(range(len(operators))) if operators[i] in weakest), None)
            if at is not None:
                left = self._operation(operands[: at + 1], operators[:at], local)
                right = self._operation(operands[at + 1 :], operators[at + 1 :], local)
                return OPERATIONS[operators[at]](left, right)
        raise ValueError(f"nothing is known of {operators}")

    def _path(self, text: str, local: Mapping[str, Any]) -> Any:
        root = re.split(r"\W", text, maxsplit=1)[0]
        if root in local:
            value = local[root]
        elif root in self.given:
            value = self.given[root]
        else:
            value = self(self.variables[root])
        for step in STEP.finditer(text, len(root)):
            key = step[2] or self._path(step[4], local)
            if key not in value and not (step[1] or step[3]):
                raise Missing(f"{text}: {key} is not there")
            value = value.get(key)
        return value
