"""Input of every kind, made from the app's own OpenAPI: never a 500, errors in the envelope, answers as documented."""

from __future__ import annotations

import time

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from shared.llm.scripted import text
from tests.api.conftest import KEY

#: The whole test, whatever the machine.
SECONDS = 45
EXAMPLES = 12

QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example]


@pytest.fixture
def session():
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {KEY}"
        yield session


@pytest.fixture
def real_ids(http, llm):
    """Ids that lead somewhere: requests with made-up ones hardly get beyond a 404."""
    llm.default = lambda request: [text("ok")]
    assistant = http.post("assistants", json={"model": "m"}).json()["id"]
    thread = http.post("threads", json={"messages": [{"role": "user", "content": "x"}]}).json()["id"]
    run = http.post(f"threads/{thread}/runs", json={"assistant_id": assistant}).json()["id"]
    message = http.get(f"threads/{thread}/messages").json()["data"][0]["id"]
    file = http.post("files", files=[("purpose", (None, "assistants")), ("file", ("a.txt", b"a"))]).json()["id"]
    store = http.post("vector_stores", json={"file_ids": [file]}).json()["id"]
    ids = {
        "vector_store_id": store,
        "assistant_id": assistant,
        "thread_id": thread,
        "run_id": run,
        "message_id": message,
        "file_id": file,
    }
    return ids | {"step_id": "step_000000abcdefghabcdefghab", "model": "scripted"}


def check(case, response):
    assert response.status_code < 500, f"{case.as_curl_command()}\n{response.text}"
    if response.status_code >= 400:
        assert set(response.json()) == {"error"}
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}
        assert response.status_code in (400, 404, 409, 413), response.text
    case.validate_response(response, checks=[response_schema_conformance, content_type_conformance])


def fuzz(operation, box, session, real_ids, end):
    strategy = operation.as_strategy(GenerationMode.POSITIVE) | operation.as_strategy(GenerationMode.NEGATIVE)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=QUIET,
        phases=[Phase.generate],
    )
    @given(case=strategy, found=strategies.booleans())
    def try_it(case, found):
        if time.monotonic() > end:
            return
        if found and case.method != "DELETE":
            case.path_parameters.update({name: real_ids[name] for name in case.path_parameters if name in real_ids})
            if isinstance(case.body, dict) and "assistant_id" in case.body:
                case.body["assistant_id"] = real_ids["assistant_id"]
        check(case, case.call(base_url=box.url, session=session, timeout=20))

    try_it()


# The box waits at random in a thread of this very process; Hypothesis takes that for its own strategies' doing.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.long
def test_no_input_brings_the_box_down(box, http, session, real_ids):
    schema = schemathesis.openapi.from_dict(http.get("openapi.json").json())
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 30
    start = time.monotonic()
    for number, operation in enumerate(operations, 1):
        fuzz(operation, box, session, real_ids, start + SECONDS * number / len(operations))
    for path in ("assistants", "threads", "files", f"threads/{real_ids['thread_id']}/messages"):
        assert http.get(path).status_code == 200
