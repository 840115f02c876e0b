"""Writes what the documentation takes from the code: `make docs`. A test fails while a page is not what this makes.

Pages hold marked regions, `<!-- generated: NAME -->` to `<!-- end -->`; what stands outside of them is written by hand.
`local.settings.json.example` is made as a whole.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from docs import source
from docs.commands import commands
from docs.examples import recorded
from docs.source import SETTINGS, constants, layout, log_events, table
from shared.api.app import all_routes
from shared.api.document import describe
from shared.config import Settings, variable
from shared.runs import kinds

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "shared"
REGION: Final = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

#: Of a local Functions host only: storage is the emulator, Python before 3.13 needs the flag for HTTP streams, and
#: nothing may be written into the app's folder, which the host watches: no caches of Python, no home.
HOST_SETTINGS: Final = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "PYTHON_ENABLE_INIT_INDEXING": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "BOX_HOME": "",
}
#: Left out: the host would read the empty one.
OVERRIDES: Final = {"AzureFunctionsJobHost__functionTimeout"}
Json = dict[str, Any]


def default_text(name: str) -> str:
    """A setting's default as one writes it into the environment."""
    value = Settings.model_fields[name].get_default(call_default_factory=True)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def setting_groups() -> Iterator[tuple[str, list[str]]]:
    """The comments between the settings as headings, each with the names that follow it."""
    title = ""
    names: list[str] = []
    for file in SETTINGS:
        for line in (PACKAGE / file).read_text().splitlines():
            comment, field = re.match(r"    # (.+)", line), re.match(r"    (\w+): ", line)
            if comment:
                if names:
                    yield title, names
                title, names = comment[1], []
            elif field and field[1] in Settings.model_fields:
                names.append(field[1])
    yield title, names


def settings() -> str:
    """The reference of settings."""
    described = dict(source.settings())
    pieces = []
    for title, names in setting_groups():
        rows = (
            [f"`{variable(name)}`", f"`{default}`" if (default := default_text(name)) not in ("", "{}") else "",
             described[name]]
            for name in names
        )  # fmt: skip
        heading = title[0].upper() + title[1:]
        pieces.append(f"## {heading}\n\n" + table(("setting", "default", "meaning"), rows))
    return "\n".join(pieces)


def example() -> str:
    """`local.settings.json.example`: every setting with its default, but for what overrides host.json."""
    given = HOST_SETTINGS.keys() | OVERRIDES
    values = HOST_SETTINGS | {
        variable(name): default_text(name) for name in Settings.model_fields if variable(name) not in given
    }
    document = {"IsEncrypted": False, "Values": values, "Host": {"LocalHttpPort": 7071}}
    return json.dumps(document, indent=2) + "\n"


@cache
def openapi() -> tuple[Json, dict[str, str]]:
    """The API's description, and the routes that it leaves out: path -> first line of the function's docstring."""
    found = all_routes(Settings(_env_file=None, box_admin_keys={"docs": SecretStr("unused")}))
    pages = (route for route in found if route.declared is None)
    # Not the playground's own files.
    shown = (route for route in pages if "." not in route.path.removesuffix("openapi.json"))
    return describe(found), {route.path: route.words.split("\n")[0] for route in shown}


