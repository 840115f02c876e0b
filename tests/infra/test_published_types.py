"""The comparison of templates with published types: on types of an API that does not exist."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep_reader import Reader
from tests.infra.infra_tree import Tree
from tests.infra.published_types import Types, compare

REQUIRED, READ_ONLY = 1, 2


def made_up_types(folder: Path) -> Types:
    """`Bakery/ovens@2026-01-01`, and a later preview of it."""
    types: list[dict[str, Any]] = []

    def add(kind: str, **told: Any) -> dict[str, str]:
        types.append({"$type": kind, **told})
        return {"$ref": f"#/{len(types) - 1}"}

    def of(reference: dict[str, str], flags: int = 0) -> dict[str, Any]:
        return {"type": reference, "flags": flags}

    text, number, yes = add("StringType"), add("IntegerType"), add("BooleanType")
    gas, electric = add("StringLiteralType", value="Gas"), add("StringLiteralType", value="Electric")
    heat = add("UnionType", elements=[gas, electric, text])
    tray = add("ObjectType", name="Tray", properties={"size": of(number, REQUIRED), "lid": of(yes)})
    tags = add("ObjectType", name="Tags", properties={}, additionalProperties=text)
    told = {
        "heat": of(heat),
        "trays": of(add("ArrayType", itemType=tray)),
        "warm": of(yes, READ_ONLY),
        "tags": of(tags),
    }
    told["anything"] = of(add("AnyType"))
    properties = add("ObjectType", name="Properties", properties=told)
    body = add("ObjectType", name="Oven", properties={"name": of(text, REQUIRED), "properties": of(properties)})
    shelf = add("ObjectType", name="Shelf", properties={"name": of(text, REQUIRED)})
    add("ResourceType", name="Bakery/ovens@2026-01-01", body=body)
    add("ResourceType", name="Bakery/ovens/shelves@2026-01-01", body=shelf)
    for version in ("2026-01-01", "2026-06-01-preview"):
        path = folder / f"generated/bakery/bakery/{version}/types.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(types))
    return Types(folder)


OVEN = """
resource oven 'Bakery/ovens@2026-01-01' = {
  name: 'oven-${token}'
  properties: {
    heat: hot ? 'Gas' : 'Electric'
    trays: [for each in sizes: { size: each.size, lid: true }]
    tags: { owner: 'me' }
    anything: { goes: { here: 'x' } }
  }

  resource shelf 'shelves' = { name: 'top' }
}
"""


def compared(tmp_path: Path, template: str) -> tuple[dict[str, list[str]], list[str], list[str]]:
    tree = Tree(tmp_path, {"main.bicep": Reader(template).read()}, {}, {}, {})
    return compare(tree, made_up_types(tmp_path))


def test_what_fits_is_written_down(tmp_path: Path):
    fits, wrong, newer = compared(tmp_path, OVEN)
    assert (wrong, newer) == ([], [])
    assert fits["Bakery/ovens/shelves@2026-01-01"] == ["name"]
    oven = fits["Bakery/ovens@2026-01-01"]
    assert {"properties.heat = Gas", "properties.heat = Electric", "properties.trays.size"} <= set(oven)
    assert {"properties.tags.owner", "properties.anything.goes.here"} <= set(oven)


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("heat:", "heats:", "oven: properties.heats is no property"),
        ("'Gas'", "'Coal'", "oven: properties.heat = Coal is none of ['Electric', 'Gas']"),
        ("{ size: each.size, lid", "{ lid", "oven: properties.trays.size is missing"),
        ("lid: true", "lid: 'yes'", "oven: properties.trays.lid 'yes' is no BooleanType"),
        ("tags: {", "warm: true\n    tags: {", "oven: properties.warm cannot be written"),
        ("{ owner: 'me' }", "['me']", "oven: properties.tags is no list"),
        ("[for each in sizes: { size: each.size, lid: true }]", "{ size: 1 }", "oven: properties.trays is no object"),
        ("  name: 'oven-${token}'\n", "", "oven: name is missing"),
        ("{ name: 'top' }", "{ title: 'top' }", "shelf: title is no property"),
        ("'shelves'", "'racks'", "there is no Bakery/ovens/racks@2026-01-01"),
        ("@2026-01-01", "@2026-01-02", "there is no Bakery/ovens@2026-01-02"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, old: str, new: str, wrong: str):
    assert old in OVEN
    assert f"main.bicep: {wrong}" in compared(tmp_path, OVEN.replace(old, new))[1]


def test_a_newer_version_is_told(tmp_path: Path):
    _, _, newer = compared(tmp_path, "resource oven 'Bakery/ovens@2025-01-01' existing = { name: 'o' }\n")
    assert newer == ["Bakery/ovens: 2025-01-01 is used, 2026-01-01 is the newest"]
