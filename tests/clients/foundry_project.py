"""A program that comes to its agents by their project: `python foundry_project.py VERSION ENDPOINT TOKEN`."""

from __future__ import annotations

import sys
import time
from typing import Any

from azure.ai.projects import AIProjectClient, _version
from azure.core.credentials import AccessToken

VERSION, ENDPOINT, TOKEN = sys.argv[1:]
assert _version.VERSION == VERSION


class Credential:
    """What `DefaultAzureCredential` does, for a token that is there."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        assert scopes == ("https://ai.azure.com/.default",)
        return AccessToken(TOKEN, int(time.time()) + 3600)


with AIProjectClient(endpoint=ENDPOINT, credential=Credential()) as project:
    agent = project.agents.create_agent(model="gpt-4o", name="Tutor", instructions="Teach.")
    thread = project.agents.threads.create()
    project.agents.messages.create(thread_id=thread.id, role="user", content="hello there")
    run = project.agents.runs.create_and_process(thread_id=thread.id, agent_id=agent.id, polling_interval=0.05)
    said = project.agents.messages.get_last_message_text_by_role(thread_id=thread.id, role="assistant")
    assert (run.status, said.text.value) == ("completed", "You said: hello there")
    project.agents.delete_agent(agent.id)
    print("the end")
