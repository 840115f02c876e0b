"""Assistants through the SDK."""

from __future__ import annotations


def test_an_assistant_is_created_with_all_its_fields(client):
    assistant = client.beta.assistants.create(model="gpt-4o")
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
