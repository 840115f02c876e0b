"""An OpenAPI document, 3.0 or 3.1, as the operations that a model may call. Pure.

Schemas are made whole: references within the document are put in place of themselves, as models are shown no document.
A reference that leads back to itself becomes a schema that takes anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared import web_address
from shared.json_types import Json
from shared.objects.json_schema import MAPS
from shared.objects.schema_rules import malformed

METHODS: Final = ("get", "put", "post", "delete", "patch", "head", "options")
PLACES: Final = ("path", "query", "header", "cookie")
#: Headers that a parameter cannot be, as the specification says.
NO_PARAMETERS: Final = frozenset({"accept", "authorization", "content-type", "host", "content-length", "cookie"})
#: Repeating them does no harm, unless the document says otherwise (`x-idempotent`).
IDEMPOTENT: Final = frozenset({"get", "head", "options", "put"})
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
#: Operations of a document: models take no more functions.
MOST_OPERATIONS: Final = 128
#: Parts of all schemas of a document with their references put in place, their characters, and how deep one goes.
MOST_PARTS: Final = 20_000
MOST_CHARACTERS: Final = 1_000_000
DEEPEST: Final = 40
#: Characters of a server's URL.
LONGEST_SERVER: Final = 2048
#: A place in a list, as references have it.
INDEX: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
#: What OpenAPI adds to JSON Schema for readers alone.
UNSHOWN: Final = frozenset({"discriminator", "example", "externalDocs", "nullable", "xml"})


class BrokenDocument(ValueError):
    """The document is none; `place` is where, such as `paths./orders.get.operationId`."""

    def __init__(self, place: str, words: str):
        super().__init__(words)
        self.place = place


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value of a request outside its body."""

    name: str
    #: `path`, `query`, `header` or `cookie`.
    place: str
    schema: Json
    required: bool


@dataclass(frozen=True, slots=True)
class ApiOperation:
    """Something that the API does."""

    name: str
    description: str
    #: In capital letters.
    method: str
    #: With `{parameters}` of the path.
    url: str
    parameters: list[Parameter]
    #: What the body is; None: there is none.
    media_type: str | None
    body: Json
    body_required: bool
    idempotent: bool


def operations(document: Json) -> list[ApiOperation]:
    """What the document's API does. Raises BrokenDocument."""
    version = document.get("openapi")
    if not isinstance(version, str) or not version.startswith(("3.0", "3.1")):
        raise BrokenDocument("openapi", "must be a version of OpenAPI, 3.0 or 3.1")
    return [*_Reader(document).operations()]


