"""Requests that are wrong in every way the API has words for."""

from __future__ import annotations

import pytest

from shared.errors import InvalidRequest
from shared.objects.assistant_requests import CreateAssistant, ModifyAssistant
from shared.objects.common import RequestBody
from shared.objects.message_requests import CreateMessage
from shared.objects.parse import parse
from shared.objects.run_requests import CreateRun, CreateThreadAndRun, SubmitToolOutputs
from shared.objects.thread_requests import CreateThread
from shared.objects.tools.tools import choice_json, tools_json


def refused(model: type[RequestBody], raw: object) -> tuple[str, str | None, str | None]:
    with pytest.raises(InvalidRequest) as caught:
        parse(model, raw)
    return caught.value.message, caught.value.param, caught.value.code


@pytest.mark.parametrize(
    ("model", "raw", "message", "param", "code"),
    [
        (CreateRun, {}, "Missing required parameter: 'assistant_id'.", "assistant_id", "missing_required_parameter"),
        (
            SubmitToolOutputs,
            {"tool_outputs": [{"output": "x"}]},
            "Missing required parameter: 'tool_outputs[0].tool_call_id'.",
            "tool_outputs[0].tool_call_id",
            "missing_required_parameter",
        ),
        (
            CreateAssistant,
            {"model": "m", "tools": [{"type": "function"}]},
            "Missing required parameter: 'tools[0].function'.",
            "tools[0].function",
            "missing_required_parameter",
        ),
        (
            CreateAssistant,
            {"model": "m", "tools": [{"type": "function", "function": {}}]},
            "Missing required parameter: 'tools[0].function.name'.",
            "tools[0].function.name",
            "missing_required_parameter",
        ),
        (
            CreateAssistant,
            {"model": "m", "tools": [{}]},
            "Missing required parameter: 'tools[0].type'.",
            "tools[0].type",
            "missing_required_parameter",
        ),
        (
            CreateRun,
            {"assistant_id": "asst_x", "truncation_strategy": {"type": "last_messages"}},
            "Missing required parameter: 'truncation_strategy.last_messages'.",
            "truncation_strategy.last_messages",
            "missing_required_parameter",
        ),
        (
            CreateMessage,
            {"role": "user", "content": "x", "file_ids": []},
            "Unknown parameter: 'file_ids'.",
            "file_ids",
            "unknown_parameter",
        ),
        (
            CreateThread,
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "foo": 1}]}]},
            "Unknown parameter: 'messages[0].content[0].foo'.",
            "messages[0].content[0].foo",
            "unknown_parameter",
        ),
        (
            CreateAssistant,
            {"model": 5},
            "Invalid type for 'model': expected a string, but got an integer instead.",
            "model",
            "invalid_type",
        ),
        (
            CreateAssistant,
            {"model": None},
            "Invalid type for 'model': expected a string, but got null instead.",
            "model",
            "invalid_type",
        ),
        (
            CreateAssistant,
            {"model": "m", "temperature": True},
            "Invalid type for 'temperature': expected a decimal, but got a boolean instead.",
            "temperature",
            "invalid_type",
        ),
        (
            CreateAssistant,
            {"model": "m", "metadata": {"a": 1}},
            "Invalid type for 'metadata.a': expected a string, but got an integer instead.",
            "metadata.a",
            "invalid_type",
        ),
        (
            CreateMessage,
            {"role": "user", "content": 5},
            "Invalid type for 'content': expected one of a string or an array, but got an integer instead.",
            "content",
            "invalid_type",
        ),
        (
            CreateMessage,
            {"role": "user", "content": [{"type": "text", "text": {"value": "x"}}]},
            "Invalid type for 'content[0].text': expected a string, but got an object instead.",
            "content[0].text",
            "invalid_type",
        ),
        (
            CreateMessage,
            {"role": "user", "content": ["x"]},
            "Invalid type for 'content[0]': expected an object, but got a string instead.",
            "content[0]",
            "invalid_type",
        ),
        (
            CreateRun,
            {"assistant_id": "a", "tool_choice": 1},
            "Invalid type for 'tool_choice': expected one of a string or an object, but got an integer instead.",
            "tool_choice",
            "invalid_type",
        ),
        (
            CreateAssistant,
            [1],
            "Invalid type for the request body: expected an object, but got an array instead.",
            None,
            "invalid_type",
        ),
        (
            CreateMessage,
            {"role": "system", "content": "x"},
            "Invalid value: 'system'. Supported values are: 'user' and 'assistant'.",
            "role",
            "invalid_value",
        ),
        (
            CreateMessage,
            {"role": 5, "content": "x"},
            "Invalid type for 'role': expected one of 'user' or 'assistant', but got an integer instead.",
            "role",
            "invalid_type",
        ),
        (
            CreateAssistant,
            {"model": "m", "tools": [{"type": "retrieval"}]},
            "Invalid value: 'retrieval'. Supported values are: 'code_interpreter', 'file_search', 'function', "
            "'azure_ai_search', 'azure_function', 'bing_custom_search', 'bing_grounding', 'browser_automation', "
            "'computer_use_preview', 'connected_agent', 'deep_research', 'fabric_dataagent', 'image_generation', "
            "'mcp', 'openapi', 'sharepoint_grounding', 'web_search', and 'web_search_preview'.",
            "tools[0].type",
            "invalid_value",
        ),
        (
            CreateRun,
            {"assistant_id": "a", "tool_choice": "always"},
            "Invalid value: 'always'. Supported values are: 'none', 'auto', and 'required'.",
            "tool_choice",
            "invalid_value",
        ),
        (
            CreateRun,
            {"assistant_id": "a", "max_prompt_tokens": 255},
            "Invalid 'max_prompt_tokens': integer below minimum value. Expected a value >= 256, but got 255 instead.",
            "max_prompt_tokens",
            "integer_below_min_value",
        ),
        (
            CreateAssistant,
            {"model": "m", "temperature": 3},
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
            "temperature",
            "decimal_above_max_value",
        ),
        (
            CreateMessage,
            {"role": "user", "content": "x" * 256_001},
            "Invalid 'content': string too long. Expected a string with maximum length 256000, "
            "but got a string with length 256001 instead.",
            "content",
            "string_above_max_length",
        ),
        (
            CreateMessage,
            {"role": "user", "content": []},
            "Invalid 'content': array too short. Expected an array with minimum length 1, "
            "but got an empty array instead.",
            "content",
            "array_below_min_length",
        ),
        (
            CreateAssistant,
            {"model": "m", "tools": [{"type": "code_interpreter"}] * 129},
            "Invalid 'tools': array too long. Expected an array with maximum length 128, "
            "but got an array with length 129 instead.",
            "tools",
            "array_above_max_length",
        ),
        (
            CreateAssistant,
            {"model": "m", "metadata": {str(n): "" for n in range(17)}},
            "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, "
            "but got an object with 17 properties instead.",
            "metadata",
            "object_above_max_properties",
        ),
        (
            CreateAssistant,
            {"model": "m", "metadata": {"k" * 65: ""}},
            f"Invalid 'metadata.{'k' * 65}': string too long. Expected a string with maximum length 64, "
            "but got a string with length 65 instead.",
            f"metadata.{'k' * 65}",
            "string_above_max_length",
        ),
        (
            CreateAssistant,
            {"model": "m", "tools": [{"type": "function", "function": {"name": "no spaces"}}]},
            "Invalid 'tools[0].function.name': string does not match pattern. "
            "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
            "tools[0].function.name",
            "invalid_value",
        ),
        (
            CreateThreadAndRun,
            {
                "assistant_id": "a",
                "thread": {"tool_resources": {"file_search": {"vector_store_ids": ["vs_1"], "vector_stores": [{}]}}},
            },
            "Invalid 'thread.tool_resources.file_search': only one of 'vector_store_ids' and 'vector_stores' "
            "can be provided.",
            "thread.tool_resources.file_search",
            "invalid_value",
        ),
    ],
)
def test_a_wrong_request_is_refused_in_the_apis_words(model, raw, message, param, code):
    assert refused(model, raw) == (message, param, code)


