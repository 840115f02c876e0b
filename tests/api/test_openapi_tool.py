"""Operations of APIs by their OpenAPI documents: a FastAPI app with its own document, and documents that are odd."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from shared.llm.scripted import call, raw_call, text
from shared.objects.openapi_document import BrokenDocument, operations
from tests.fakes.umbrella_shop import umbrella_shop


@pytest.fixture
def api():
    with umbrella_shop() as api:
        yield api


@pytest.fixture
def settings(api):
    connection = {"url": api.url, "headers": {"X-Key": "of-the-operator"}}
    return {"openapi_allowed_hosts": api.host, "connections": {"shop": connection}}


LONG = {"$ref": "#/components/schemas/Long"}
ANYBODY = {"type": "anonymous"}
QUERY = {"name": "id", "in": "query"}


def tool(document, auth=ANYBODY):
    return {"type": "openapi", "openapi": {"name": "shop", "spec": document, "auth": auth}}


@pytest.fixture
def run(http):
    """Run an assistant with the tool to its end; the run, and what its calls were answered."""

    def run(definition, **metadata):
        made = http.post("assistants", json={"model": "gpt-x", "tools": [definition]})
        assert made.status_code == 200, made.text
        thread = {"messages": [{"role": "user", "content": "Umbrella?"}]}
        body = {"assistant_id": made.json()["id"], "thread": thread, "metadata": metadata}
        run = http.post("threads/runs", json=body).json()
        path = f"threads/{run['thread_id']}/runs/{run['id']}"
        while run["status"] in ("queued", "in_progress"):
            time.sleep(0.01)
            run = http.get(path).json()
        steps = http.get(f"{path}/steps?order=asc").json()["data"]
        calls = [each for step in steps for each in step["step_details"].get("tool_calls", [])]
        return run, calls

    return run


def outputs(calls):
    return [each["openapi"]["output"] for each in calls]


def test_a_document_becomes_functions_that_the_box_calls(api, run, llm):
    llm.script(
        [
            call("find", colour="dark red? & 50%", limit=2),
            call("order", body={"umbrella": "red", "gift": {"umbrella": "x"}}),
        ],
        [text("Ordered.")],
    )

    ended, calls = run(tool(api.document))

    assert ended["status"] == "completed"
    assert [json.loads(each) for each in outputs(calls)] == [
        {"colour": "dark red? & 50%", "limit": 2},
        {"ordered": "red", "gift": True},
    ]
    found = {each["name"]: each for each in llm.requests[0].tools}
    assert found["find"]["description"] == "Umbrellas of a colour."
    assert found["find"]["parameters"]["required"] == ["colour"]
    body = found["order"]["parameters"]["properties"]["body"]
    assert body["properties"]["sizes"]["items"] == {"type": "integer"}
    assert body["properties"]["gift"]["anyOf"] == [{}, {"type": "null"}], "which leads back to itself"
    assert "$ref" not in json.dumps(llm.requests[0].tools)
    assert calls[0]["type"] == "openapi"
    assert calls[0]["openapi"]["name"] == "find"


def test_what_goes_wrong_is_told_to_the_model(api, run, llm):
    wrong = [call("find"), call("find", colour=".."), call("order", body={"umbrella": 1}), call("away"), call("much")]
    llm.script(wrong, [text("Oh.")])

    ended, calls = run(tool(api.document))

    said = outputs(calls)
    assert ended["status"] == "completed"
    assert said[0] == "Error: 'colour' is missing"
    assert said[1] == "Error: 'colour' cannot be '..'"
    assert said[2].startswith("Error: HTTP 422: ")
    assert said[3].startswith("Error: HTTP 307")
    assert said[4] == "Error: the API's answer was not taken: it is larger than 4 MB."
    assert [each["path"] for each in api.seen] == ["/orders", "/away", "/much"] or len(api.seen) == 3


@pytest.mark.parametrize("settings", [{}])
def test_servers_inside_are_not_called(api, run, llm, settings):
    llm.script([call("find", colour="red")], [text("Oh.")])

    _, calls = run(tool(api.document))

    assert outputs(calls) == ["Error: only the ports 80 and 443 are fetched from"]
    assert api.seen == []


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        (ANYBODY, None),
        (
            {"type": "connection", "security_scheme": {"connection_id": "/subscriptions/s/connections/shop"}},
            "of-the-operator",
        ),
        ({"type": "connection", "security_scheme": {"connection_id": "shop"}}, "of-the-operator"),
    ],
)
def test_a_named_connection_sends_its_key_to_its_own_server(api, run, llm, http, auth, header, caplog):
    llm.script([call("find", colour="red")], [text("Here.")])

    ended, calls = run(tool(api.document, auth))

    assert api.seen[0].get("x-key") == header
    assert "of-the-operator" not in json.dumps([ended, calls]) + caplog.text


def test_a_key_goes_to_no_server_but_its_own(api, run, llm):
    llm.script([call("find", colour="red")], [text("Here.")])
    document = api.document | {"servers": [{"url": f"http://localhost:{api.host.rpartition(':')[2]}"}]}

    _, calls = run(tool(document, {"type": "connection", "security_scheme": {"connection_id": "shop"}}))

    assert outputs(calls) == ["Error: this box has no connection (CONNECTIONS) for this API's server"]
    assert api.seen == []


def test_the_operator_may_be_asked_or_say_no(api, run, llm, box):
    llm.script([call("find", colour="red")], [text("Nothing.")])
    box.settings.server_tools_allowed.update({"*": ["*", "openapi:ask"]})
    asked, _ = run(tool(api.document))
    assert asked["status"] == "requires_action"
    [wanted] = asked["required_action"]["submit_tool_approval"]["tool_calls"]
    assert wanted["openapi"] == {"name": "find", "arguments": '{"colour": "red"}'}

    box.settings.server_tools_allowed.update({"*": ["*", "openapi:deny"]})
    run(tool(api.document))
    assert llm.requests[-1].tools == []
    assert api.seen == []


def document(**paths):
    return {"openapi": "3.1.0", "servers": [{"url": "https://shop.example"}], "paths": paths}


def get(**more):
    return {"/a": {"get": {"operationId": "a"} | more}}


def parameter(schema):
    return get(parameters=[{"name": "x", "in": "query", "description": "An x.", "schema": schema}])


def body(schema):
    return get(requestBody={"content": {"application/json": {"schema": schema}}})


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({}, "openapi"),
        ({"openapi": "2.0"}, "openapi"),
        ({"openapi": "3.0.0", "paths": []}, "paths"),
        ({"openapi": "3.0.0", "paths": get()}, "servers"),
        ({"openapi": "3.0.0", "servers": [{"url": "/v1"}], "paths": get()}, "servers"),
        ({"openapi": "3.0.0", "servers": [{"url": "ftp://a.b"}], "paths": get()}, "servers"),
        (document(**{"/a": []}), "paths./a"),
        (document(**{"/a": {"get": {}}}), "paths./a.get.operationId"),
        (document(**get(), **{"/b": {"get": {"operationId": "a"}}}), "paths./b.get.operationId"),
        (document(**get(parameters={})), None),
        (document(**get(parameters=[{"name": "x"}])), "paths./a.get.parameters.0"),
        (document(**get(parameters=[{"$ref": "#/components/x"}])), "paths./a.get.parameters.0"),
        (document(**get(parameters=[{"$ref": "https://evil.example/x"}])), "paths./a.get.parameters.0"),
        (document(**get(requestBody={"content": {}})), "paths./a.get.requestBody.content"),
        (document(**get(parameters=[{"name": "", "in": "query"}])), "paths./a.get.parameters.0"),
        (document(**get(parameters=[{"$ref": "#/servers/²"}])), "paths./a.get.parameters.0"),
        (document(a={"get": {"operationId": "a"}}), "paths.a"),
        (document(**parameter("text")), "paths./a.get.parameters.0.schema"),
        (document(**parameter(["text"])), "paths./a.get.parameters.0.schema"),
        (document(**parameter({"type": "text"})), "paths./a.get.parameters.0.schema"),
        (document(**body("text")), "paths./a.get.requestBody.content.application/json.schema"),
        (document(**body({"properties": []})), "paths./a.get.requestBody.content.application/json.schema"),
        (document(**get()) | {"servers": [{"url": "https://["}]}, "servers"),
        (document(**get()) | {"servers": [{"url": "https://a.example:99999"}]}, "servers"),
        (document(**get()) | {"servers": [{"url": "https://a.example/" + "a" * 2048}]}, "servers.0.url"),
        (document(**{f"/{n}": {"get": {"operationId": f"o{n}"}} for n in range(129)}), "paths"),
        (document(**{"/a/{id}": {"get": {"operationId": "a"}}}), "paths./a/{id}"),
        (document(**{"/a/{id}": {"get": {"operationId": "a", "parameters": [QUERY]}}}), "paths./a/{id}"),
        (document(**get()) | {"servers": [{"url": "https://a.example/{stage}"}]}, "servers.0.url"),
    ],
)
def test_a_broken_document_is_refused_and_its_place_is_named(http, spec, place):
    response = http.post("assistants", json={"model": "gpt-x", "tools": [tool(spec)]})

    if place is None:
        assert response.status_code == 200
        return
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == f"tools[0].openapi.spec.{place}"
    assert error["code"] == "invalid_openapi_document"
    assert place in error["message"]


def test_references_make_no_small_document_large():
    known = {"components": {"schemas": {"Long": {"description": "x" * 100_000}}}}
    paths = {
        f"/{number}": {
            "get": {"operationId": f"o{number}", "parameters": [{"name": "x", "in": "query", "schema": LONG}]}
        }
        for number in range(11)
    }

    with pytest.raises(BrokenDocument, match="1000000 characters"):
        operations(document(**paths) | known)


def test_defaults_of_a_servers_variables_are_no_templates():
    variables = {"region": {"default": "{stage}{stage}"}, "stage": {"default": "x"}}
    server = {"url": "https://shop.example/{region}/{stage}", "variables": variables}

    with pytest.raises(BrokenDocument, match="no server variable"):
        operations(document(**get()) | {"servers": [server]})


def test_parameters_of_the_path_may_be_declared_for_all_of_its_operations():
    item = {"parameters": [{"name": "id", "in": "path"}], "get": {"operationId": "a"}}

    [operation] = operations(document(**{"/a/{id}": item}))

    assert operation.url == "https://shop.example/a/{id}"


def test_properties_may_be_called_like_keywords():
    schema = {"properties": {"example": {"type": "string", "example": "x"}, "xml": {"type": "string"}}}

    [operation] = operations(document(**body(schema | {"xml": {"name": "x"}})))

    assert operation.body == {"properties": {"example": {"type": "string"}, "xml": {"type": "string"}}}


def test_the_same_document_may_be_there_often(run, llm, http):
    llm.script([text("Hello.")])
    made = http.post("assistants", json={"model": "gpt-x", "tools": [tool(document(**get()))] * 5}).json()

    body = {"assistant_id": made["id"], "stream": True}
    assert "thread.run.completed" in http.post("threads/runs", json=body).text

    names = [each["name"] for each in llm.requests[0].tools]
    assert names[:2] == ["a", "shop_a"]
    assert len({*names}) == 5


DEEP = "[" * 3000 + "]" * 3000


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (r'{"p": "\ud800"}', "the arguments cannot be sent"),
        (r'{"p": "a", "c": "\ud800"}', "the arguments cannot be sent"),
        (r'{"p": "a", "body": "\ud800"}', "the arguments cannot be sent"),
        (f'{{"p": {DEEP}}}', "the arguments "),  # "are no JSON" before Python 3.13
        ("[" * 200_000, "the arguments are no JSON"),
    ],
)
def test_arguments_that_cannot_be_sent_are_told_to_the_model(run, llm, method, arguments, told):
    llm.script([raw_call("a", arguments)], [text("Oh.")])
    parameters = [{"name": "p", "in": "path"}, {"name": "c", "in": "cookie"}]
    body: dict[str, Any] = {"content": {"text/plain": {}}}
    paths = {"/a/{p}": {method: {"operationId": "a", "parameters": parameters, "requestBody": body}}}

    ended, calls = run(tool(document(**paths)))

    assert ended["status"] == "completed"
    [output] = outputs(calls)
    assert output.startswith(f"Error: {told}")


def test_no_answer_is_larger_than_its_bytes(api, run, llm):
    llm.script([call("packed")], [text("Oh.")])

    ended, calls = run(tool(api.document))

    assert ended["status"] == "completed"
    assert outputs(calls) == ["Error: the API's answer was not taken: it is compressed, though that was not asked for."]
    assert api.seen[0]["accept-encoding"] == "identity"


@pytest.mark.parametrize("charset", ["utf-8", "none", "hex", "undefined", "punycode"])
def test_answers_are_read_whatever_they_say_of_their_characters(api, run, llm, charset):
    llm.script([call("spoken", charset=charset)], [text("Oh.")])

    ended, calls = run(tool(api.document))

    assert (ended["status"], outputs(calls)) == ("completed", ["caf\u00e9"])


def test_what_the_operator_forbids_meanwhile_is_not_called(api, run, llm, box, http):
    llm.script([call("order", body={"umbrella": "red"})], [text("Oh.")])
    box.settings.server_tools_allowed.update({"*": ["*", "openapi:ask"]})
    asked, [waiting] = run(tool(api.document))
    box.settings.server_tools_allowed.update({"*": ["*", "openapi:deny"]})

    path = f"threads/{asked['thread_id']}/runs/{asked['id']}"
    said = {"tool_approvals": [{"tool_call_id": waiting["id"], "approve": True}], "stream": True}
    assert "thread.run.completed" in http.post(f"{path}/submit_tool_outputs", json=said).text

    [step, _] = http.get(f"{path}/steps?order=asc").json()["data"]
    told = "Error: openapi is not allowed here (SERVER_TOOLS_ALLOWED)"
    assert step["step_details"]["tool_calls"][0]["openapi"]["output"] == told
    assert api.seen == []
