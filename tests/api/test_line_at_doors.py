"""What waits in a thread's line, as other parts of the box see it: doors, tokens, budgets, exports, attachments."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import SecretStr

from shared import layout
from shared.deps import Caller
from shared.llm.scripted import call, pause, text
from shared.retention import holding
from shared.store.base import Put
from tests.api.conftest import KEY, below
from tests.api.moved import leave
from tests.api.test_line import QUEUE

ORIGIN = "https://shop.example"


@pytest.fixture
def settings() -> dict[str, Any]:
    return {
        "cors_origins": ORIGIN,
        "box_admin_keys": {"ops": SecretStr("sk-admin-0123456789")},
        "budgets": {"me": {"runs_at_once": 3}},
    }


@pytest.fixture
def release(box, http, llm, assistant, thread):
    """Let the thread's first run, which is begun, answer `One.`"""
    held = box.event()
    llm.script([pause(held), text("One.")])
    begun = http.post(f"threads/{thread.id}/runs", json={"assistant_id": assistant.id})
    assert begun.status_code == 200
    return lambda: box.loop.call_soon_threadsafe(held.set)


def said(words: str, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": words} | more


def texts(http, thread) -> list[str]:
    listed = http.get(f"threads/{thread.id}/messages?order=asc").json()["data"]
    return [each["content"][0]["text"]["value"] for each in listed]


@pytest.mark.parametrize("door", ["openai", "openai/v1", "api/projects/shop"])
def test_every_door_lets_wait(box, http, llm, thread, assistant, release, wait, door):
    llm.script([text("Two.")])
    with below(f"{box.url}/{door}/", **{"api-key": KEY}) as azure:
        path = f"threads/{thread.id}"
        assert azure.post(f"{path}/messages", json=said("Second?"), headers=QUEUE).status_code == 200
        run = azure.post(f"{path}/runs", json={"assistant_id": assistant.id}, headers=QUEUE).json()
    release()
    assert wait(run)["status"] == "completed"
    assert texts(http, thread) == ["Weather?", "One.", "Second?", "Two."]


def test_a_page_with_a_client_token_lets_wait(box, http, llm, thread, assistant, release, wait):
    llm.script([text("Two.")])
    made = http.post("client_tokens", json={"assistant_ids": [assistant.id], "thread_id": thread.id}).json()
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    with below(f"{box.url}/v1/", Authorization=f"Bearer {made['token']}", Origin=ORIGIN) as page:
        path = f"threads/{thread.id}"
        asked = page.options(f"{path}/runs", headers=preflight | {"Access-Control-Request-Headers": "when-busy"})
        assert "when-busy" in asked.headers["access-control-allow-headers"]
        assert page.post(f"{path}/messages", json=said("Second?"), headers=QUEUE).status_code == 200
        run = page.post(f"{path}/runs", json={"assistant_id": assistant.id}, headers=QUEUE).json()
        assert (run["status"], run["instructions"]) == ("queued", "")
    release()
    assert wait(run)["status"] == "completed"
    assert texts(http, thread) == ["Weather?", "One.", "Second?", "Two."]


def test_what_waits_counts_for_the_budget_until_it_is_over(http, llm, thread, assistant, release, wait):
    llm.script([text("Two.")], [text("Three.")])
    path, body = f"threads/{thread.id}/runs", {"assistant_id": assistant.id}
    cancelled, last = (http.post(path, json=body, headers=QUEUE).json() for _ in range(2))
    refused = http.post(path, json=body, headers=QUEUE)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    http.post(f"{path}/{cancelled['id']}/cancel")
    another = http.post(path, json=body, headers=QUEUE)
    assert another.status_code == 200
    release()
    assert [wait(each)["status"] for each in (last, another.json())] == ["completed"] * 2
    http.delete(f"threads/{thread.id}")


def test_what_waits_counts_for_longer_than_a_run_lives(box, http, llm, thread, assistant, wait):
    llm.script([call("get_weather", city="Oslo")])
    path, body = f"threads/{thread.id}/runs", {"assistant_id": assistant.id}
    first = wait(http.post(path, json=body).json())
    assert first["status"] == "requires_action"

    async def prolong() -> None:
        row = await box.deps.store.get(layout.thread("me", thread.id), first["id"])
        lasting = row.data["run"] | {"expires_at": first["expires_at"] + 3600}
        await box.deps.store.commit(
            layout.thread("me", thread.id), [Put(row.key, row.data | {"run": lasting}, row.version)]
        )

    box.run(prolong())
    waiting = [http.post(path, json=body, headers=QUEUE).json() for _ in range(2)]
    box.clock.advance(box.settings.run_lifetime_seconds + 60)
    assert [http.get(f"{path}/{each['id']}").json()["status"] for each in waiting] == ["queued"] * 2
    more = [http.post(path, json=body, headers=QUEUE).status_code for _ in range(2)]
    assert more == [200, 429], "only the run ahead may be forgotten"


def test_a_thread_that_is_deleted_gives_back_what_its_line_counted(http, llm, client, thread, assistant, release):
    body = {"assistant_id": assistant.id}
    for _ in range(2):
        assert http.post(f"threads/{thread.id}/runs", json=body, headers=QUEUE).status_code == 200
    assert http.delete(f"threads/{thread.id}").status_code == 200
    llm.script(*[[text("Hi.")]] * 3)
    for _ in range(3):
        assert http.post("threads/runs", json=body).status_code == 200
    release()


def test_a_cancelled_run_leaves_its_messages_where_a_hold_keeps_them(box, http, llm, thread, assistant, release, wait):
    llm.script([text("Two.")])
    path, body = f"threads/{thread.id}/runs", {"assistant_id": assistant.id}
    cancelled = http.post(path, json=body | {"additional_messages": [said("Keep.")]}, headers=QUEUE).json()
    last = http.post(path, json=body, headers=QUEUE).json()
    box.run(holding.add(Caller(box.deps, "me"), thread_id=thread.id, metadata={}))
    assert http.post(f"{path}/{cancelled['id']}/cancel").json()["status"] == "cancelled"
    release()
    assert wait(last)["status"] == "completed"
    assert texts(http, thread) == ["Weather?", "One.", "Keep.", "Two."]


def test_an_export_has_what_waits_behind_the_rest(box, http, thread, assistant, release, tmp_path):
    http.post(f"threads/{thread.id}/messages", json=said("Second?"), headers=QUEUE)
    run = http.post(f"threads/{thread.id}/runs", json={"assistant_id": assistant.id}, headers=QUEUE).json()
    written = box.run(leave(box, tmp_path / "out"))
    [bundle] = [json.loads(data) for name, data in written.items() if thread.id in name]
    assert [each["content"][0]["text"]["value"] for each in bundle["messages"]] == ["Weather?", "Second?"]
    assert [each["id"] for each in bundle["runs"]][-1] == run["id"]
    release()


def test_what_waits_stays_behind_the_answer_when_it_is_moved(box, http, llm, thread, assistant, stream, tmp_path):
    written = box.event()
    llm.script([pause(written), text("One."), pause(box.event())])
    for number, (name, *_) in enumerate(stream()):
        if number == 0:
            http.post(f"threads/{thread.id}/messages", json=said("Second?"), headers=QUEUE)
            box.clock.advance(5)
            box.loop.call_soon_threadsafe(written.set)
        if name == "thread.message.delta":
            bundles = box.run(leave(box, tmp_path / "out"))
            break
    [bundle] = [json.loads(data) for name, data in bundles.items() if thread.id in name]
    assert [each["role"] for each in bundle["messages"]] == ["user", "assistant", "user"]
    created = [each["created_at"] for each in bundle["messages"]]
    assert created == sorted(created), "importers go by it"


def test_an_attached_file_is_there_at_the_messages_turn(http, client, llm, thread, assistant, release, wait):
    file = client.files.create(file=("a.txt", b"words"), purpose="assistants")
    attached = [{"file_id": file.id, "tools": [{"type": "code_interpreter"}]}]
    sent = http.post(f"threads/{thread.id}/messages", json=said("See.", attachments=attached), headers=QUEUE)
    assert sent.json()["attachments"] == attached
    assert http.get(f"threads/{thread.id}").json()["tool_resources"]["code_interpreter"]["file_ids"] == [file.id]
    llm.script([text("Two.")])
    run = http.post(f"threads/{thread.id}/runs", json={"assistant_id": assistant.id}, headers=QUEUE).json()
    release()
    assert wait(run)["status"] == "completed"
    assert http.get(f"threads/{thread.id}/messages/{sent.json()['id']}").json()["attachments"] == attached


def test_a_deleted_message_is_given_by_no_repetition(http, thread, release):
    headers, path = QUEUE | {"Idempotency-Key": "order-4711"}, f"threads/{thread.id}/messages"
    first = http.post(path, json=said("Second?"), headers=headers).json()
    assert http.delete(f"{path}/{first['id']}").status_code == 200
    again = http.post(path, json=said("Second?"), headers=headers)
    assert (again.status_code, again.headers.get("idempotent-replayed")) == (200, None)
    assert again.json()["id"] != first["id"]
    release()


async def test_many_who_add_at_once_all_find_their_place(box, http, async_client, llm, thread, assistant, release):
    """Each of them may meet the others' commits, the driver's and the run's end."""
    llm.script(*[[text("Next.")]] * 2)
    threads = async_client.beta.threads

    async def add(number: int) -> None:
        if number == 8:
            release()
        if number % 8 == 0:
            await threads.runs.create(thread.id, assistant_id=assistant.id, extra_headers=QUEUE)
        else:
            await threads.messages.create(thread.id, role="user", content=f"{number}?", extra_headers=QUEUE)

    await asyncio.gather(*map(add, range(16)))
    for _ in range(500):
        runs = (await threads.runs.list(thread.id)).data
        if {each.status for each in runs} == {"completed"}:
            break
        await asyncio.sleep(0.02)
    assert [each.status for each in runs] == ["completed"] * 3
    found = texts(http, thread)
    assert sorted(each for each in found if each.endswith("?") and each != "Weather?") == sorted(
        f"{number}?" for number in range(16) if number % 8
    )
    assert found.count("Next.") == 2
