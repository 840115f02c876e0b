"""What of a thread reaches the model when it is too much: pictures, long entries, old outputs, a refused length."""

from __future__ import annotations

import base64
import json
import os

import pytest

from shared.llm.scripted import text


@pytest.fixture
def ask(client, assistant, thread):
    """Run the thread and poll until it stops."""

    def ask(**more):
        more = {"assistant_id": assistant.id, "poll_interval_ms": 10} | more
        return client.beta.threads.runs.create_and_poll(thread_id=thread.id, **more)

    return ask


@pytest.fixture
def say(client, thread):
    """Add a message of the user: words or parts."""

    def say(content):
        return client.beta.threads.messages.create(thread.id, role="user", content=content)

    return say


@pytest.fixture
def picture(client):
    """A part with an uploaded picture of so many bytes."""

    def picture(size):
        data = b"\x89PNG\r\n\x1a\n" + os.urandom(size)
        uploaded = client.files.create(file=("i.png", data), purpose="vision")
        return {"type": "image_file", "image_file": {"file_id": uploaded.id}}

    return picture


def data_url(size):
    url = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + os.urandom(size)).decode()
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize("uploaded", [True, False])
def test_a_message_that_is_only_a_picture_keeps_what_was_said_before(llm, ask, say, picture, uploaded):
    llm.script([text("Yes.")])
    say([picture(500_000) if uploaded else data_url(500_000)])
    say("What was my question?")

    ask()

    sent = json.dumps(llm.requests[0].input)
    assert "Weather?" in sent
    assert "input_image" in sent