class _Reader:
    def __init__(self, document: Json) -> None:
        self.document, self.parts, self.characters = document, 0, 0

    def operations(self) -> Iterator[ApiOperation]:
        names: set[str] = set()
        for path, item in _mapping(self.document.get("paths", {}), "paths").items():
            place = f"paths.{path}"
            if path.startswith("x-"):
                continue
            if not path.startswith("/"):
                raise BrokenDocument(place, "must begin with a slash")
            _check_plain(path, place)
            item = self._resolved(_mapping(item, place), place)
            for method in METHODS:
                if method in item:
                    found = self._operation(path, method, item, f"{place}.{method}")
                    if found.name in names:
                        raise BrokenDocument(f"{place}.{method}.operationId", f"'{found.name}' is there twice")
                    names.add(found.name)
                    if len(names) > MOST_OPERATIONS:
                        raise BrokenDocument("paths", f"has more than {MOST_OPERATIONS} operations")
                    yield found

    def _operation(self, path: str, method: str, item: Json, place: str) -> ApiOperation:
        operation = _mapping(item[method], place)
        name = operation.get("operationId")
        if not isinstance(name, str) or not name:
            raise BrokenDocument(f"{place}.operationId", "must be a name: models call the operation by it")
        found: dict[tuple[str, str], Parameter] = {}
        for where, owner in ((f"paths.{path}.parameters", item), (f"{place}.parameters", operation)):
            for parameter in self._parameters(owner, where):
                found[parameter.place, parameter.name] = parameter
        server = self._server(operation, item)
        _check_braces(server, "servers.0.url", set(), "server variable")
        _check_braces(path, f"paths.{path}", {name for where, name in found if where == "path"}, "path parameter")
        media_type, body, required = self._body(operation, f"{place}.requestBody")
        idempotent = operation.get("x-idempotent")
        return ApiOperation(
            name=name,
            description=str(operation.get("description") or operation.get("summary") or ""),
            method=method.upper(),
            url=server + path,
            parameters=[*found.values()],
            media_type=media_type,
            body=body,
            body_required=required,
            idempotent=idempotent if isinstance(idempotent, bool) else method in IDEMPOTENT,
        )

    def _server(self, *owners: Json) -> str:
        for owner in (*owners, self.document):
            servers = owner.get("servers")
            if servers:
                server = _mapping(servers[0] if isinstance(servers, list) else servers, "servers")
                url = _filled(str(server.get("url")), _mapping(server.get("variables") or {}, "servers.0.variables"))
                if len(url) > LONGEST_SERVER:
                    raise BrokenDocument("servers.0.url", f"has more than {LONGEST_SERVER} characters")
                if web_address.parts_of(url) is not None:
                    _check_plain(url, "servers.0.url")
                    return url.rstrip("/")
                break
        raise BrokenDocument("servers", "must name an absolute URL, with http or https")

    def _parameters(self, owner: Json, place: str) -> Iterator[Parameter]:
        listed = owner.get("parameters") or []
        if not isinstance(listed, list):
            raise BrokenDocument(place, "must be a list")
        for index, each in enumerate(listed):
            here = f"{place}.{index}"
            parameter = self._resolved(_mapping(each, here), here)
            name, where = parameter.get("name"), parameter.get("in")
            if not isinstance(name, str) or not name or where not in PLACES:
                raise BrokenDocument(here, f"must have a name, and `in`: {', '.join(PLACES)}")
            if where == "header" and name.lower() in NO_PARAMETERS:
                continue
            content = _mapping(parameter.get("content") or {}, f"{here}.content")
            said = _mapping(next(iter(content.values())), f"{here}.content") if content else parameter
            schema = said.get("schema")
            whole = self._schema(schema or {}, f"{here}.schema")
            if parameter.get("description"):
                whole = {"description": str(parameter["description"])} | whole
            yield Parameter(name, where, whole, where == "path" or bool(parameter.get("required")))

    def _body(self, operation: Json, place: str) -> tuple[str | None, Json, bool]:
        if "requestBody" not in operation:
            return None, {}, False
        body = self._resolved(_mapping(operation["requestBody"], place), place)
        content = _mapping(body.get("content") or {}, f"{place}.content")
        if not content:
            raise BrokenDocument(f"{place}.content", "must have a media type")
        kind = next((each for each in content if is_json(each)), FORM if FORM in content else next(iter(content)))
        here = f"{place}.content.{kind}"
        schema = _mapping(content[kind], here).get("schema") or {}
        whole = self._schema(schema, f"{here}.schema") if is_json(kind) or kind == FORM else {"type": "string"}
        return kind, whole, bool(body.get("required"))

    def _schema(self, schema: Any, place: str) -> Json:
        """A schema as models are shown it."""
        whole: Any = self._whole(schema, place)
        if whole is True:
            return {}
        if not isinstance(whole, dict):
            raise BrokenDocument(place, "must be an object")
        fault = malformed(whole)
        if fault is not None:
            raise BrokenDocument(place, f"is no JSON Schema: {fault.removesuffix('.')}")
        return whole

    def _whole(self, schema: Any, place: str, inside: tuple[str, ...] = (), depth: int = 0) -> Any:
        """The schema with its references put in place."""
        self.parts, depth = self.parts + 1, depth + 1
        self.characters += _characters(schema)
        if self.parts > MOST_PARTS or self.characters > MOST_CHARACTERS or depth > DEEPEST:
            words = f"{MOST_PARTS} parts, {MOST_CHARACTERS} characters or {DEEPEST} levels"
            raise BrokenDocument(place, f"the schemas have more than {words}")
        if isinstance(schema, list):
            return [self._whole(each, place, inside, depth) for each in schema]
        if not isinstance(schema, dict):
            return schema
        reference = schema.get("$ref")
        if isinstance(reference, str):
            if reference in inside:
                return {}
            target = self._whole(self._at(reference, place), place, (*inside, reference), depth)
            beside = {key: self._whole(each, place, inside, depth) for key, each in schema.items() if key != "$ref"}
            return {**target, **beside} if isinstance(target, dict) else target
        whole = {
            key: self._named(each, place, inside, depth) if key in MAPS else self._whole(each, place, inside, depth)
            for key, each in schema.items()
            if key not in UNSHOWN
        }
        if schema.get("nullable") is True and isinstance(schema.get("type"), str):
            whole["type"] = [schema["type"], "null"]
        return whole

    def _named(self, schemas: Any, place: str, inside: tuple[str, ...], depth: int) -> Any:
        """Schemas by names, which are the API's: whatever they are, they are no keywords."""
        if not isinstance(schemas, dict):
            return self._whole(schemas, place, inside, depth)
        self.characters += _characters(schemas)
        return {name: self._whole(each, place, inside, depth) for name, each in schemas.items()}

    def _resolved(self, value: Json, place: str) -> Json:
        """The object itself, or that to which it refers."""
        for _ in range(DEEPEST):
            if not isinstance(value.get("$ref"), str):
                return value
            value = _mapping(self._at(value["$ref"], place), place)
        raise BrokenDocument(place, "refers to itself")

    def _at(self, reference: str, place: str) -> Any:
        if not reference.startswith("#/"):
            raise BrokenDocument(place, f"'{reference[:200]}' leads out of the document")
        value: Any = self.document
        for part in reference[2:].split("/"):
            part = part.replace("~1", "/").replace("~0", "~")
            if isinstance(value, list) and INDEX.fullmatch(part) and int(part) < len(value):
                value = value[int(part)]
            elif isinstance(value, dict) and part in value:
                value = value[part]
            else:
                raise BrokenDocument(place, f"'{reference[:200]}' leads nowhere")
        return value


