"""Requests as serialisers of other languages write them: empty lists for maps, nulls for what is absent, odd names."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from shared.llm.scripted import call, text
from tests.api.conftest import KEY

AZURE = {"api-version": "2024-05-01-preview"}


def b64(name: str, charset: str = "utf-8") -> str:
    return f"=?{charset}?B?{base64.b64encode(name.encode(charset)).decode()}?="


@pytest.fixture
def thread(http) -> str:
    return http.post("threads").json()["id"]


@pytest.fixture
def file(http) -> str:
    return http.post("files", files=[("purpose", (None, "assistants")), ("file", ("a.txt", b"a"))]).json()["id"]


# PHP cannot tell an empty map from an empty list


@pytest.mark.parametrize("path", ["threads", "vector_stores", "threads/{thread}"])
@pytest.mark.parametrize("body", ["[]", " [ ]\n", "null", "{}", "", "\ufeff{}"])
def test_an_empty_body_has_many_spellings(http, thread, path, body):
    response = http.post(
        path.format(thread=thread), content=body.encode(), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("body", [[1], [[]], "", 0, False])
def test_other_bodies_that_are_no_objects_are_refused(http, body):
    assert http.post("threads", json=body).json()["error"]["code"] == "invalid_type"


def test_a_body_that_must_say_something_may_not_be_null(http):
    error = http.post("assistants", content="null").json()["error"]
    assert error["message"] == "Invalid type for the request body: expected an object, but got null instead."
    assert http.post("assistants", content="[]").json()["error"]["message"] == "Missing required parameter: 'model'."


def test_a_body_may_begin_with_a_byte_order_mark(http):
    response = http.post("assistants", content='\ufeff{"model": "m", "name": "é"}'.encode())
    assert response.json()["name"] == "é"
    assert http.post("assistants", content='\ufeff\ufeff{"model": "m"}'.encode()).status_code == 400


def test_an_empty_list_is_an_empty_map_wherever_a_map_belongs(http):
    schema = {"type": "object", "properties": [], "$defs": [], "required": [], "default": []}
    wanted = {"type": "object", "properties": {}, "$defs": {}, "required": [], "default": []}
    tools = [
        {"type": "function", "function": {"name": "a", "parameters": []}},
        {"type": "function", "function": {"name": "b", "parameters": schema}},
        {"type": "file_search", "file_search": []},
    ]
    body: dict[str, Any] = {"model": "m", "metadata": [], "tool_resources": [], "tools": tools}
    body["response_format"] = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    assistant = http.post("assistants", json=body).json()
    assert assistant["metadata"] == {}
    assert assistant["tool_resources"] == {}
    assert assistant["tools"][0]["function"]["parameters"] == {}
    assert assistant["tools"][1]["function"]["parameters"] == wanted
    assert assistant["response_format"]["json_schema"]["schema"] == wanted
    resources: dict[str, Any] = {"code_interpreter": [], "file_search": []}
    assert http.post("threads", json={"tool_resources": resources}).status_code == 200
    assert http.post("threads/runs", json={"assistant_id": assistant["id"], "thread": []}).status_code == 200


def test_schemas_are_mended_at_every_depth(http):
    inner = {"type": "object", "properties": [], "enum": []}
    schema = {
        "type": "object",
        "properties": {"properties": inner, "any": [], "default": {"anyOf": [inner, []], "const": []}},
        "additionalProperties": [],
        "$defs": {"list": {"type": "array", "items": inner}},
    }
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    stored = http.post("assistants", json={"model": "m", "tools": [tool]}).json()["tools"][0]["function"]["parameters"]
    right = {"type": "object", "properties": {}, "enum": []}
    assert stored == {
        "type": "object",
        "properties": {"properties": right, "any": {}, "default": {"anyOf": [right, {}], "const": []}},
        "additionalProperties": {},
        "$defs": {"list": {"type": "array", "items": right}},
    }


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"metadata": [1]}, "metadata"),
        ({"tool_resources": [{}]}, "tool_resources"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": [1]}}]},
            "tools[0].function.parameters",
        ),
    ],
)
def test_a_list_with_something_in_it_is_no_map(http, body, param):
    error = http.post("assistants", json={"model": "m"} | body).json()["error"]
    assert (error["param"], error["code"]) == (param, "invalid_type")


def test_attributes_of_a_file_may_be_an_empty_list(http, file):
    store = http.post("vector_stores", json=[]).json()["id"]
    attached = http.post(f"vector_stores/{store}/files", json={"file_id": file, "attributes": []}).json()
    assert attached["attributes"] == {}


# C#, Java and Go write every member of a union


NULLS = {"code_interpreter": None, "file_search": None, "function": None}


def test_null_members_of_another_kind_are_absent(http, file):
    tools = [
        NULLS | {"type": "code_interpreter"},
        NULLS | {"type": "file_search"},
        NULLS | {"type": "function", "function": {"name": "f"}},
    ]
    formats = {"type": "text", "json_schema": None}
    assistant = http.post("assistants", json={"model": "m", "tools": tools, "response_format": formats})
    assert assistant.status_code == 200, assistant.text
    assert [[*tool] for tool in assistant.json()["tools"]] == [["type"], ["type", "file_search"], ["type", "function"]]
    assert assistant.json()["response_format"] == {"type": "text"}
    part = {"type": "text", "text": "x", "image_file": None, "image_url": None}
    attachment = {"file_id": file, "tools": [NULLS | {"type": "file_search"}]}
    message = {"role": "user", "content": [part], "attachments": [attachment]}
    choice = NULLS | {"type": "function", "function": {"name": "f"}}
    body = {"assistant_id": assistant.json()["id"], "thread": {"messages": [message]}, "tool_choice": choice}
    run = http.post("threads/runs", json=body)
    assert run.status_code == 200, run.text
    assert run.json()["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    chunking = {"type": "auto", "static": None}
    assert http.post("vector_stores", json={"file_ids": [file], "chunking_strategy": chunking}).status_code == 200


def test_members_of_another_kind_that_say_something_are_refused(http):
    for tool in (
        {"type": "code_interpreter", "file_search": {}},
        {"type": "code_interpreter", "colour": None},
        {"type": "file_search", "function": {"name": "f"}},
    ):
        error = http.post("assistants", json={"model": "m", "tools": [tool]}).json()["error"]
        assert (error["param"], error["code"]) == (f"tools[0].{[*tool][1]}", "unknown_parameter")
    error = http.post("assistants", json={"model": "m", "tools": [{"type": "function", "function": None}]}).json()
    assert error["error"]["code"] == "invalid_type"


# .NET


def test_dated_versions_of_azure_leave_out_an_expiry_that_there_is_not(raw):
    headers = {"api-key": KEY}
    form = [("purpose", (None, "assistants")), ("file", ("a.txt", b"a"))]
    for path, query, there in (
        ("/openai/files", AZURE, False),
        ("/openai/files", {"api-version": "2025-01-01"}, False),
        ("/openai/v1/files", {"api-version": "preview"}, True),
        ("/v1/files", {}, True),
    ):
        made = raw.post(path, params=query, headers=headers, files=form).json()
        got = raw.get(f"{path}/{made['id']}", params=query, headers=headers).json()
        listed = raw.get(path, params=query, headers=headers).json()["data"]
        assert ["expires_at" in each for each in (made, got, *listed)] == [there] * (2 + len(listed))
    fields = [("expires_after[anchor]", (None, "created_at")), ("expires_after[seconds]", (None, "3600"))]
    assert raw.post("/openai/files", params=AZURE, headers=headers, files=form + fields).json()["expires_at"] > 0


@pytest.mark.parametrize(
    "path", ["/openai//assistants", "//v1/assistants", "/v1//assistants//", "/openai/v1///assistants"]
)
def test_repeated_slashes_are_one(raw, path):
    assert raw.request("GET", f"{raw.base_url}".rstrip("/") + path, headers={"api-key": KEY}).status_code == 200


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (f'form-data; name="file"; filename="{b64("tést.txt")}"', "tést.txt"),
        (f"form-data; name=file; filename={b64('中文.txt')}", "中文.txt"),
        (f'form-data; name="file"; filename="{b64("grün.txt", "iso-8859-1")}"', "grün.txt"),
        (f'form-data; name="file"; filename="{b64("中文")} {b64("，二.txt")}"', "中文，二.txt"),
        ('form-data; name="file"; filename="=?utf-8?Q?t=C3=A9st_1.txt?="', "tést 1.txt"),
        ('form-data; name="file"; filename="x.txt"; filename*="UTF-8\'\'n%20ame.txt"', "n ame.txt"),
        ("form-data; name=file; filename*=iso-8859-1'en'gr%FCn.txt", "grün.txt"),
        ("form-data; name=file; filename=x.txt; filename*=utf-8''a%3Bb.txt; size=1", "a;b.txt"),
        ("form-data; name=file; filename=x.txt; filename*=utf-8''..%2F..%2Fetc%2Fhosts", "hosts"),
        (f'form-data; name="file"; filename="{b64("../two/lines.txt")}"', "lines.txt"),
        # What cannot be decoded stays as it is.
        ('form-data; name="file"; filename="=?nonsense?B?AAAA?="', "=?nonsense?B?AAAA?="),
        ('form-data; name="file"; filename="=?utf-8?B?/w==?="', "=?utf-8?B?/w==?="),
        ('form-data; name="file"; filename="is it=? yes?.txt"', "is it=? yes?.txt"),
        ("form-data; name=file; filename=x.txt; filename*=nonsense''y.txt", "x.txt"),
        ("form-data; name=file; filename=\"a filename*=utf-8''b.txt\"", "a filename*=utf-8''b.txt"),
    ],
)
def test_names_of_files_are_read_as_they_were_meant(http, disposition, name):
    body = f"--b\r\nContent-Disposition: {disposition}\r\n\r\na\r\n"
    body += '--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n--b--\r\n'
    response = http.post("files", content=body.encode(), headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert response.json()["filename"] == name


# What Foundry's SDK says


def test_a_name_may_come_as_a_field_of_the_form(http):
    form = [("purpose", (None, "assistants")), ("filename", (None, "Bericht.txt")), ("file", ("x", b"a"))]
    assert http.post("files", files=form).json()["filename"] == "Bericht.txt"


def test_resources_of_a_run_stand_in_for_the_assistants(client, http, llm):
    files = [client.files.create(file=(f"{name}.txt", b"The eagle eats."), purpose="assistants").id for name in "ab"]
    stores = [client.vector_stores.create().id for _ in files]
    for store, file in zip(stores, files, strict=True):
        client.vector_stores.files.create_and_poll(file, vector_store_id=store, poll_interval_ms=20)
    resources = [{"file_search": {"vector_store_ids": [store]}} for store in stores]
    tools = [{"type": "file_search"}]
    assistant = client.beta.assistants.create(model="m", tools=tools, tool_resources=resources[0]).id
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "x"}]).id
    path = f"threads/{thread}/runs"
    llm.script([call("file_search", queries=["eagle"])], [text("It eats.")])

    run = http.post(path, json={"assistant_id": assistant, "tool_resources": resources[1]}).json()
    assert run["tool_resources"] == resources[1]
    assert client.beta.threads.runs.poll(run["id"], thread_id=thread, poll_interval_ms=20).status == "completed"
    step = client.beta.threads.runs.steps.list(run["id"], thread_id=thread, order="asc").data[0]
    assert [found.file_id for found in step.step_details.tool_calls[0].file_search.results] == [files[1]]

    bad = {"code_interpreter": {"file_ids": ["file-nowhere"]}}
    refused = http.post(path, json={"assistant_id": assistant, "tool_resources": bad}).json()
    assert refused["error"]["param"] == "tool_resources.code_interpreter.file_ids"


def test_an_output_may_say_that_it_is_one_of_a_function(http, thread):
    body = {"tool_outputs": [{"tool_call_id": "call_x", "output": "1", "type": "function"}]}
    error = http.post(f"threads/{thread}/runs/run_{'0' * 24}/submit_tool_outputs", json=body).json()["error"]
    assert error["message"].startswith("No run found")


def test_a_later_cursor_ends_what_a_run_wrote(client, http, llm):
    assistant = client.beta.assistants.create(model="m").id
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "x"}]).id
    llm.script([text("a")])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant).id
    later = client.beta.threads.messages.create(thread, role="user", content="more").id
    path = f"threads/{thread}/messages?run_id={run}&order=asc"
    assert len(http.get(path).json()["data"]) == 1
    page = http.get(f"{path}&after={later}")
    assert (page.status_code, page.json()["data"]) == (200, [])
    assert len(http.get(f"{path}&before={later}").json()["data"]) == 1
    assert http.get(f"{path}&after=msg_nowhere").status_code == 404


# Paths of ids, and empty stores


def test_the_path_of_an_id_is_as_deep_as_the_id(http, thread):
    picture = {"type": "image_file", "image_file": {"file_id": "undefined"}}
    content = {"role": "user", "content": [{"type": "text", "text": "x"}, picture]}
    attached = {"role": "user", "content": "x", "attachments": [{"file_id": "undefined"}]}
    for path, body, param in (
        ("threads", {"messages": [attached]}, "messages[0].attachments[0].file_id"),
        ("threads", {"messages": [content]}, "messages[0].content[1].image_file.file_id"),
        (f"threads/{thread}/messages", attached, "attachments[0].file_id"),
        (f"threads/{thread}/messages", content, "content[1].image_file.file_id"),
    ):
        error = http.post(path, json=body).json()["error"]
        assert error["param"] == param
        assert error["message"] == f"Invalid '{param}': 'undefined'. Expected an ID that begins with 'file'."


@pytest.mark.parametrize("sent", [{}, {"vector_store_ids": []}, {"vector_store_ids": None}])
def test_file_search_without_a_store_is_not_echoed(http, sent):
    made = http.post("assistants", json={"model": "m", "tool_resources": {"file_search": sent}}).json()
    assert made["tool_resources"] == {}
    store = http.post("vector_stores").json()["id"]
    path = f"assistants/{made['id']}"
    own = {"file_search": {"vector_store_ids": [store]}}
    assert http.post(path, json={"tool_resources": own}).json()["tool_resources"] == own
    assert http.post(path, json={"tool_resources": {"file_search": sent}}).json()["tool_resources"] == {}
    assert json.loads(http.get(path).text)["tool_resources"] == {}
