"""What a Bicep file consists of. Literals are Python values; everything else is one of these."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Path:
    """A name, or what is reached from one: `storage.outputs.name`, `queues[0].id`."""

    text: str

    @property
    def root(self) -> str:
        return re.split(r"\W", self.text, maxsplit=1)[0]


@dataclass(frozen=True)
class Text:
    """A string with `${...}` in it; parts alternate between str and expressions."""

    parts: tuple[Any, ...]


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Choice:
    """`condition ? yes : no`"""

    condition: Any
    yes: Any
    no: Any


@dataclass(frozen=True)
class Operation:
    """Operators bind without precedence here: mostly the operands are all that is asked for."""

    operands: tuple[Any, ...]
    #: One before each operand but the first; before the only one, if there is one. Of no account in comparisons.
    operators: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Loop:
    """`[for item in source: body]`"""

    item: str
    index: str
    source: Any
    body: Any


@dataclass(frozen=True)
class Lambda:
    """`item => body`"""

    item: str
    body: Any


@dataclass
class Declaration:
    """`param`, `var`, `output`, `resource` or `module`, with its decorators."""

    kind: str
    name: str
    line: int
    #: A param's or output's type, a resource's `type@version`, a module's file.
    type: str = ""
    value: Any = None
    existing: bool = False
    condition: Any = None
    decorators: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    #: The resource that this one stands in.
    parent: Declaration | None = None

    @property
    def full_type(self) -> str:
        """A resource's `type@version`, also where it stands inside of another and so has neither whole."""
        if self.parent is None:
            return self.type
        name, _, version = self.parent.full_type.partition("@")
        return f"{name}/{self.type}@{version}"

    @property
    def body(self) -> dict[str, Any]:
        """The object of a resource or module, inside its loop if it has one."""
        value = self.value.body if isinstance(self.value, Loop) else self.value
        return value if isinstance(value, dict) else {}


def at(body: Any, path: str) -> Any:
    """What stands at a dotted path of keys; None where one is missing."""
    for key in path.split("."):
        body = body.get(key) if isinstance(body, dict) else None
    return body


def walk(value: Any) -> Iterator[Any]:
    """The expression and everything inside it."""
    yield value
    if isinstance(value, dict):
        inside = [*value, *value.values()]
    elif isinstance(value, (list, tuple)):
        inside = list(value)
    elif isinstance(value, (Text, Call, Choice, Operation, Loop, Lambda)):
        inside = list(vars(value).values())
    else:
        inside = []
    for each in inside:
        yield from walk(each)
