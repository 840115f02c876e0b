"""An assistant as what a program sends with each of its requests to the Responses API. Pure."""

from __future__ import annotations

from typing import Final

from shared.json_types import Json

#: Fields of an assistant that have the same name and meaning there.
SAME: Final = ("model", "instructions", "temperature", "top_p")


def request(assistant: Json) -> tuple[Json, list[str]]:
    """The body of `POST /responses` without its input, and what of the assistant it cannot say."""
    body: Json = {name: assistant[name] for name in SAME if assistant.get(name) is not None}
    if assistant.get("reasoning_effort") is not None:
        body["reasoning"] = {"effort": assistant["reasoning_effort"]}
    if isinstance(assistant.get("response_format"), dict):
        body["text"] = {"format": _format(assistant["response_format"])}
    tools, left_out = [], []
    for tool in assistant["tools"]:
        made = _tool(tool, assistant.get("tool_resources") or {})
        if made is None:
            left_out.append(f"the tool {tool['type']}")
        else:
            tools.append(made)
    if tools:
        body["tools"] = tools
    left_out += [f"the {name} of an assistant" for name in ("name", "description", "metadata") if assistant.get(name)]
    return body, left_out


def _format(wanted: Json) -> Json:
    """A response format: a schema's members stand beside its type."""
    schema = wanted.get("json_schema")
    return {"type": "json_schema", **schema} if isinstance(schema, dict) else {"type": wanted["type"]}


def _tool(tool: Json, resources: Json) -> Json | None:
    """A tool with its files or stores, or None where there is no such tool."""
    match tool:
        case {"type": "function", "function": function}:
            parameters = function.get("parameters") or {"type": "object", "properties": {}}
            made = {"type": "function", "name": function["name"], "parameters": parameters}
            described = {"description": function["description"]} if function.get("description") else {}
            return {**made, **described, "strict": bool(function.get("strict"))}
        case {"type": "code_interpreter"}:
            files = (resources.get("code_interpreter") or {}).get("file_ids") or []
            return {"type": "code_interpreter", "container": {"type": "auto", "file_ids": files}}
        case {"type": "file_search"}:
            stores = (resources.get("file_search") or {}).get("vector_store_ids") or []
            most = (tool.get("file_search") or {}).get("max_num_results")
            return {
                "type": "file_search",
                "vector_store_ids": stores,
                **({} if most is None else {"max_num_results": most}),
            }
    return None
