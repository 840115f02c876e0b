"""Every error a client can cause around assistants, threads, messages and files, in the API's own words."""

from __future__ import annotations

import json

import httpx2 as httpx
import openai
import pytest

from shared.api.json_body import MAX_BODY
from shared.blobs.base import BlobsUnavailable
from shared.llm.scripted import call
from shared.queue.base import QueueUnavailable
from shared.search.base import IndexUnavailable
from shared.store.base import Conflict, NewerFormat, Unavailable, UnreadableRecord


def error_of(response: httpx.Response, status: int = 400) -> dict[str, str | None]:
    """The envelope's content, with the envelope checked."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"]
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == ("invalid_request_error" if status < 500 else "server_error")
    return error


def told(response: httpx.Response, message: str, param: str | None, code: str | None, status: int = 400) -> None:
    error = error_of(response, status)
    assert (error["message"], error["param"], error["code"]) == (message, param, code)


@pytest.fixture
def thread(http) -> str:
    return http.post("threads").json()["id"]


@pytest.fixture
def message(http, thread) -> str:
    return http.post(f"threads/{thread}/messages", json={"role": "user", "content": "x"}).json()["id"]


@pytest.fixture
def assistant(http) -> str:
    return http.post("assistants", json={"model": "m"}).json()["id"]


def test_unknown_assistant(http):
    for response in (
        http.get("assistants/asst_x"),
        http.post("assistants/asst_x", json={"name": "n"}),
        http.delete("assistants/asst_x"),
    ):
        told(response, "No assistant found with id 'asst_x'.", None, None, 404)


def test_unknown_thread_on_any_sub_path(http):
    message = {"role": "user", "content": "x"}
    for response in (
        http.get("threads/thread_x"),
        http.post("threads/thread_x", json={}),
        http.delete("threads/thread_x"),
        http.get("threads/thread_x/messages"),
        http.post("threads/thread_x/messages", json=message),
        http.get("threads/thread_x/messages/msg_x"),
        http.post("threads/thread_x/messages/msg_x", json={}),
        http.delete("threads/thread_x/messages/msg_x"),
    ):
        told(response, "No thread found with id 'thread_x'.", None, None, 404)


def test_unknown_message(http, thread):
    path = f"threads/{thread}/messages/msg_x"
    for response in (http.get(path), http.post(path, json={}), http.delete(path)):
        told(response, "No message found with id 'msg_x'.", None, None, 404)


def test_message_of_another_thread(http, message):
    elsewhere = http.post("threads").json()["id"]
    response = http.get(f"threads/{elsewhere}/messages/{message}")
    told(response, f"No message found with id '{message}'.", None, None, 404)


def test_wrong_id_shape_in_path(http, thread):
    cases = [
        ("assistants/undefined", "assistant_id", "asst"),
        ("threads/undefined", "thread_id", "thread"),
        (f"threads/{thread}/messages/undefined", "message_id", "msg"),
        ("threads/undefined/messages", "thread_id", "thread"),
        (f"threads/{thread}/messages?run_id=undefined", "run_id", "run"),
        ("files/undefined", "file_id", "file"),
    ]
    for path, param, prefix in cases:
        text = f"Invalid '{param}': 'undefined'. Expected an ID that begins with '{prefix}'."
        told(http.get(path), text, param, "invalid_value")


def test_wrong_id_shape_in_body(http, thread):
    resources = {"code_interpreter": {"file_ids": ["undefined"]}}
    param = "tool_resources.code_interpreter.file_ids[0]"
    text = f"Invalid '{param}': 'undefined'. Expected an ID that begins with 'file'."
    told(http.post("threads", json={"tool_resources": resources}), text, param, "invalid_value")
    body = {"role": "user", "content": "x", "attachments": [{"file_id": "undefined", "tools": []}]}
    response = http.post(f"threads/{thread}/messages", json=body)
    param = "attachments[0].file_id"
    text = f"Invalid '{param}': 'undefined'. Expected an ID that begins with 'file'."
    told(response, text, param, "invalid_value")


def test_ids_with_odd_characters_are_not_found(http, thread):
    for odd in ("thread_ä", "thread_%23", "thread_%5C", "thread_%00", "thread_" + "x" * 2000):
        assert error_of(http.get(f"threads/{odd}"), 404)["message"].startswith("No thread found with id 'thread_")
    assert error_of(http.get(f"threads/{thread}/messages/msg_'"), 404)
    assert error_of(http.get("files/file-%3F"), 404)["message"] == "No such File object: file-?"


def test_rows_of_a_thread_that_are_no_messages_are_not_found(http, thread):
    assert error_of(http.get(f"threads/{thread}/messages/head"))["code"] == "invalid_value"


def test_unknown_file(http):
    for file_id in ("file-x", "assistant-x"):
        for response in (
            http.get(f"files/{file_id}"),
            http.delete(f"files/{file_id}"),
            http.get(f"files/{file_id}/content"),
        ):
            told(response, f"No such File object: {file_id}", "id", None, 404)


def test_content_of_every_purpose_is_served(http):
    for purpose in ("assistants", "user_data", "vision", "batch"):
        file = http.post("files", files=[("purpose", (None, purpose)), ("file", ("a.txt", b"a"))]).json()
        assert http.get(f"files/{file['id']}/content").content == b"a"


def test_file_ids_in_body_not_found(http, thread):
    text = "The following file IDs were not found: file-a, file-b"
    resources = {"code_interpreter": {"file_ids": ["file-a", "file-b"]}}
    param = "tool_resources.code_interpreter.file_ids"
    body = {"model": "m", "tool_resources": resources}
    told(http.post("assistants", json=body), text, param, None)
    told(http.post("threads", json={"tool_resources": resources}), text, param, None)
    told(http.post(f"threads/{thread}", json={"tool_resources": resources}), text, param, None)
    attachments = [{"file_id": name, "tools": [{"type": "code_interpreter"}]} for name in ("file-a", "file-b")]
    body = {"role": "user", "content": "x", "attachments": attachments}
    told(http.post(f"threads/{thread}/messages", json=body), text, "attachments", None)
    told(http.post("threads", json={"messages": [body]}), text, "messages[0].attachments", None)
    body = {"role": "user", "content": [{"type": "image_file", "image_file": {"file_id": "file-a"}}]}
    text = "The following file IDs were not found: file-a"
    told(http.post(f"threads/{thread}/messages", json=body), text, "content", None)
    assert http.get(f"threads/{thread}/messages").json()["data"] == []
    assert len(http.get("threads").json()["data"]) == 1


def test_bad_purpose(http):
    response = http.post("files", files=[("purpose", (None, "x")), ("file", ("a.txt", b"a"))])
    text = "'x' is not one of ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals'] - 'purpose'"
    told(response, text, "purpose", None)
    assert http.get("files").json()["data"] == []


@pytest.fixture
def active_run(http, llm, thread, assistant) -> str:
    """A run that waits for the client, so the thread stays locked."""
    llm.script([call("f")])
    tools = [{"type": "function", "function": {"name": "f"}}]
    return http.post(f"threads/{thread}/runs", json={"assistant_id": assistant, "tools": tools}).json()["id"]


def test_message_while_a_run_is_active(http, thread, active_run):
    response = http.post(f"threads/{thread}/messages", json={"role": "user", "content": "x"})
    told(response, f"Can't add messages to {thread} while a run {active_run} is active.", None, None)


def test_what_stays_allowed_while_a_run_is_active(http, thread, message, active_run):
    assert http.get(f"threads/{thread}").status_code == 200
    assert len(http.get(f"threads/{thread}/messages").json()["data"]) == 1
    assert http.post(f"threads/{thread}", json={"metadata": {"a": "1"}}).status_code == 200
    path = f"threads/{thread}/messages/{message}"
    assert http.post(path, json={"metadata": {"a": "1"}}).status_code == 200
    assert http.delete(path).status_code == 200


def test_missing_param(http, thread):
    told(http.post("assistants"), "Missing required parameter: 'model'.", "model", "missing_required_parameter")
    response = http.post(f"threads/{thread}/messages", json={"content": "x"})
    told(response, "Missing required parameter: 'role'.", "role", "missing_required_parameter")
    response = http.post("threads", json={"messages": [{"role": "user"}]})
    path = "messages[0].content"
    told(response, f"Missing required parameter: '{path}'.", path, "missing_required_parameter")


def test_unknown_param(http):
    response = http.post("assistants", json={"model": "m", "file_ids": []})
    told(response, "Unknown parameter: 'file_ids'.", "file_ids", "unknown_parameter")


def test_wrong_type(http):
    text = "Invalid type for 'name': expected a string, but got an integer instead."
    told(http.post("assistants", json={"model": "m", "name": 5}), text, "name", "invalid_type")
    for body, kind in (([1], "an array"), ("x", "a string"), (5, "an integer")):
        text = f"Invalid type for the request body: expected an object, but got {kind} instead."
        told(http.post("threads", content=json.dumps(body)), text, None, "invalid_type")


def test_bad_enum(http, thread):
    text = "Invalid value: 'system'. Supported values are: 'user' and 'assistant'."
    response = http.post(f"threads/{thread}/messages", json={"role": "system", "content": "x"})
    told(response, text, "role", "invalid_value")
    text = "Invalid value: 'up'. Supported values are: 'asc' and 'desc'."
    told(http.get("assistants?order=up"), text, "order", "invalid_value")


@pytest.mark.parametrize(
    ("limit", "code", "text"),
    [
        (
            "101",
            "integer_above_max_value",
            "integer above maximum value. Expected a value <= 100, but got 101 instead.",
        ),
        ("0", "integer_below_min_value", "integer below minimum value. Expected a value >= 1, but got 0 instead."),
        ("-5", "integer_below_min_value", "integer below minimum value. Expected a value >= 1, but got -5 instead."),
    ],
)
def test_limit_bounds(http, thread, limit, code, text):
    for path in ("assistants", "threads", f"threads/{thread}/messages"):
        told(http.get(path, params={"limit": limit}), f"Invalid 'limit': {text}", "limit", code)


def test_long_values_are_not_sent_back_whole(http, thread):
    for body in ({"role": "x" * 100_000, "content": "x"}, {"role": "user", "content": "x", "y" * 100_000: 1}):
        response = http.post(f"threads/{thread}/messages", json=body)
        assert error_of(response)
        assert len(response.content) < 3000


def test_limit_is_a_number(http):
    text = "Invalid type for 'limit': expected an integer, but got a string instead."
    for limit in ("ten", "1.5", "1e3", "٣", "1_0", " 1"):
        told(http.get("assistants", params={"limit": limit}), text, "limit", "invalid_type")
    assert error_of(http.get("assistants", params={"limit": "9" * 5000}))["code"] == "integer_above_max_value"


def test_limit_of_files(http):
    assert http.get("files?limit=10000").status_code == 200
    text = "Invalid 'limit': integer above maximum value. Expected a value <= 10000, but got 10001 instead."
    told(http.get("files?limit=10001"), text, "limit", "integer_above_max_value")


def test_number_bounds(http):
    text = "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.5 instead."
    response = http.post("assistants", json={"model": "m", "temperature": 2.5})
    told(response, text, "temperature", "decimal_above_max_value")
    text = "Invalid 'top_p': decimal below minimum value. Expected a value >= 0, but got -1 instead."
    told(http.post("assistants", json={"model": "m", "top_p": -1}), text, "top_p", "decimal_below_min_value")


def test_string_too_long(http, thread):
    text = (
        "Invalid 'content': string too long. Expected a string with maximum length 256000, "
        "but got a string with length 256001 instead."
    )
    for content in ("x" * 256_001, "😀" * 256_001):
        response = http.post(f"threads/{thread}/messages", json={"role": "user", "content": content})
        told(response, text, "content", "string_above_max_length")
    body = {"role": "user", "content": "😀" * 256_000}
    assert http.post(f"threads/{thread}/messages", json=body).status_code == 200


def test_array_too_long(http):
    text = (
        "Invalid 'tools': array too long. Expected an array with maximum length 128, "
        "but got an array with length 129 instead."
    )
    tool = {"type": "function", "function": {"name": "f"}}
    told(http.post("assistants", json={"model": "m", "tools": [tool] * 129}), text, "tools", "array_above_max_length")
    assert http.post("assistants", json={"model": "m", "tools": [tool] * 128}).status_code == 200


def test_too_much_metadata(http, thread, message, assistant):
    text = (
        "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, "
        "but got an object with 17 properties instead."
    )
    metadata = {str(number): "" for number in range(17)}
    for path in ("threads", f"threads/{thread}", f"threads/{thread}/messages/{message}", f"assistants/{assistant}"):
        told(http.post(path, json={"metadata": metadata}), text, "metadata", "object_above_max_properties")


@pytest.mark.parametrize(
    "body",
    [b"{", b"{'a': 1}", b'{"model": NaN}', b"\xff\xfe", b'{"model": "\\ud800"}', b"[" * 100_000, b"{}{}", b"\x00"],
)
def test_malformed_json(http, body):
    error = error_of(http.post("assistants", content=body))
    assert error["message"].startswith("We could not parse the JSON body of your request.")
    assert (error["param"], error["code"]) == (None, None)


def test_numbers_without_end_are_no_fault_of_ours(http):
    assert error_of(http.post("assistants", content=b'{"model": ' + b"9" * 10_000 + b"}"))
    body = b'{"model": "m", "temperature": ' + b"9" * 400 + b"}"
    assert error_of(http.post("assistants", content=body))["param"] == "temperature"
    function = b'{"type": "function", "function": {"name": "f", "parameters": {"default": 1e999}}}'
    body = b'{"model": "m", "name": "Infinity", "tools": [' + function + b"]}"
    assert error_of(http.post("assistants", content=body))["message"].startswith("We could not parse the JSON body")
    assert http.post("assistants", json={"model": "m", "name": "Infinity"}).status_code == 200


def test_body_too_large(http):
    response = http.post("threads", content=b" " * (MAX_BODY + 1))
    assert error_of(response, 413)["message"].startswith(f"Maximum content size limit ({MAX_BODY}) exceeded")


@pytest.mark.parametrize("path", ["/v1/assistants", "/openai/assistants", "/openai/v1/files", "/v1/nowhere"])
def test_no_key(raw, path):
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": "Basic sk-test-0123456789"}, {"api-key": ""}):
        error = error_of(raw.get(path, headers=headers), 401)
        assert error["message"].startswith("You didn't provide an API key. ")
        assert (error["param"], error["code"]) == (None, None)


def test_bad_key_on_the_openai_prefix(raw):
    for key, shown in (("sk-wrong-secret", "sk-***"), ("eyJhbGciOi.secret", "***")):
        error = error_of(raw.get("/v1/assistants", headers={"Authorization": f"Bearer {key}"}), 401)
        assert error["message"].startswith(f"Incorrect API key provided: {shown}. ")
        assert ".box/api_key" in error["message"]
        assert "secret" not in error["message"]
        assert (error["param"], error["code"]) == (None, "invalid_api_key")


@pytest.mark.parametrize("prefix", ["/openai", "/openai/v1", "/openai/deployments/d"])
def test_bad_key_on_an_azure_prefix(raw, prefix):
    error = error_of(raw.get(f"{prefix}/assistants", headers={"api-key": "wrong"}), 401)
    text = "Access denied due to invalid subscription key or wrong API endpoint. "
    assert error["message"].startswith(text)
    assert (error["param"], error["code"]) == (None, "401")


def test_a_wrong_key_is_an_authentication_error_in_the_sdk(box):
    with (
        openai.OpenAI(base_url=f"{box.url}/v1", api_key="sk-wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()


def test_unknown_route(http, raw):
    told(http.get("x"), "Invalid URL (GET /v1/x)", None, None, 404)
    told(http.post("assistants/asst_x/y"), "Invalid URL (POST /v1/assistants/asst_x/y)", None, None, 404)
    told(http.put("assistants"), "Invalid URL (PUT /v1/assistants)", None, None, 404)
    headers = {"api-key": "sk-test-0123456789"}
    told(raw.get("/openai/x", headers=headers), "Invalid URL (GET /openai/x)", None, None, 404)
    told(raw.post("/", headers=headers), "Invalid URL (POST /)", None, None, 404)


def test_our_fault(http, box, monkeypatch, caplog):
    async def broken(*arguments):
        raise RuntimeError("the secret reason")

    monkeypatch.setattr(box.deps.store, "get", broken)
    response = http.get("threads/thread_x")
    error = error_of(response, 500)
    assert error["message"].startswith("The server had an error processing your request. Sorry about that!")
    assert "secret" not in response.text
    logged = [record for record in caplog.records if getattr(record, "action", "") == "request_failed"]
    assert [record.request_id for record in logged] == [response.headers["x-request-id"]]
    assert "the secret reason" in caplog.text


def test_our_fault_is_repeated_only_where_that_does_no_harm(http, box, monkeypatch):
    def failing_with(error):
        async def fail(*arguments):
            raise error

        monkeypatch.setattr(box.deps.store, "get", fail)
        monkeypatch.setattr(box.deps.store, "commit", fail)

    failing_with(Unavailable("the write may have happened"))
    assert http.get("threads/thread_x").headers["x-should-retry"] == "true"
    assert http.post("threads").headers["x-should-retry"] == "false"
    failing_with(Conflict("nothing was written"))
    assert http.post("threads").headers["x-should-retry"] == "true"
    failing_with(RuntimeError("a fault"))
    assert http.post("threads").headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("error", "code", "after"),
    [
        (Unavailable("the account secret.example is away"), "storage_unavailable", "5"),
        (BlobsUnavailable("the account secret.example is away"), "storage_unavailable", "5"),
        (QueueUnavailable("the account secret.example is away"), "storage_unavailable", "5"),
        (IndexUnavailable("the account secret.example is away"), "storage_unavailable", "5"),
        (Conflict("secret.example was changed"), "storage_busy", "1"),
        (UnreadableRecord("secret.example is damaged"), "storage_damaged", None),
        (NewerFormat("secret.example is of format 2.0"), "storage_newer", None),
    ],
)
def test_storage_that_is_away_is_told_and_is_not_called_our_fault(http, box, monkeypatch, error, code, after):
    async def fail(*arguments):
        raise error

    monkeypatch.setattr(box.deps.store, "get", fail)
    response = http.get("threads/thread_x")
    assert error_of(response, 503)["code"] == code
    assert response.headers.get("retry-after") == after
    assert "secret" not in response.text


def test_unknown_cursor(http, thread):
    told(http.get("assistants?after=asst_x"), "No assistant found with id 'asst_x'.", None, None, 404)
    told(http.get("threads?before=nonsense"), "No thread found with id 'nonsense'.", None, None, 404)
    told(http.get(f"threads/{thread}/messages?after=msg_x"), "No message found with id 'msg_x'.", None, None, 404)
    told(http.get("files?after=file-x"), "No such File object: file-x", "id", None, 404)


@pytest.mark.parametrize("cursor", ["after", "before"])
def test_a_batch_is_no_place_in_a_list_of_files(http, cursor):
    file_id = http.post("files", files=[("purpose", (None, "assistants")), ("file", ("a.txt", b"a"))]).json()["id"]
    store = http.post("vector_stores", json={}).json()["id"]
    batch = http.post(f"vector_stores/{store}/file_batches", json={"file_ids": [file_id]}).json()["id"]
    for files in (f"vector_stores/{store}/files", f"vector_stores/{store}/file_batches/{batch}/files"):
        for other in (batch, store, "store", "item_000000"):
            told(http.get(f"{files}?{cursor}={other}"), f"No such File object: {other}", "id", None, 404)


def test_the_body_is_checked_before_the_ids(http):
    assert error_of(http.post("threads/undefined/messages", content=b"{"))["message"].startswith("We could not parse")
    assert error_of(http.post("threads/undefined/messages", json={}))["code"] == "missing_required_parameter"
    body = {"role": "user", "content": "x", "attachments": [{"file_id": "file-x"}]}
    assert error_of(http.post("threads/undefined/messages", json=body))["param"] == "thread_id"
    assert error_of(http.post("threads/thread_x/messages", json=body), 404)
    assert error_of(http.post("threads/thread_x/runs", json={"assistant_id": "x"}))["param"] == "assistant_id"


def test_existence_is_checked_before_the_state(http, thread, active_run):
    body = {"role": "user", "content": "x", "attachments": [{"file_id": "file-x"}]}
    response = http.post(f"threads/{thread}/messages", json=body)
    assert error_of(response)["message"] == "The following file IDs were not found: file-x"
