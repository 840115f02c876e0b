"""All checks, found by their form: public generators that take the tree."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable

from tests.infra import (
    rules_app,
    rules_choices,
    rules_operation,
    rules_pipeline,
    rules_security,
    rules_templates,
    rules_values,
)
from tests.infra.infra_tree import Tree

Rule = Callable[[Tree], Iterable[str]]

RULES: dict[str, Rule] = {
    name: rule
    for module in (
        rules_templates,
        rules_security,
        rules_app,
        rules_values,
        rules_operation,
        rules_choices,
        rules_pipeline,
    )
    for name, rule in vars(module).items()
    if inspect.isgeneratorfunction(rule) and rule.__module__ == module.__name__ and not name.startswith("_")
}
