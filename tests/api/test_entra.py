"""Callers without a key: tokens of Entra ID, checked against a local tenant."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from openai import AzureOpenAI, DefaultHttpxClient

from shared.api.auth import entra_of
from shared.config import Settings
from tests.api.conftest import KEY, SDK, TLS
from tests.fakes import entra
from tests.fakes.entra import AUDIENCE, TENANT

ANN, ROBOT, STRANGER = (f"{digit * 8}-0000-0000-0000-00000000000a" for digit in "abc")


@pytest.fixture(scope="module")
def shared_tenant():
    with entra.serving() as tenant:
        yield tenant


@pytest.fixture
def tenant(shared_tenant):
    shared_tenant.reads = 0
    yield shared_tenant
    shared_tenant.down = False
    shared_tenant.speaking.set()


@pytest.fixture
def settings(tenant):
    owners = f"me={ANN.upper()}, robot={ROBOT}"
    return {"entra_tenant_id": TENANT, "entra_owners": owners, "entra_authority": tenant.url}


def test_a_program_that_signs_in_with_entra_needs_no_key(box, tenant):
    sdk = {name: value for name, value in SDK.items() if name != "api_key"}
    with AzureOpenAI(
        azure_endpoint=box.url,
        api_version="2024-05-01-preview",
        azure_ad_token_provider=lambda: tenant.token(oid=ROBOT),
        http_client=DefaultHttpxClient(verify=TLS),
        **sdk,
    ) as client:
        made = client.beta.assistants.create(model="m")
        assert [each.id for each in client.beta.assistants.list()] == [made.id]


def test_an_identity_and_a_key_of_one_name_share_their_data(raw, tenant):
    with_key, with_token = {"api-key": KEY}, {"Authorization": f"Bearer {tenant.token(oid=ANN)}"}
    thread = raw.post("/v1/threads", headers=with_key).json()["id"]

    assert raw.get(f"/v1/threads/{thread}", headers=with_token).status_code == 200
    robot = {"Authorization": f"Bearer {tenant.token(oid=ROBOT)}"}
    assert raw.get(f"/v1/threads/{thread}", headers=robot).status_code == 404


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": f"TENANT_URL/{TENANT}/v2.0"},
        {"aud": AUDIENCE + "/"},
        {"aud": "https://ai.azure.com"},
        {"exp": -30},
    ],
    ids=["of version 2", "audience with a slash", "of the newer audience", "by a clock that is late"],
)
def test_tokens_come_in_several_forms(raw, tenant, claims):
    claims = {
        name: value if name == "exp" else value.replace("TENANT_URL", tenant.url) for name, value in claims.items()
    }
    if "exp" in claims:
        claims["exp"] += int(time.time())
    headers = {"Authorization": f"Bearer {tenant.token(oid=ANN, **claims)}"}
    assert raw.get("/v1/assistants", headers=headers).status_code == 200


REFUSED = {
    "a stranger's": lambda tenant: tenant.token(oid=STRANGER),
    "of another tenant": lambda tenant: tenant.token(oid=ANN, iss=f"https://sts.windows.net/{TENANT[::-1]}/"),
    "for another service": lambda tenant: tenant.token(oid=ANN, aud="https://management.azure.com"),
    "for nobody": lambda tenant: tenant.token(oid=ANN, aud=None),
    "too old": lambda tenant: tenant.token(oid=ANN, exp=int(time.time()) - 120),
    "without an end": lambda tenant: tenant.token(oid=ANN, exp=None),
    "too young": lambda tenant: tenant.token(oid=ANN, nbf=int(time.time()) + 120),
    "without a person": lambda tenant: tenant.token(),
    "signed by somebody else": lambda tenant: tenant.token(oid=ANN, signed_with=entra.new_key()),
    "signed with nothing": lambda tenant: tenant.token(oid=ANN, signed_with="", algorithm="none"),
    "signed with a word": lambda tenant: tenant.token(oid=ANN, signed_with="w" * 64, algorithm="HS256"),
    "cut": lambda tenant: tenant.token(oid=ANN)[:-40],
    "no token": lambda tenant: "eyJ.something.else",
}


KINDS = {
    "of another tenant": "InvalidIssuerError",
    "for another service": "InvalidAudienceError",
    "too old": "ExpiredSignatureError",
    "without a person": "MissingRequiredClaimError",
    "no token": "DecodeError",
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_log_has_the_kind_of_a_refusal_but_no_words_of_a_token(raw, tenant, kind, caplog):
    caplog.set_level(logging.INFO, "shared.api")
    raw.get("/v1/assistants", headers={"Authorization": f"Bearer {REFUSED[kind](tenant)}"})
    assert [each.reason for each in caplog.records if getattr(each, "action", "") == "token_refused"] == [KINDS[kind]]


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("kind", REFUSED)
def test_a_token_that_proves_nothing_is_a_wrong_key(raw, tenant, kind):
    headers = {"Authorization": f"Bearer {REFUSED[kind](tenant)}"}

    openai, azure = raw.get("/v1/assistants", headers=headers), raw.get("/openai/assistants", headers=headers)

    assert (openai.status_code, openai.json()["error"]["code"]) == (401, "invalid_api_key")
    assert (azure.status_code, azure.json()["error"]["code"]) == (401, "401")
    assert raw.get("/v1/assistants", headers=headers | {"api-key": KEY}).status_code == 200


def test_the_tenants_keys_are_read_once(raw, tenant):
    def call(_: int) -> int:
        return raw.get("/v1/assistants", headers={"Authorization": f"Bearer {tenant.token(oid=ANN)}"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(call, range(16))} == {200}
    assert tenant.reads == 1


def test_a_new_key_is_found_and_made_up_ones_are_not_looked_for_all_the_time(box, raw, tenant):
    def call(key: str) -> int:
        token = tenant.token(key, signed_with=tenant.keys.get(key) or entra.new_key(), oid=ANN)
        return raw.get("/v1/assistants", headers={"Authorization": f"Bearer {token}"}).status_code

    assert [call("first"), call("made-up"), call("made-up")] == [200, 401, 401]
    assert tenant.reads == 1
    tenant.keys["second"] = entra.new_key()
    box.clock.advance(61)
    assert [call("second"), call("first")] == [200, 200]
    assert tenant.reads == 2


def test_a_silent_tenant_holds_up_nobody_whose_key_is_known(box, raw, tenant):
    def call(token: str) -> int:
        return raw.get("/v1/assistants", headers={"Authorization": f"Bearer {token}"}).status_code

    known = tenant.token(oid=ANN)
    unknown = tenant.token("made-up", signed_with=entra.new_key(), oid=ANN)
    assert call(known) == 200
    box.clock.advance(61)
    tenant.speaking.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(call, unknown)
        while tenant.reads < 2:
            time.sleep(0.01)
        began = time.monotonic()
        assert call(known) == 200
        assert time.monotonic() - began < 3
        tenant.speaking.set()
        assert waiting.result() == 401


def test_old_keys_count_while_the_tenant_is_down_but_not_for_ever(box, raw, tenant):
    def call() -> int:
        token = tenant.token(oid=ANN, exp=int(time.time()) + 10 * 24 * 3600)
        return raw.get("/v1/assistants", headers={"Authorization": f"Bearer {token}"}).status_code

    assert call() == 200
    tenant.down = True
    box.clock.advance(25 * 3600)
    assert [call(), call()] == [200, 200]
    assert tenant.reads == 2
    box.clock.advance(24 * 3600)
    assert call() == 503


def test_while_the_tenant_cannot_be_asked_a_token_may_be_sent_again(box, raw, tenant):
    headers = {"Authorization": f"Bearer {tenant.token(oid=ANN)}"}
    tenant.down = True
    answer = raw.get("/v1/assistants", headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "server_error")
    other = {"Authorization": f"Bearer {tenant.token('made-up', signed_with=entra.new_key(), oid=ANN)}"}
    assert [raw.get("/v1/assistants", headers=each).status_code for each in (headers, other, other)] == [503] * 3
    assert tenant.reads == 1, "a failure is remembered, whatever key a token names"

    tenant.down = False
    box.clock.advance(11)
    assert raw.get("/v1/assistants", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"entra_owners": f"me={ANN}"},
        {"entra_owners": ANN, "entra_tenant_id": TENANT},
        {"entra_owners": f"a/b={ANN}", "entra_tenant_id": TENANT},
        {"entra_owners": "me=", "entra_tenant_id": TENANT},
    ],
)
def test_owners_that_cannot_be_read_stop_the_start(settings):
    with pytest.raises(ValueError, match=r"ENTRA_OWNERS|owner's name"):
        entra_of(Settings(_env_file=None, **settings), time.time)