def routes() -> str:
    """The reference of routes, by resource."""
    document, besides = openapi()
    groups: dict[str, list[list[str]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            query = [f"`{each['name']}`" for each in operation.get("parameters", ()) if each["in"] == "query"]
            group = groups.setdefault(operation["tags"][0], [])
            group.append([f"`{method.upper()}`", f"`{path}`", operation["description"], " ".join(query)])
    head = ("method", "route", "what it does", "query")
    pieces = [f"## {name}\n\n" + table(head, rows) for name, rows in groups.items()]
    pieces.append(
        "## Besides the API\n\n"
        + table(("route", "what it is"), ([f"`{path}`", text] for path, text in sorted(besides.items())))
    )
    return "\n".join(pieces)


def bounds(schema: Json) -> list[str]:
    """What a schema says about sizes, in words."""
    words = {
        "maxLength": "at most {} characters",
        "minItems": "at least {} entries",
        "maxItems": "at most {} entries",
        "maxProperties": "at most {} pairs",
        "minimum": "from {}",
        "maximum": "to {}",
        "exclusiveMaximum": "below {}",
    }
    found = [text.format(f"{schema[key]:,}") for key, text in words.items() if key in schema]
    for inner in schema.get("anyOf", []) + schema.get("oneOf", []):
        found += bounds(inner)
    if "propertyNames" in schema and "maxLength" in schema["propertyNames"]:
        found.append(f"keys of at most {schema['propertyNames']['maxLength']} characters")
    if isinstance(schema.get("additionalProperties"), dict):
        found += [f"values of {text}" for text in bounds(schema["additionalProperties"])]
    return [*dict.fromkeys(found)]


def fields() -> str:
    """The bounds of what requests may hold."""
    document, _ = openapi()
    bodies: dict[str, Json] = document["components"]["schemas"]
    rows = [
        [f"`{name}`", f"`{field}`", ", ".join(words)]
        for name, schema in sorted(bodies.items())
        for field, inner in schema.get("properties", {}).items()
        if (words := bounds(inner))
    ]
    return table(("schema", "field", "bound"), rows)


def options() -> str:
    """The options of a deployment: variables of the azd environment, with what main.bicep says of their parameters."""
    given = json.loads((ROOT / "infra/main.parameters.json").read_text())["parameters"]
    declared = re.findall(
        r"^@description\('((?:[^'\\]|\\.)*)'\)\n(?:@.*\n)*param (\w+) [^=\n]+ = (.*)$",
        (ROOT / "infra/main.bicep").read_text(),
        re.MULTILINE,
    )
    rows = (
        [f"`{given[name]['value'].strip('${}')}`", f"`{text}`" if (text := value.strip("'")) else "", plain(meaning)]
        for meaning, name, value in declared
        if "Hashes" not in name
    )
    return table(("name", "default", "meaning"), rows)


def plain(text: str) -> str:
    """A text of Bicep as it reads: the language writes a backslash in front of quotes and backslashes."""
    return re.sub(r"\\(['\\$])", r"\1", text)


def tool_kinds() -> str:
    """Each kind of tool that an assistant can have, and what becomes of it in a run."""
    rows = ([f"`{kind}`", becomes(line)] for kind, line in kinds.KINDS.items())
    return table(("`type`", "in a run"), rows)


def becomes(line: kinds.Ours | kinds.Models | kinds.Refused) -> str:
    """What becomes of a tool, in words."""
    match line:
        case kinds.Ours():
            return "carried out by the box"
        case kinds.Models():
            return "carried out by the model's provider, as its `web_search`"
    return f"refused: it {line.words}"


MAKERS: Final[dict[str, Callable[[], str]]] = {
    "settings": settings,
    "routes": routes,
    "fields": fields,
    "constants": constants,
    "log_events": log_events,
    "options": options,
    "layout": layout,
    "tool_kinds": tool_kinds,
    "commands": commands,
}


def page(path: Path) -> str:
    """A page of the documentation, its generated parts made anew."""
    return REGION.sub(lambda found: f"{found[1]}\n{MAKERS[found[2]]()}\n{found[3]}", path.read_text())


def pages() -> dict[Path, Callable[[], str]]:
    """Every generated file with what makes its text."""
    made: dict[Path, Callable[[], str]] = {
        ROOT / "local.settings.json.example": example,
        PACKAGE / "api/examples.json": recorded,
    }
    for path in sorted((ROOT / "docs").rglob("*.md")):
        if REGION.search(path.read_text()):
            made[path] = partial(page, path)
    return made


def main() -> int:
    """Write what differs and say so."""
    for path, make in pages().items():
        text = make()
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
