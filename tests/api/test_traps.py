"""What toy servers get wrong, as far as it concerns everything but runs. Each test is named after its trap."""

from __future__ import annotations

import re
import time

import pytest

from shared.llm.scripted import text

ID = {
    "assistants": r"asst_[A-Za-z0-9]{24}",
    "threads": r"thread_[A-Za-z0-9]{24}",
    "messages": r"msg_[A-Za-z0-9]{24}",
    "files": r"file-[A-Za-z0-9]{22}",
}


@pytest.fixture
def thread(http) -> str:
    return http.post("threads").json()["id"]


def say(http, thread, **fields):
    return http.post(f"threads/{thread}/messages", json={"role": "user", "content": "x"} | fields)


def test_trap_20_messages_of_one_second_keep_their_order(http):
    texts = [str(number) for number in range(30)]
    messages = [{"role": "user", "content": each} for each in texts]
    thread = http.post("threads", json={"messages": messages}).json()["id"]

    def listed(order):
        data = http.get(f"threads/{thread}/messages", params={"order": order, "limit": 100}).json()["data"]
        return [message["content"][0]["text"]["value"] for message in data]

    assert listed("asc") == texts
    assert listed("desc") == texts[::-1]


def test_trap_20_descending_is_the_default_order(http, thread):
    first, second = (say(http, thread, content=each).json()["id"] for each in "ab")
    assert [each["id"] for each in http.get(f"threads/{thread}/messages").json()["data"]] == [second, first]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_trap_21_after_the_last_item_is_an_empty_page(http, thread, order):
    for _ in range(3):
        say(http, thread)
    for path in (f"threads/{thread}/messages", "threads"):
        last = http.get(path, params={"order": order}).json()["last_id"]
        page = http.get(path, params={"order": order, "after": last})
        assert page.status_code == 200
        assert page.json() == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_trap_21_has_more_is_not_a_full_page(http, thread):
    for _ in range(4):
        say(http, thread)
    path = f"threads/{thread}/messages"
    assert http.get(path, params={"limit": 4}).json()["has_more"] is False
    assert http.get(path, params={"limit": 3}).json()["has_more"] is True


def test_trap_22_empty_lists_have_null_ids(http, thread):
    for path in ("assistants", "files", f"threads/{thread}/messages"):
        page = http.get(path).json()
        assert page == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_trap_23_text_comes_out_as_an_object_with_annotations(http, thread):
    message = say(http, thread, content=[{"type": "text", "text": "hi"}]).json()
    assert message["content"] == [{"type": "text", "text": {"value": "hi", "annotations": []}}]
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    assert say(http, thread, content=[image]).json()["content"][0]["image_url"]["detail"] == "auto"


def test_trap_23_a_text_object_does_not_go_in(http, thread):
    response = say(http, thread, content=[{"type": "text", "text": {"value": "hi"}}])
    assert response.json()["error"]["param"] == "content[0].text"


def test_trap_24_empty_collections_are_not_null(http, thread):
    message = say(http, thread, attachments=None, metadata=None).json()
    assert (message["attachments"], message["metadata"]) == ([], {})
    assistant = http.post("assistants", json={"model": "m", "tools": None, "tool_resources": None}).json()
    assert (assistant["tools"], assistant["tool_resources"], assistant["metadata"]) == ([], {}, {})


def test_trap_28_a_deleted_file_is_a_plain_file(http):
    file = http.post("files", files=[("purpose", (None, "assistants")), ("file", ("a", b"a"))]).json()
    assert http.delete(f"files/{file['id']}").json()["object"] == "file"


def test_trap_29_validation_is_400_in_the_envelope(http, thread):
    bad = [
        http.post("assistants", json={}),
        http.post("assistants", content=b"{"),
        http.get("assistants?limit=x"),
        say(http, thread, content=None),
        http.post("files", json={}),
    ]
    for response in bad:
        assert response.status_code == 400
        assert set(response.json()) == {"error"}


def test_trap_30_accept_does_not_matter_and_bodies_may_be_empty(http):
    for accept in ("text/event-stream", "application/binary", "text/html", "*/*"):
        assert http.post("threads", headers={"Accept": accept}).headers["content-type"] == "application/json"
    assert http.get("threads", headers={"Content-Type": "application/json"}).status_code == 200
    assert http.post("threads", headers={"Content-Type": "text/plain"}, content=b"{}").status_code == 200


