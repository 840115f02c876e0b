"""How the Functions host finds the function of a request: by name order, first match, no ranking by specificity."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

#: `{name}`, `{name:constraint}` or `{*name:constraint}`, alone in its segment.
PARAMETER = re.compile(r"\{(?P<star>\*?)(?P<name>\w+)(:(?P<constraint>.+))?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """A route template of the kinds that this project uses, compiled."""

    function: str
    methods: frozenset[str]
    path: re.Pattern[str]

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The route's parameters, or None when the route is another one."""
        found = self.path.fullmatch(path)
        return found.groupdict() if found and method in self.methods else None


def compile_route(function: str, trigger: dict[str, Any], prefix: str) -> Route:
    """Read an httpTrigger binding; refuses what the host would refuse."""
    template = "/".join(part for part in (prefix, trigger["route"]) if part)
    if template.lower().startswith(("admin", "runtime")):
        raise ValueError(f"{function}: the host keeps /{template} for itself")
    methods = frozenset(getattr(method, "value", method) for method in trigger["methods"])
    return Route(function, methods, re.compile("/" + "/".join(map(_segment, _segments(template))), re.IGNORECASE))


def find(routes: Iterable[Route], method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The function that gets this request, and its route parameters."""
    for route in routes:
        params = route.match(method, path)
        if params is not None:
            return route.function, params
    return None


def _segments(template: str) -> list[str]:
    """Split at slashes outside of braces."""
    return re.findall(r"(?:\{[^{}]*\}|[^/{}])+", template)


def _segment(segment: str) -> str:
    parameter = PARAMETER.fullmatch(segment)
    if parameter is None:
        return re.escape(segment)
    pattern = ".*" if parameter["star"] else "[^/]+"
    constraint = parameter["constraint"]
    if constraint is None:
        return f"(?P<{parameter['name']}>{pattern})"
    regex = re.fullmatch(r"regex\(\^(.*)\$\)", constraint)
    if regex is None:
        raise ValueError(f"constraint {constraint!r} is none that this project uses")
    return f"(?P<{parameter['name']}>{regex[1]})"
