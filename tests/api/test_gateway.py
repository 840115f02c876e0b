"""Prefixes, headers and keys: what holds for every request."""

from __future__ import annotations

import hashlib
import re
import time

import httpx2 as httpx
import pytest
from pydantic import SecretStr

from shared.api.auth import ApiKeys
from tests.api.conftest import KEY, OTHER_KEY, TLS

PREFIXES = [
    "/v1",
    "/openai",
    "/openai/v1",
    "/openai/deployments/gpt-4o",
    "/api/projects/p-1",
    "/api/projects/p-1/openai/v1",
]
AZURE = PREFIXES[1:]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_operation_exists_under_every_prefix(raw, prefix):
    headers = {"api-key": KEY}
    query = {"api-version": "2024-05-01-preview"}
    thread = raw.post(f"{prefix}/threads", headers=headers, params=query).json()
    path = f"{prefix}/threads/{thread['id']}/messages"
    message = raw.post(path, headers=headers, params=query, json={"role": "user", "content": "x"}).json()
    assert raw.get(path, headers=headers, params=query).json()["first_id"] == message["id"]
    assert raw.get(f"{prefix}/models", headers=headers).json()["data"][0]["id"] == "scripted"
    assert raw.get(f"{prefix}/files", headers=headers).status_code == 200


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_trailing_slash_is_tolerated_without_a_redirect(raw, prefix):
    assert raw.get(f"{prefix}/assistants/", headers={"api-key": KEY}).status_code == 200
    assert raw.post(f"{prefix}/threads/", headers={"api-key": KEY}).status_code == 200


def test_an_object_is_the_same_under_all_prefixes(raw):
    thread = raw.post("/v1/threads", headers={"api-key": KEY}).json()
    seen = [raw.get(f"{prefix}/threads/{thread['id']}", headers={"api-key": KEY}).json() for prefix in PREFIXES]
    assert seen == [thread] * len(PREFIXES)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("key", [KEY, "wrong"])
def test_every_answer_has_the_headers_clients_read(raw, prefix, key):
    response = raw.get(f"{prefix}/assistants", headers={"api-key": key})
    assert response.headers["x-request-id"].startswith("req_")
    assert response.headers["openai-version"] == "2020-10-01"
    assert int(response.headers["openai-processing-ms"]) >= 0
    assert response.headers["content-type"] == "application/json"
    assert ("apim-request-id" in response.headers) == (prefix in AZURE)
    assert ("x-ms-region" in response.headers) == (prefix in AZURE)


def test_azures_client_request_id_is_echoed(raw):
    headers = {"api-key": KEY, "x-ms-client-request-id": "mine"}
    assert raw.get("/openai/assistants", headers=headers).headers["x-ms-client-request-id"] == "mine"
    assert "x-ms-client-request-id" not in raw.get("/v1/assistants", headers=headers).headers