def is_json(media_type: str) -> bool:
    """Whether a body of that type is JSON."""
    kind = media_type.partition(";")[0].strip().lower()
    return kind == JSON or kind.endswith("+json")


def _characters(value: Any) -> int:
    """What a text, or the names of an object, adds to the characters of a document."""
    return len(value) if isinstance(value, str) else sum(map(len, value)) if isinstance(value, dict) else 0


def _filled(url: str, variables: Json) -> str:
    """A server's URL with its variables' defaults, which are no templates themselves."""
    defaults = {name: str(_mapping(each, "servers.0.variables").get("default")) for name, each in variables.items()}
    return re.sub(r"\{([^{}]*)\}", lambda found: defaults.get(found[1], found[0]), url)


def _check_plain(address: str, place: str) -> None:
    """Refuse a query, whose place are parameters and, for what is secret, the operator's connections.

    Raises BrokenDocument.
    """
    if "?" in address or "#" in address:
        raise BrokenDocument(place, "has a query: signatures and keys belong to a connection, the rest to parameters")


def _check_braces(template: str, place: str, declared: set[str], what: str) -> None:
    """Refuse a place in braces for which nothing is declared: it would be sent as it stands. Raises BrokenDocument."""
    for name in re.findall(r"\{([^{}]*)\}", template):
        if name not in declared:
            raise BrokenDocument(place, f"has '{{{name[:200]}}}', and no {what} of that name is declared")


def _mapping(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise BrokenDocument(place, "must be an object")
    return dict(value)
