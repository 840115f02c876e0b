"""Pages of other origins: closed unless the settings name them."""

from __future__ import annotations

import pytest

from shared.api import cors
from tests.api.conftest import KEY

PAGE = "https://app.example"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,x-stainless-lang"}
OPENED = pytest.mark.parametrize("settings", [{"cors_origins": f"{PAGE}, http://localhost:3000/"}])


def test_no_page_of_another_origin_may_call_unless_it_is_named(raw):
    response = raw.options("/v1/assistants", headers={"Origin": PAGE} | ASKS)
    assert response.status_code == 401
    answer = raw.get("/v1/assistants", headers={"Origin": PAGE, "api-key": KEY})
    assert not [name for name in answer.headers if name.startswith("access-control")]


@OPENED
@pytest.mark.parametrize("origin", [PAGE, "http://localhost:3000"])
@pytest.mark.parametrize("path", ["/v1/threads", "/openai/threads/runs", "/v1/files/file-x"])
def test_a_preflight_needs_no_key(raw, path, origin):
    response = raw.options(path, headers={"Origin": origin} | ASKS)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == origin
    assert {"GET", "POST", "DELETE"} <= set(response.headers["access-control-allow-methods"].split(", "))
    assert "x-stainless-lang" in response.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in response.headers


@OPENED
@pytest.mark.parametrize("key", [KEY, "wrong"])
def test_a_named_page_reads_answers_and_errors(raw, key):
    answer = raw.get("/v1/assistants", headers={"Origin": PAGE, "api-key": key})
    assert answer.status_code == (200 if key == KEY else 401)
    assert answer.headers["access-control-allow-origin"] == PAGE
    exposed = {name.strip().lower() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert {"x-request-id", "openai-poll-after-ms", "retry-after"} <= exposed
    assert "Origin" in answer.headers["vary"]


@OPENED
def test_other_pages_stay_outside(raw):
    assert raw.options("/v1/threads", headers={"Origin": "https://evil.example"} | ASKS).status_code == 400
    answer = raw.get("/v1/assistants", headers={"Origin": "https://evil.example", "api-key": KEY})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "origins", ["app.example", "https://app.example/path", "ftp://app.example", "https://*.example"]
)
def test_what_is_no_origin_stops_the_start(origins):
    with pytest.raises(ValueError, match="CORS_ORIGINS"):
        cors.origins(origins)
