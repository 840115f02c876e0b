"""Compares every resource with the types that Microsoft publishes of its APIs, as the Bicep compiler does.

`python -m tests.infra.published_types CHECKOUT` takes a checkout of Azure/bicep-types-az, says what does not fit and
which versions are newer, and writes down in `compared.json` what did fit. From then on the rule that reads it finds a
property, a value or a version that nobody has compared, without the checkout. In one thing it is stricter than the
compiler: where a type names its values and allows others, it tells of others.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

from tests.infra.bicep_values import Call, Choice, Declaration, Lambda, Loop, Operation, Path, Text
from tests.infra.infra_tree import PROJECT, Tree

COMPARED = FilePath(__file__).with_name("compared.json")
REQUIRED, READ_ONLY, FIXED = 1, 2, 8
#: What Bicep takes at every resource, whatever its type says.
EVERYWHERE = {"scope", "parent", "dependsOn"}
#: Known to Azure and not to the types; the templates silence the compiler at these places, with the reason.
BEYOND = {
    "Microsoft.Web/sites": {"properties.functionAppConfig.siteUpdateStrategy"},
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"location"},
    "Microsoft.Logic/workflows": {"properties.accessControl.triggers.sasAuthenticationPolicy"},
    "Microsoft.OperationalInsights/workspaces/savedSearches": {"properties.etag"},
}


class Types:
    """The published types of a checkout."""

    def __init__(self, folder: FilePath) -> None:
        self.folder = folder

    def of(self, resource_type: str) -> dict[str, Type]:
        """Version -> the body of a resource."""
        namespace = resource_type.partition("/")[0].lower()
        found = {}
        for path in sorted(self.folder.glob(f"generated/*/{namespace}/*/types.json")):
            all_types = json.loads(path.read_text())
            for each in all_types:
                name = each["name"].partition("@")[0] if each["$type"] == "ResourceType" else ""
                if name.lower() == resource_type.lower():
                    found[path.parent.name] = Type(all_types, each["body"])
        return found


class Type:
    """One published type, which other types of its file make up."""

    def __init__(self, all_types: list[dict[str, Any]], reference: dict[str, str]) -> None:
        self.all_types = all_types
        self.told = all_types[int(reference["$ref"].removeprefix("#/"))]

    def at(self, key: str) -> Type:
        return Type(self.all_types, self.told[key])

    @cached_property
    def values(self) -> set[str]:
        """The texts that it names, if it names any."""
        if self.told["$type"] == "StringLiteralType":
            return {self.told["value"]}
        elements = self.told.get("elements", []) if self.told["$type"] == "UnionType" else []
        return {value for each in elements for value in Type(self.all_types, each).values}

    def compare(self, value: Any, path: str = "") -> Iterator[tuple[str, str]]:
        """Path -> what is wrong there, or nothing, for all that stands there literally."""
        for each in _alternatives(value):
            yield from self._compare(each, path)

    def _compare(self, value: Any, path: str) -> Iterator[tuple[str, str]]:
        kind = self.told["$type"]
        if isinstance(value, Loop):
            yield from self.at("itemType").compare(value.body, path)
        elif isinstance(value, list):
            if kind != "ArrayType":
                yield path, "is no list"
                return
            for each in value:
                yield from self.at("itemType").compare(each, path)
        elif isinstance(value, dict):
            yield from self._object(value, path)
        elif isinstance(value, str) and self.values:
            yield f"{path} = {value}", "" if value in self.values else f"is none of {sorted(self.values)}"
        elif kind in SCALARS:
            yield path, "" if isinstance(value, SCALARS[kind]) else f"{value!r} is no {kind}"
        else:
            yield path, "" if kind in ("AnyType", "UnionType") else f"{value!r} is no {kind}"

    def _object(self, value: dict[Any, Any], path: str) -> Iterator[tuple[str, str]]:
        kind = self.told["$type"]
        if kind == "AnyType":
            yield from ((inside, "") for inside, _ in written(value, path))
            return
        if kind not in ("ObjectType", "DiscriminatedObjectType"):
            yield path, "is no object"
            return
        properties, others = self._properties(value)
        for key, each in value.items():
            inside = f"{path}.{key}".lstrip(".") if isinstance(key, str) else f"{path}.*"
            if not path and key in EVERYWHERE:
                continue
            if key in properties:
                wrong = "cannot be written" if properties[key]["flags"] & (READ_ONLY | FIXED) == READ_ONLY else ""
                yield inside, wrong
                yield from Type(self.all_types, properties[key]["type"]).compare(each, inside)
            elif others is not None:
                yield inside, ""
                yield from others.compare(each, inside)
            else:
                yield inside, "is no property"
        for key, told in properties.items():
            if told["flags"] & (REQUIRED | READ_ONLY | FIXED) == REQUIRED and key not in value:
                yield f"{path}.{key}".lstrip("."), "is missing"

    def _properties(self, value: dict[Any, Any]) -> tuple[dict[str, Any], Type | None]:
        if self.told["$type"] == "ObjectType":
            return self.told.get("properties", {}), self.at("additionalProperties") if (
                self.told.get("additionalProperties")
            ) else None
        kinds = self.told["elements"]
        chosen = kinds.get(value.get(self.told["discriminator"]), next(iter(kinds.values())))
        return {**self.told["baseProperties"], **Type(self.all_types, chosen).told["properties"]}, None


SCALARS: dict[str, type] = {"StringType": str, "IntegerType": int, "BooleanType": bool}


def _alternatives(value: Any) -> Iterator[Any]:
    """What stands there literally: both sides of a choice, each part of a union; nothing for what is worked out."""
    if isinstance(value, Choice):
        yield from _alternatives(value.yes)
        yield from _alternatives(value.no)
    elif isinstance(value, Call) and value.name == "union":
        for each in value.arguments:
            yield from _alternatives(each)
    elif value is not None and not isinstance(value, (Path, Text, Call, Operation, Lambda)):
        yield value


def written(value: Any, path: str = "") -> Iterator[tuple[str, str | None]]:
    """The paths of a resource, and the text at each, where there is one: what has to have been compared."""
    for each in _alternatives(value):
        if isinstance(each, Loop):
            yield from written(each.body, path)
        elif isinstance(each, list):
            for one in each:
                yield from written(one, path)
        elif isinstance(each, dict):
            for key, inside in each.items():
                below = f"{path}.{key}".lstrip(".") if isinstance(key, str) else f"{path}.*"
                if path or key not in EVERYWHERE:
                    yield below, None
                    yield from written(inside, below)
        elif isinstance(each, str):
            yield path, each


def resources(tree: Tree) -> Iterator[tuple[str, Declaration]]:
    """All of them, also those that are there already, with their templates."""
    for template, declarations in tree.templates.items():
        yield from ((template, each) for each in declarations if each.kind == "resource")


def compare(tree: Tree, types: Types) -> tuple[dict[str, list[str]], list[str], list[str]]:
    """What fits (type@version -> paths), what does not, and which versions are newer."""
    fits, wrong, newer = dict[str, set[str]](), list[str](), set[str]()
    for template, each in resources(tree):
        name, _, version = each.full_type.partition("@")
        versions = types.of(name)
        released = [known for known in versions if "preview" not in known]
        if released and released[-1] > version:
            newer.add(f"{name}: {version} is used, {released[-1]} is the newest")
        if version not in versions:
            wrong.append(f"{template}: there is no {name}@{version}")
            continue
        found = fits.setdefault(each.full_type, set())
        for path, fault in versions[version].compare({} if each.existing else each.body):
            if not fault or _beyond(name, path):
                found.add(path)
            elif not each.existing:
                wrong.append(f"{template}: {each.name}: {path} {fault}")
        found.update(path for path, _ in written(each.body) if _beyond(name, path))
    return {name: sorted(paths) for name, paths in sorted(fits.items())}, wrong, sorted(newer)


def _beyond(name: str, path: str) -> bool:
    return any(f"{path}.".startswith(f"{known}.") for known in BEYOND.get(name, ()))


def main() -> int:
    """Compare, say what does not fit, and write down what does."""
    fits, wrong, newer = compare(Tree.load(PROJECT), Types(FilePath(sys.argv[1])))
    print("\n".join([*newer, *wrong]))
    if not wrong:
        COMPARED.write_text(json.dumps(fits, indent=1) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
