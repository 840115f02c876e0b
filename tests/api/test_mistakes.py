"""Mistakes that can be known at creation are refused there, in the hosted words; none of them poisons a thread."""

from __future__ import annotations

import base64

import pytest

from shared import layout
from shared.blobs.base import write_bytes
from shared.llm.scripted import call, text
from shared.store.base import Put
from shared.tools.get_current_time import get_current_time_tool


@pytest.fixture
def tools():
    return [get_current_time_tool()]


OBJECT = {"type": "object", "properties": {}}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8
NO_PICTURE = (
    "The image data you provided does not represent a valid image. Please check your input and try again with one of "
    "the supported image formats: ['image/jpeg', 'image/png', 'image/gif', 'image/webp']."
)
PICTURES = {
    "a.png": PNG,
    "a.jpg": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "a.gif": b"GIF89a\1\0\1\0",
    "a.webp": b"RIFF\x1a\0\0\0WEBPVP8L",
    "named.heic": PNG,
}
OTHERS = {
    "IMG_1.HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "a.pdf": b"%PDF-1.7\n",
    "a.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "a.bmp": b"BM" + b"\0" * 60,
    "a.tiff": b"II*\0" + b"\0" * 60,
    "a.wav": b"RIFF\x1a\0\0\0WAVEfmt ",
    "empty.png": b"",
    "text.png": b"no picture",
}


def function(name="f", **fields):
    return {"type": "function", "function": {"name": name, **fields}}


def upload(client, name, data):
    return client.files.create(file=(name, data), purpose="vision").id


def shown(file_id):
    return {"role": "user", "content": [{"type": "image_file", "image_file": {"file_id": file_id}}]}


def linked(url):
    return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}


# -- pictures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_known_by_their_bytes(client, http, name):
    data = PICTURES[name]
    url = f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"
    for message in (shown(upload(client, name, data)), linked(url)):
        assert http.post("threads", json={"messages": [message]}).status_code == 200


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_picture_is_refused_wherever_messages_come_in(client, http, name):
    file_id = upload(client, name, OTHERS[name])
    url = f"data:image/png;base64,{base64.b64encode(OTHERS[name]).decode()}"
    thread = client.beta.threads.create().id
    assistant = client.beta.assistants.create(model="m").id
    for message, member in ((shown(file_id), "image_file.file_id"), (linked(url), "image_url.url")):
        for path, body, param in (
            ("threads", {"messages": [message]}, "messages[0].content[0]."),
            (f"threads/{thread}/messages", message, "content[0]."),
            (
                f"threads/{thread}/runs",
                {"assistant_id": assistant, "additional_messages": [message]},
                "additional_messages[0].content[0].",
            ),
            (
                "threads/runs",
                {"assistant_id": assistant, "thread": {"messages": [message]}},
                "thread.messages[0].content[0].",
            ),
        ):
            response = http.post(path, json=body)
            assert response.status_code == 400
            assert response.json()["error"] == {
                "message": NO_PICTURE,
                "type": "invalid_request_error",
                "param": param + member,
                "code": "invalid_value",
            }
    assert http.get(f"threads/{thread}/messages").json()["data"] == []


@pytest.mark.parametrize(
    "url", ["data:image/png;base64,!!!!", "data:image/png;base64,", "data:,", "data:text/plain,GIF"]
)
def test_data_that_cannot_be_read_is_no_picture(http, url):
    assert http.post("threads", json={"messages": [linked(url)]}).json()["error"]["message"] == NO_PICTURE


def test_a_file_that_turns_out_to_be_no_picture_does_not_poison_its_thread(client, llm, box):
    """As threads of earlier versions have them."""
    file_id = upload(client, "a.png", PNG)
    thread = client.beta.threads.create(messages=[shown(file_id)]).id
    box.run(write_bytes(box.deps.blobs, layout.file_blob("me", file_id), OTHERS["IMG_1.HEIC"]))
    llm.script([text("I see none.")])
    assistant = client.beta.assistants.create(model="m").id
    run = client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant, poll_interval_ms=20)
    assert run.status == "completed"
    assert llm.requests[0].input[0]["content"] == [
        {"type": "input_text", "text": f"(the file {file_id} was left out: it is no PNG, JPEG, GIF or WebP picture)"}
    ]


def test_data_that_was_taken_for_a_picture_once_does_not_poison_its_thread_either(client, llm, box):
    thread = client.beta.threads.create(messages=[linked("data:image/png;base64,iVBORw0KGgo=")]).id
    [message] = client.beta.threads.messages.list(thread).data
    partition = layout.thread("me", thread)
    row = box.run(box.deps.store.get(partition, message.id))
    row.data["content"][0]["image_url"]["url"] = "data:image/svg+xml,<svg/>"
    box.run(box.deps.store.commit(partition, [Put(row.key, row.data, row.version)]))
    llm.script([text("I see none.")])
    assistant = client.beta.assistants.create(model="m").id
    run = client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant, poll_interval_ms=20)
    assert run.status == "completed"
    [part] = llm.requests[0].input[0]["content"]
    assert part["text"] == "(a picture was left out: it is no PNG, JPEG, GIF or WebP picture)"


def test_a_file_is_sent_as_what_it_is_and_keeps_its_id_for_errors(client, llm):
    file_id = upload(client, "a.heic", PICTURES["a.webp"])
    thread = client.beta.threads.create(messages=[shown(file_id)]).id
    llm.script([text("Nice.")])
    assistant = client.beta.assistants.create(model="m").id
    client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant, poll_interval_ms=20)
    [part] = llm.requests[0].input[0]["content"]
    assert part["image_url"].startswith("data:image/webp;base64,")
    assert part["name"] == file_id


