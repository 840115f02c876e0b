"""What the box relies on inside of arriving objects: what runs and prompts read, and forms that vary elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from shared.json_types import Json
from shared.moving.lost import Lost
from shared.objects.vector_store_requests import StoreExpiresAfter


def objects(data: Json, name: str) -> list[Json]:
    """A list of objects that may be missing or null. Raises Lost."""
    listed = data.get(name) or []
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise Lost(f"{name}: expected a list of objects")
    return listed


def in_order(objects: Iterable[Json]) -> Iterator[Json]:
    """Oldest first; those of a second in the order of the list, which may be newest first."""
    listed = [*objects]
    times = [each["created_at"] if isinstance(each.get("created_at"), int) else 0 for each in listed]
    if times and times[0] > times[-1]:
        listed.reverse()
        times.reverse()
    for _, _, each in sorted(zip(times, range(len(listed)), listed, strict=True), key=lambda entry: entry[:2]):
        yield each


def message(data: Json) -> Json:
    """A message with content as answers have it: a text that was sent as it is gets its place for annotations."""
    content = data.get("content") or []
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else objects(data, "content")
    attachments = [_attachment(each) for each in objects(data, "attachments")]
    for each in attachments:
        _require(isinstance(each.get("file_id"), str), "attachments: a file_id is missing")
        typed = all(isinstance(tool.get("type"), str) for tool in objects(each, "tools"))
        _require(typed, "attachments: a tool's type is missing")
    named = {"attachments": attachments} if attachments else {}
    return data | named | {"content": [_part(each) for each in parts]}


def _attachment(attachment: Json) -> Json:
    """An attachment with the id of its file, which Foundry may name as the asset of a `data_source` alone."""
    source = attachment.get("data_source")
    asset = source.get("uri") if isinstance(source, dict) else None
    return attachment | {"file_id": asset} if attachment.get("file_id") is None and asset is not None else attachment


def tools(data: Json) -> Json:
    """An object with tools that can be offered, or refused by name; tools without resources are left out of these."""
    for each in objects(data, "tools"):
        _require(isinstance(each.get("type"), str), "tools: a type is missing")
        if each["type"] == "function":
            _function(each.get("function"))
    resources = data.get("tool_resources") or {}
    _require(isinstance(resources, dict), "tool_resources: expected an object")
    kept: dict[str, Any] = {
        tool: [*map(_without_headers, of)] if isinstance(of, list) else _said(of)
        for tool, of in resources.items()
        if of is not None
    }
    _require(all(_is_object_or_list(of) for of in kept.values()), "tool_resources: expected objects")
    for tool, name in (("code_interpreter", "file_ids"), ("file_search", "vector_store_ids")):
        of = kept.get(tool, {})
        _require(isinstance(of, dict), f"tool_resources: {tool} is not an object")
        listed = of.get(name) or []
        _require(isinstance(listed, list) and all(isinstance(each, str) for each in listed), f"{name}: expected ids")
    shown = {"tools": [*map(_without_headers, data["tools"])]} if data.get("tools") else {}
    return data | shown | {"tool_resources": kept}


def _function(function: Any) -> None:
    """What is offered to the model: more than its name may be missing or null."""
    _require(isinstance(function, dict) and isinstance(function.get("name"), str), "tools: a name is missing")
    described = isinstance(function.get("description") or "", str)
    _require(described, f"tools: the description of {function['name']} is no text")
    parameters = function.get("parameters") or {}
    are_schema = isinstance(parameters, dict) and isinstance(parameters.get("properties") or {}, dict)
    _require(are_schema, f"tools: the parameters of {function['name']} are no schema of an object")


def response_format(data: Json) -> Json:
    """An assistant whose answers have a form that a model can be asked for. Raises Lost."""
    given = data.get("response_format")
    if isinstance(given, dict):
        kind, schema = given.get("type"), given.get("json_schema")
        _require(isinstance(kind, str), "response_format: a type is missing")
        is_named = isinstance(schema, dict) and isinstance(schema.get("name"), str)
        _require(kind != "json_schema" or is_named, "response_format: a schema is missing")
    else:
        _require(given in (None, "auto"), "response_format: expected 'auto' or an object")
    return data


def _said(of: Any) -> Any:
    """What a tool uses, without members that are null."""
    return {name: value for name, value in of.items() if value is not None} if isinstance(of, dict) else of


def secrets(data: Json) -> bool:
    """Whether it has values of headers for MCP servers, which `tools` leaves out."""
    entries = [*objects(data, "tools"), *_servers(data)]
    return any(_without_headers(each) != each for each in entries)


def _servers(data: Json) -> list[Any]:
    resources = data.get("tool_resources")
    servers = resources.get("mcp") if isinstance(resources, dict) else None
    return servers if isinstance(servers, list) else []


def _without_headers(entry: Any) -> Any:
    """A tool, or an entry for an MCP server, with the names of its headers: their values are credentials."""
    if not isinstance(entry, dict):
        return entry
    headers = entry.get("headers")
    kept = {"headers": dict.fromkeys(headers) if isinstance(headers, dict) else {}} if headers else {}
    return entry | kept | ({"authorization": None} if entry.get("authorization") else {})


def step(data: Json) -> Json:
    """A run step whose calls can be shown. Raises Lost."""
    details: Any = data.get("step_details")
    _require(isinstance(details, dict) and isinstance(details.get("type"), str), "step_details: a type is missing")
    calls = objects(details, "tool_calls")
    for each in calls:
        kind = each.get("type")
        _require(isinstance(kind, str), "tool_calls: a type is missing")
        if kind in ("function", "code_interpreter", "file_search"):
            _require(isinstance(each.get(str(kind)), dict), f"tool_calls: {kind} is missing")
            for name in ("outputs", "results"):
                objects(each[str(kind)], name)
    return data | {"step_details": details | {"tool_calls": calls}} if details["type"] == "tool_calls" else data


def store(data: Json) -> Json:
    """A vector store whose end can be reckoned, with files and batches that can be read. Raises Lost."""
    try:
        TypeAdapter(StoreExpiresAfter | None).validate_python(data.get("expires_after"))
    except ValidationError:
        raise Lost("expires_after: expected an anchor and 1 to 365 days") from None
    for each in objects(data, "file_batches"):
        listed = each.get("file_ids") or []
        _require(isinstance(listed, list) and all(isinstance(one, str) for one in listed), "file_ids: expected ids")
    return data | {"files": objects(data, "files")}


def _part(part: Json) -> Json:
    """A part of a message's content. Raises Lost."""
    kind: Any = part.get("type")
    inner = part.get(kind) if isinstance(kind, str) else None
    if kind == "text":
        inner = {"value": inner} if isinstance(inner, str) else inner
        _require(isinstance(inner, dict) and isinstance(inner.get("value"), str), "content: a text is missing")
        annotations = objects(inner, "annotations") if isinstance(inner, dict) else []
        for each in annotations:
            named = isinstance(each.get("type"), str) and isinstance(each.get("text"), str)
            _require(named, "annotations: a type or text is missing")
        return part | {"text": {**(inner or {}), "annotations": annotations}}
    needed = {"image_file": "file_id", "image_url": "url"}.get(str(kind))
    if needed is not None:
        _require(isinstance(inner, dict) and isinstance(inner.get(needed), str), f"content: {needed} is missing")
    _require(isinstance(kind, str), "content: a type is missing")
    _require(kind != "refusal" or isinstance(inner, str), "content: a refusal is missing")
    return part


def _is_object_or_list(value: Any) -> bool:
    """A tool has resources, or several things with resources: Foundry's `mcp` lists its servers."""
    return isinstance(value, dict) or (isinstance(value, list) and all(isinstance(each, dict) for each in value))


def _require(holds: bool, words: str) -> None:
    if not holds:
        raise Lost(words)