def test_null_is_unset_and_modify_can_tell_it_from_omitted():
    assert parse(CreateAssistant, {"model": "m", "tools": None, "metadata": None}).tools is None
    assert parse(ModifyAssistant, {"name": None}).model_fields_set == {"name"}


def test_tools_gain_their_defaults():
    raw = {"type": "file_search", "file_search": {"max_num_results": 3}}
    body = parse(CreateAssistant, {"model": "m", "tools": [{"type": "function", "function": {"name": "f"}}, raw]})
    function, search = tools_json(body.tools)
    assert function["function"] == {"name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}
    ranking = {"ranker": "default_2024_08_21", "score_threshold": 0.0, "hybrid_search": None}
    assert search["file_search"] == {"max_num_results": 3, "ranking_options": ranking}


def test_answered_tools_and_formats_can_be_sent_back():
    raw = {
        "model": "m",
        "tools": [{"type": "file_search"}, {"type": "function", "function": {"name": "f", "description": "d"}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    }
    body = parse(CreateAssistant, raw)
    answered = {"tools": tools_json(body.tools), "response_format": choice_json(body.response_format)}
    assert answered["response_format"] == raw["response_format"]
    again = parse(ModifyAssistant, answered)
    assert tools_json(again.tools) == answered["tools"]


@pytest.mark.parametrize("kind", ["code_interpreter", "file_search"])
def test_a_choice_of_a_built_in_tool_may_name_no_function(kind):
    # So the SDK writes down a run's choice.
    body = parse(CreateRun, {"assistant_id": "asst_x", "tool_choice": {"type": kind, "function": None}})
    assert body.tool_choice.type == kind


def test_content_becomes_answer_parts():
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]
    body = parse(CreateMessage, {"role": "user", "content": parts})
    assert body.content_json() == [
        {"type": "text", "text": {"value": "a", "annotations": []}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "auto"}},
    ]