def test_trap_31_neither_beta_header_nor_api_version_is_needed(raw):
    headers = {"api-key": "sk-test-0123456789", "Authorization": "Bearer sk-test-0123456789"}
    for path in ("/v1/files", "/v1/models", "/openai/threads", "/openai/files", "/v1/assistants"):
        assert raw.get(path, headers=headers).status_code == 200
        assert raw.get(path, headers=headers | {"OpenAI-Beta": "assistants=v2"}).status_code == 200
        assert raw.get(path, headers=headers, params={"api-version": "anything"}).status_code == 200


def test_trap_32_old_azure_clients_prefix_everything_with_the_deployment(raw):
    headers = {"api-key": "sk-test-0123456789"}
    thread = raw.post("/openai/deployments/x/threads", headers=headers)
    assert thread.status_code == 200
    assert raw.get(f"/openai/deployments/y/threads/{thread.json()['id']}", headers=headers).json() == thread.json()


@pytest.mark.parametrize("file_first", [True, False])
def test_trap_38_form_parts_come_in_any_order(http, file_first):
    parts = [("file", ("a.txt", b"a")), ("purpose", (None, "assistants"))]
    file = http.post("files", files=parts if file_first else parts[::-1]).json()
    assert (file["filename"], file["purpose"], file["bytes"]) == ("a.txt", "assistants", 1)


@pytest.mark.parametrize("name", ["naïve résumé.txt", "数据.csv", "😀.png", "a;b=c.txt", "with space.txt"])
def test_trap_38_file_names_keep_their_letters(http, name):
    parts = [("purpose", (None, "assistants")), ("file", (name, b"a"))]
    assert http.post("files", files=parts).json()["filename"] == name


def test_trap_38_dotnet_spells_file_names_its_own_way(http):
    body = (
        b"--b\r\nContent-Disposition: form-data; name=purpose\r\n\r\nassistants\r\n"
        b'--b\r\nContent-Disposition: form-data; name=file; filename="=?utf-8?B?5pWw?="; '
        b"filename*=utf-8''%E6%95%B0.csv\r\nContent-Type: text/csv\r\n\r\na,b\r\n--b--\r\n"
    )
    headers = {"Content-Type": 'multipart/form-data; boundary="b"'}
    file = http.post("files", content=body, headers=headers).json()
    assert (file["filename"], file["bytes"]) == ("数.csv", 3)


def test_trap_39_ids_are_letters_and_digits_and_times_are_seconds(http, thread):
    made = {
        "assistants": http.post("assistants", json={"model": "m"}).json(),
        "threads": http.get(f"threads/{thread}").json(),
        "messages": say(http, thread).json(),
        "files": http.post("files", files=[("purpose", (None, "assistants")), ("file", ("a", b"a"))]).json(),
    }
    for kind, each in made.items():
        assert re.fullmatch(ID[kind], each["id"])
        assert isinstance(each["created_at"], int)
        assert abs(each["created_at"] - time.time()) < 60


def test_trap_40_messages_by_hand_belong_to_no_run(http, thread):
    message = say(http, thread, role="assistant").json()
    assert (message["assistant_id"], message["run_id"]) == (None, None)
    assert http.get(f"threads/{thread}/messages", params={"run_id": "run_x"}).json()["data"] == []


def test_trap_40_messages_of_a_run_can_be_told_apart(client, llm):
    assistant = client.beta.assistants.create(model="m")
    thread = client.beta.threads.create()
    runs = []
    for number in range(3):
        client.beta.threads.messages.create(thread.id, role="user", content=f"question {number}")
        llm.script([text(f"answer {number}")])
        poll = {"assistant_id": assistant.id, "poll_interval_ms": 20}
        runs.append(client.beta.threads.runs.create_and_poll(thread_id=thread.id, **poll))
    for number, run in enumerate(runs):
        (message,) = client.beta.threads.messages.list(thread.id, run_id=run.id).data
        assert message.content[0].text.value == f"answer {number}"
        assert (message.run_id, message.assistant_id) == (run.id, assistant.id)
