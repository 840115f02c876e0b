"""Assistants through the SDK."""

from __future__ import annotations

import openai
import pytest


def create(client, **fields):
    return client.beta.assistants.create(**{"model": "gpt-4o"} | fields)


def test_an_assistant_is_answered_with_all_its_fields(client):
    assistant = create(client)
    assert assistant.to_dict() == {
        "id": assistant.id,
        "object": "assistant",
        "created_at": assistant.created_at,
        "name": None,
        "description": None,
        "model": "gpt-4o",
        "instructions": None,
        "tools": [],
        "top_p": 1.0,
        "temperature": 1.0,
        "reasoning_effort": None,
        "tool_resources": {},
        "metadata": {},
        "response_format": "auto",
    }
    assert client.beta.assistants.retrieve(assistant.id) == assistant


def test_tools_are_answered_with_their_defaults(client):
    tools = [
        {"type": "code_interpreter"},
        {"type": "file_search"},
        {"type": "function", "function": {"name": "f", "description": "d"}},
    ]
    assistant = create(client, tools=tools)
    ranking = {"ranker": "default_2024_08_21", "score_threshold": 0.0, "hybrid_search": None}
    function = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}, "strict": False}
    assert [tool.to_dict() for tool in assistant.tools] == [
        {"type": "code_interpreter"},
        {"type": "file_search", "file_search": {"ranking_options": ranking}},
        {"type": "function", "function": function},
    ]
    assert assistant.tool_resources.to_dict() == {"code_interpreter": {"file_ids": []}}


def test_zero_is_a_temperature(client):
    assert create(client, temperature=0, top_p=0).temperature == 0


def test_null_means_the_default(client):
    nulls = dict.fromkeys(("name", "tools", "metadata", "temperature", "tool_resources", "response_format"))
    assistant = create(client, **nulls)
    assert (assistant.tools, assistant.metadata, assistant.temperature) == ([], {}, 1.0)


def test_a_json_schema_comes_back_as_it_was_sent(client):
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"], "default": None}}}
    response_format = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    assistant = create(client, response_format=response_format)
    assert assistant.to_dict()["response_format"] == response_format


def test_modify_changes_what_is_sent_and_resets_what_is_null(client):
    assistant = create(client, name="Ann", description="d", temperature=0.2, metadata={"a": "1", "b": "2"})
    changed = client.beta.assistants.update(assistant.id, description=None, temperature=None, metadata={"c": "3"})
    assert changed.name == "Ann"
    assert changed.description is None
    assert changed.temperature == 1.0
    assert changed.metadata == {"c": "3"}
    assert client.beta.assistants.update(assistant.id, metadata=None).metadata == {}
    assert client.beta.assistants.update(assistant.id).name == "Ann"
    assert client.beta.assistants.update(assistant.id, model="other").model == "other"


def test_modify_replaces_tools_and_merges_tool_resources(client):
    file = client.files.create(file=("a.txt", b"a"), purpose="assistants")
    searched = {"vector_store_ids": [client.vector_stores.create().id]}
    assistant = create(client, tools=[{"type": "code_interpreter"}], tool_resources={"file_search": searched})
    changed = client.beta.assistants.update(
        assistant.id, tools=[], tool_resources={"code_interpreter": {"file_ids": [file.id]}}
    )
    assert changed.tools == []
    assert changed.tool_resources.to_dict() == {
        "code_interpreter": {"file_ids": [file.id]},
        "file_search": searched,
    }


def test_an_answered_assistant_can_be_sent_back(client):
    tools = [{"type": "file_search"}, {"type": "code_interpreter"}, {"type": "function", "function": {"name": "f"}}]
    answered = create(client, tools=tools, name="n").to_dict()
    sent = {name: value for name, value in answered.items() if name not in ("id", "object", "created_at")}
    assert client.beta.assistants.update(answered["id"], **sent).to_dict() == answered


def test_assistants_are_listed_newest_first_page_by_page(client):
    made = [create(client, name=str(number)).id for number in range(5)]
    assert [each.id for each in client.beta.assistants.list(limit=2)] == made[::-1]
    assert [each.id for each in client.beta.assistants.list(limit=2, order="asc")] == made
    page = client.beta.assistants.list(limit=2, order="desc", before=made[0])
    assert [each.id for each in page.data] == [made[2], made[1]]


def test_a_deleted_assistant_is_gone(client):
    assistant = create(client)
    gone = client.beta.assistants.delete(assistant.id)
    assert gone.to_dict() == {"id": assistant.id, "object": "assistant.deleted", "deleted": True}
    with pytest.raises(openai.NotFoundError):
        client.beta.assistants.delete(assistant.id)
    assert client.beta.assistants.list().data == []


async def test_the_async_client_does_the_same(async_client):
    assistant = await async_client.beta.assistants.create(model="m")
    assert [each.id async for each in async_client.beta.assistants.list()] == [assistant.id]


def test_the_azure_client_does_the_same(azure):
    assistant = azure.beta.assistants.create(model="deployment")
    assert azure.beta.assistants.retrieve(assistant.id) == assistant
    assert azure.beta.assistants.delete(assistant.id).deleted