# -- schemas ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        ({"type": "string"}, "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"string\"'."),
        ({"type": None}, "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'."),
        (
            {"type": "object", "properties": {"a": {"type": "strin"}}},
            "'strin' is not valid under any of the given schemas.",
        ),
        ({"type": "object", "properties": {"a": 5}}, "5 is not of type 'object', 'boolean'."),
        ({"type": "object", "properties": [1]}, "[1] is not of type 'object'."),
        ({"type": "object", "required": "a"}, "'a' is not of type 'array'."),
    ],
)
def test_parameters_of_functions_are_schemas_of_objects(http, parameters, fault):
    tools = [{"type": "code_interpreter"}, function("get_weather", parameters=parameters)]
    response = http.post("assistants", json={"model": "m", "tools": tools})
    assert response.status_code == 400
    assert response.json()["error"] == {
        "message": f"Invalid schema for function 'get_weather': {fault}",
        "type": "invalid_request_error",
        "param": "tools[1].function.parameters",
        "code": "invalid_function_parameters",
    }


STRICT = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({"type": "array"}, "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"array\"'."),
        ({**STRICT, "oneOf": [{}]}, "In context=(), 'oneOf' is not permitted."),
        (
            {**STRICT, "additionalProperties": True},
            "In context=(), 'additionalProperties' is required to be supplied and to be false.",
        ),
        (
            {**STRICT, "required": []},
            "In context=(), 'required' is required to be supplied and to be an array including every key in "
            "properties. Missing 'a'.",
        ),
        (
            {**STRICT, "properties": {"a": {"type": "array", "items": {"not": {"type": "string"}}}}},
            "In context=('properties', 'a', 'items'), 'not' is not permitted.",
        ),
    ],
)
def test_what_strict_mode_forbids_is_refused_when_it_is_asked_for(http, schema, fault):
    answer = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    response = http.post("assistants", json={"model": "m", "response_format": answer})
    assert response.status_code == 400
    assert response.json()["error"] == {
        "message": f"Invalid schema for response_format 'x': {fault}",
        "type": "invalid_request_error",
        "param": "response_format.json_schema.schema",
        "code": "invalid_json_schema",
    }
    strict = http.post("assistants", json={"model": "m", "tools": [function(parameters=schema, strict=True)]})
    assert strict.json()["error"]["message"] == f"Invalid schema for function 'f': {fault}"


@pytest.mark.parametrize(
    "schema",
    [
        STRICT,
        {"type": "object", "properties": {}, "additionalProperties": False},
        {
            **STRICT,
            "properties": {"a": {"type": ["string", "null"], "minLength": 1}, "not": {"$ref": "#"}},
            "required": ["a", "not"],
        },
        {**STRICT, "properties": {"a": {"anyOf": [STRICT, {"type": "null"}]}}, "$defs": {"d": STRICT}},
        {**STRICT, "properties": {"a": {"const": {"not": 1, "properties": {"x": 1}}}}},
    ],
)
def test_what_strict_mode_takes_is_taken(http, schema):
    answer = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    tools = [function(parameters=schema, strict=True)]
    assert http.post("assistants", json={"model": "m", "response_format": answer, "tools": tools}).status_code == 200


def test_a_lenient_schema_may_say_what_it_likes(http):
    schema = {"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}]}}}
    answer = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    tools = [function(parameters=schema)]
    assert http.post("assistants", json={"model": "m", "response_format": answer, "tools": tools}).status_code == 200


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"parameters": {"type": "object"}}, OBJECT),
        ({"parameters": {}}, OBJECT),
        ({}, OBJECT),
        ({"parameters": {"type": "object"}, "strict": True}, OBJECT | {"additionalProperties": False}),
        ({"parameters": STRICT, "strict": True}, STRICT),
    ],
)
def test_the_members_of_an_object_are_said_to_the_model(client, llm, fields, sent):
    tool = function(**fields)
    assistant = client.beta.assistants.create(model="m", tools=[tool])
    if "parameters" in fields:
        assert assistant.tools[0].function.parameters == fields["parameters"]
    llm.script([text("Done.")])
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "x"}]).id
    client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant.id, poll_interval_ms=20)
    assert llm.requests[0].tools[0]["parameters"] == sent


# -- tool choice ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ({"type": "function", "function": {"name": "nope"}}, "nope"),
        ({"type": "code_interpreter"}, "code_interpreter"),
        ({"type": "file_search"}, "file_search"),
    ],
)
def test_a_tool_that_is_not_there_cannot_be_chosen(client, http, choice, name):
    assistant = client.beta.assistants.create(model="m", tools=[function("known")]).id
    thread = client.beta.threads.create().id
    body = {"assistant_id": assistant, "tool_choice": choice}
    for path in (f"threads/{thread}/runs", "threads/runs"):
        response = http.post(path, json=body)
        assert response.status_code == 400
        assert response.json()["error"] == {
            "message": f"Tool choice '{name}' not found in 'tools' parameter.",
            "type": "invalid_request_error",
            "param": "tool_choice",
            "code": None,
        }
    assert http.get(f"threads/{thread}/runs").json()["data"] == []
    known = {"assistant_id": assistant, "tool_choice": {"type": "function", "function": {"name": "known"}}}
    overridden = http.post(f"threads/{thread}/runs", json=known | {"tools": [{"type": "file_search"}]})
    assert overridden.status_code == 400


def test_the_boxs_own_tools_can_be_chosen_by_runs_that_have_them(client, llm):
    assistant = client.beta.assistants.create(model="m", metadata={"server_tools": "get_current_time"}).id
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "x"}]).id
    choice = {"type": "function", "function": {"name": "get_current_time"}}
    llm.script([call("get_current_time", call_id="c")], [text("Noon.")])
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread, assistant_id=assistant, tool_choice=choice, poll_interval_ms=20
    )
    assert run.status == "completed"