def test_the_sdk_sees_the_request_id(client):
    assert client.beta.assistants.create(model="m")._request_id.startswith("req_")


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer {KEY}"},
        {"api-key": KEY},
        {"Authorization": f"Bearer {KEY}", "api-key": KEY},
        {"Authorization": "Bearer eyJ.something.else", "api-key": KEY},
        {"Authorization": f"Bearer {KEY}", "api-key": "wrong"},
    ],
)
def test_any_valid_key_will_do(raw, headers):
    assert raw.get("/v1/assistants", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/v1/docs", "/v1/openapi.json"])
def test_some_paths_need_no_key(raw, path):
    assert raw.get(path).status_code == 200


def test_keys_can_be_given_as_digests():
    digest = hashlib.sha256(b"secret").hexdigest()
    keys = ApiKeys("BOX_API_KEYS", {"ann": SecretStr(f"sha256:{digest}")})
    assert keys.owner(b"secret") == "ann"
    assert keys.owner(f"sha256:{digest}".encode()) is None


@pytest.mark.parametrize(("name", "key"), [("a/b", "k"), ("", "k"), ("a:b", "k"), ("a", ""), ("a", "sha256:abcd")])
def test_keys_that_cannot_work_stop_the_start(name, key):
    with pytest.raises(ValueError):
        ApiKeys("BOX_API_KEYS", {name: SecretStr(key)})


def test_owners_do_not_see_each_others_objects(http, other):
    assistant = http.post("assistants", json={"model": "m"}).json()["id"]
    thread = http.post("threads").json()["id"]
    message = http.post(f"threads/{thread}/messages", json={"role": "user", "content": "x"}).json()["id"]
    file = http.post("files", files=[("purpose", (None, "assistants")), ("file", ("a", b"a"))]).json()["id"]
    for path in (f"assistants/{assistant}", f"threads/{thread}", f"threads/{thread}/messages/{message}"):
        assert other.get(path).status_code == 404
        assert other.post(path, json={"metadata": {"a": "1"}}).status_code == 404
        assert other.delete(path).status_code == 404
        assert http.get(path).status_code == 200
    assert other.get(f"threads/{thread}/messages").status_code == 404
    assert other.get(f"files/{file}/content").status_code == 404
    assert other.delete(f"files/{file}").status_code == 404
    resources = {"code_interpreter": {"file_ids": [file]}}
    assert other.post("threads", json={"tool_resources": resources}).status_code == 400
    for path in ("assistants", "threads", "files"):
        assert other.get(path).json()["data"] == []
        assert len(http.get(path).json()["data"]) == 1


def test_the_docs_need_nothing_from_elsewhere(raw):
    answer = raw.get("/v1/docs")
    assert answer.headers["content-security-policy"].startswith("default-src 'none';")
    assert "//" not in answer.text.replace("</", "")
    assert set(re.findall(r'(?:src|href)="(/\w+)', answer.text)) == {"/playground", "/v1"}


def test_the_openapi_document_shows_every_route_of_ours_by_example(raw):
    document = raw.get("/v1/openapi.json").json()
    assert document["servers"] == [{"url": "/", "description": "This box"}]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for kind, content in operation["responses"]["200"]["content"].items():
                passed_on = operation["tags"] == ["Passed on to the model's provider"]
                has_words = content["schema"] and kind != "application/octet-stream"
                assert "example" in content or passed_on or not has_words, (method, path, kind)


def test_the_openapi_document_names_requests_and_answers(raw):
    document = raw.get("/v1/openapi.json").json()
    create = document["paths"]["/v1/assistants"]["post"]
    assert create["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/CreateAssistant")
    assert create["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Assistant")
    assert create["responses"]["4XX"]["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorBody")
    listed = document["paths"]["/v1/threads/{thread_id}/messages"]["get"]["parameters"]
    assert {each["name"] for each in listed} == {"thread_id", "limit", "order", "after", "before", "run_id"}


def test_the_openapi_document_names_streams(raw):
    document = raw.get("/v1/openapi.json").json()
    answers = document["paths"]["/v1/threads/{thread_id}/runs"]["post"]["responses"]["200"]["content"]
    assert set(answers) == {"application/json", "text/event-stream"}


async def test_the_two_keys_are_two_owners(box):
    async with httpx.AsyncClient(base_url=f"{box.url}/v1/", verify=TLS) as client:
        for key in (KEY, OTHER_KEY):
            response = await client.post("assistants", headers={"api-key": key}, json={"model": "m"})
            assert response.status_code == 200


@pytest.mark.parametrize("path", ["/v1/assistants", "/v1/nothing", "/healthz", "/v1/docs", "/playground"])
@pytest.mark.parametrize("key", [KEY, "wrong"])
def test_no_browser_guesses_what_an_answer_is(raw, path, key):
    headers = raw.get(path, headers={"api-key": key}).headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert len(headers.get_list("cache-control")) == 1


def test_no_cache_keeps_what_belongs_to_an_owner(http, raw):
    upload = http.post("files", files=[("purpose", (None, "assistants")), ("file", ("a.html", b"<p>"))])
    content = http.get(f"files/{upload.json()['id']}/content")
    for answer in (upload, content, http.get("assistants"), raw.get("/v1/assistants"), http.get("threads/x")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"


def test_two_owners_in_one_request_are_told_apart(raw):
    both = {"Authorization": f"Bearer {KEY}", "api-key": OTHER_KEY}
    response = raw.get("/v1/assistants", headers=both)
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith("The request has two valid credentials of different owners.")
    for second in (KEY, "wrong"):
        assert raw.get("/v1/assistants", headers=both | {"api-key": second}).status_code == 200


@pytest.mark.parametrize("settings", [{"AzureFunctionsJobHost__functionTimeout": "00:00:02"}])
@pytest.mark.parametrize("path", ["/v1/threads", "/v1/files"])
def test_a_body_that_does_not_come_is_told_to_hurry(raw, path):
    def body():
        yield b"--b\r\n"
        time.sleep(2)

    headers = {"api-key": KEY, "content-type": "multipart/form-data; boundary=b"}
    response = raw.post(path, headers=headers, content=body())
    assert (response.status_code, response.json()["error"]["type"]) == (408, "invalid_request_error")


def test_a_web_socket_is_refused(raw):
    asked = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert raw.get("/v1/threads", headers={"api-key": KEY} | asked | key).status_code == 403


def test_the_document_says_what_there_is_and_nothing_else(raw):
    document = raw.get("/v1/openapi.json").json()
    content = document["paths"]["/v1/files/{file_id}/content"]["get"]["responses"]["200"]["content"]
    assert [*content] == ["application/octet-stream"]
    assert not [path for path in document["paths"] if path.startswith("/v1/admin")]
    assert "NewOwnerKey" not in document["components"]["schemas"]
