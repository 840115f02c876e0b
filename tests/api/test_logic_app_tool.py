"""Logic Apps by the address of their trigger, as tools: by the OpenAPI document that Azure writes for a workflow."""

from __future__ import annotations

import json
import logging
import time

import pytest

from shared.llm.scripted import call, text
from tests.api.canary import logged, places
from tests.fakes.workflow import BODY, PATH, SIGNATURE, workflow


@pytest.fixture
def app():
    with workflow() as app:
        yield app


@pytest.fixture
def settings(app, tmp_path):
    home = tmp_path / "home"
    return {"openapi_allowed_hosts": app.host, "connections": {"weather": {"url": app.address}}, "box_home": home}


@pytest.fixture
def run(http, app):
    """Run an assistant with the workflow to its end; the run, and what its calls were answered."""

    def run(connection="weather"):
        auth = {"type": "connection", "security_scheme": {"connection_id": f"/projects/p/connections/{connection}"}}
        tool = {"type": "openapi", "openapi": {"name": "weather", "spec": app.document, "auth": auth}}
        made = http.post("assistants", json={"model": "gpt-x", "tools": [tool]})
        assert made.status_code == 200, made.text
        run = http.post("threads/runs", json={"assistant_id": made.json()["id"]}).json()
        path = f"threads/{run['thread_id']}/runs/{run['id']}"
        while run["status"] in ("queued", "in_progress"):
            time.sleep(0.01)
            run = http.get(path).json()
        steps = http.get(f"{path}/steps?order=asc").json()["data"]
        return run, [each["openapi"]["output"] for step in steps for each in step["step_details"].get("tool_calls", [])]

    return run


def ask(**body):
    return call("manual-invoke", body=body)


def test_a_workflow_is_called_with_its_signature_which_nobody_sees(app, run, llm, http, box, caplog):
    caplog.set_level(logging.DEBUG)
    app.ends = "indiscretion"
    llm.script([ask(city="Oslo")], [text("Rain.")])

    ended, [output] = run()

    assert ended["status"] == "completed", ended
    assert app.calls == [{"city": "Oslo"}]
    assert "[secret]" in output
    said = json.dumps([ended, output, http.get("assistants").json(), llm.requests[-1].input, llm.requests[-1].tools])
    assert SIGNATURE not in said
    # The workflow stands in this process, too, and its server notes what it was asked.
    assert logged([each for each in caplog.records if each.name != "uvicorn.access"], SIGNATURE) == []
    assert places(box.settings.box_home, SIGNATURE) == []


def test_the_model_is_asked_for_the_body_alone(app, run, llm):
    llm.script([ask(city="Oslo")], [text("Rain.")])

    _, outputs = run()

    [offered] = llm.requests[0].tools
    assert offered["parameters"] == {"type": "object", "properties": {"body": BODY}, "required": ["body"]}
    assert [json.loads(each) for each in outputs] == [{"weather": "rain in Oslo"}]


def test_what_a_workflow_says_instead_is_told(app, run, llm):
    app.ends = "silence"
    llm.script([ask(city="Oslo"), ask(town="Oslo")], [text("Hm.")])

    _, outputs = run()

    assert outputs[0] == "[HTTP 202, no content]"
    assert outputs[1].startswith("Error: HTTP 400: ")
    assert "TriggerInputSchemaMismatch" in outputs[1]


@pytest.mark.parametrize("connection", ["another", ""])
def test_without_its_connection_a_workflow_is_not_called(app, run, llm, connection):
    llm.script([ask(city="Oslo")], [text("Hm.")])

    _, outputs = run(connection)

    assert outputs == ["Error: this box has no connection (CONNECTIONS) for this API's server"]
    assert app.calls == []


def test_the_signature_goes_to_its_workflow_alone(app, run, llm, box):
    llm.script([ask(city="Oslo")], [text("Hm.")])
    path = f"{PATH}/invoke".replace("0123456789abcdef", "another")
    box.settings.connections["weather"] = type(box.settings.connections["weather"]).model_validate(
        {"url": f"http://{app.host}{path}?sig={SIGNATURE}"}
    )

    _, outputs = run()

    assert outputs == ["Error: this box has no connection (CONNECTIONS) for this API's server"]


@pytest.mark.parametrize("place", ["servers.0.url", "paths./invoke?sig=x"])
def test_a_signature_in_a_document_is_refused(http, app, place):
    spec = app.document
    if place == "servers.0.url":
        spec["servers"][0]["url"] += f"/invoke?sig={SIGNATURE}"
    else:
        spec["paths"] = {"/invoke?sig=x": spec["paths"]["/invoke"]}
    tool = {"type": "openapi", "openapi": {"name": "weather", "spec": spec, "auth": {"type": "anonymous"}}}

    refused = http.post("assistants", json={"model": "gpt-x", "tools": [tool]})

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == f"tools[0].openapi.spec.{place}"
    assert "belong to a connection" in refused.json()["error"]["message"]
    assert SIGNATURE not in refused.text
