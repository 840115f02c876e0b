"""The deployment's files, read once: templates, parameters, workflow definitions, azure.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import Any

import yaml

from tests.infra.bicep_reader import BicepError, Reader
from tests.infra.bicep_values import Call, Declaration, Loop, Path, Text

PROJECT = FilePath(__file__).parents[2]
MAIN = "infra/main.bicep"
FUNCTION_APP = "infra/modules/function-app.bicep"
#: A uniqueString() has this length, whatever goes in.
TOKEN = "abcdefghijklm"


@dataclass(frozen=True)
class Tree:
    """Everything the checks look at."""

    root: FilePath
    #: Template -> its declarations.
    templates: dict[str, list[Declaration]]
    parameters: dict[str, Any]
    workflows: dict[str, Any]
    azure: dict[str, Any]

    @classmethod
    def load(cls, root: FilePath) -> Tree:
        return cls(
            root=root,
            templates={
                str(f.relative_to(root)): _declarations(f.name, f.read_text())
                for f in sorted((root / "infra").rglob("*.bicep"))
            },
            parameters=json.loads((root / "infra/main.parameters.json").read_text())["parameters"],
            workflows={f.stem: json.loads(f.read_text()) for f in sorted((root / "infra/workflows").glob("*.json"))},
            azure=yaml.safe_load((root / "azure.yaml").read_text()),
        )

    def of(self, kind: str, template: str = MAIN) -> dict[str, Declaration]:
        """The declarations of one kind in a template, by name."""
        return {each.name: each for each in self.templates[template] if each.kind == kind}

    def resources(self, of_type: str = "") -> Iterator[tuple[str, Declaration]]:
        """Resources this deployment makes, with their template; types are matched without the version."""
        for template, declarations in self.templates.items():
            for each in declarations:
                if each.kind == "resource" and not each.existing and each.type.split("@")[0].startswith(of_type):
                    yield template, each

    def modules(self) -> Iterator[tuple[str, Declaration, str]]:
        """Every use of a module: the template that uses it, how, and the template that is used."""
        for template in self.templates:
            for each in self.of("module", template).values():
                yield template, each, str(FilePath(template).parent / each.type)

    def caller(self, template: str) -> Declaration | None:
        """The module of main.bicep that uses a template."""
        return next((each for where, each, used in self.modules() if where == MAIN and used == template), None)

    def evaluate(self, template: str, value: Any, **known: Any) -> Any:
        """Work out a name: parameters are followed to main.bicep, uniqueString() becomes a stand-in of its length."""
        if isinstance(value, Text):
            return "".join(str(self.evaluate(template, part, **known)) for part in value.parts)
        if isinstance(value, Call):
            arguments = [self.evaluate(template, each, **known) for each in value.arguments]
            return {"uniqueString": lambda *_: TOKEN, "toLower": str.lower}[value.name](*arguments)
        if not isinstance(value, Path):
            return value
        first, _, rest = value.text.partition(".")
        if first in known:
            return known[first][rest] if rest else known[first]
        if first in (variables := self.of("var", template)):
            return self.evaluate(template, variables[first].value, **known)
        caller = self.caller(template)
        if caller is not None and first in self.of("param", template):
            return self.evaluate(MAIN, caller.body["params"][first])
        # What main.bicep is given: the longest environment name azd allows.
        return "e" * 64 if value.text == "environmentName" else value.text

    def names(self, template: str, resource: Declaration) -> list[str]:
        """The names a resource gets: several if it stands in a loop."""
        loop, name = resource.value, resource.body["name"]
        if not isinstance(loop, Loop):
            return [self.evaluate(template, name)]
        items = self.evaluate(template, loop.source)
        return [self.evaluate(template, name, **{loop.item: item}) for item in items]


@cache  # a seeded fault is in one template, and the others are what they were
def _declarations(name: str, text: str) -> list[Declaration]:
    try:
        return Reader(text).read()
    except BicepError as error:
        raise BicepError(f"{name} {error}") from error
