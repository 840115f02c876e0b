"""Administrators and the keys that they make: who is let in where, from when on, and until when."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from shared.owners import KEYS_OF_OWNER
from shared.store.base import Unavailable
from shared.stored_keys import FRESH, LOOK_AGAIN
from tests.api.conftest import KEY, OTHER_KEY, Box, below

ADMIN = "sk-admin-0123456789"
ENTRA = {"entra_owners": "robot=00000000-0000-0000-0000-000000000001", "entra_tenant_id": "home"}


@pytest.fixture
def settings() -> dict[str, Any]:
    digest = hashlib.sha256(ADMIN.encode()).hexdigest()
    return {"box_admin_keys": {"ops": SecretStr(f"sha256:{digest}")}}


@pytest.fixture
def admin(box):
    with below(f"{box.url}/v1/admin/", Authorization=f"Bearer {ADMIN}") as client:
        yield client


def status(raw, key: str, path: str = "/v1/threads") -> int:
    return raw.get(path, headers={"api-key": key}).status_code


def rows(box: Box) -> list[Any]:
    return box.run(box.deps.store.scan("_keys", " ", "~", 10))


# -- keys that are made while the box runs ---------------------------------------------------------------------------


def test_an_owner_is_added_and_has_data_of_its_own(admin, raw, http):
    made = admin.post("owners", json={"name": "ann"}).json()
    assert made.keys() == {"id", "object", "owner", "created_at", "key"}
    assert (made["object"], made["owner"]) == ("owner.key", "ann")
    headers = {"Authorization": f"Bearer {made['key']}"}
    thread = raw.post("/v1/threads", headers=headers).json()["id"]
    assert raw.get(f"/v1/threads/{thread}", headers=headers).status_code == 200
    assert http.get(f"threads/{thread}").status_code == 404


@pytest.mark.parametrize("settings", [{"box_admin_keys": {"ops": SecretStr(ADMIN)}, **ENTRA}])
def test_owners_are_listed_with_where_they_come_from(admin):
    made = admin.post("owners", json={"name": "ann"}).json()
    listed = admin.get("owners").json()
    assert [(each["name"], each["settings"], len(each["keys"])) for each in listed["data"]] == [
        ("ann", [], 1),
        ("me", ["BOX_API_KEYS"], 0),
        ("other", ["BOX_API_KEYS"], 0),
        ("robot", ["ENTRA_OWNERS"], 0),
    ]
    del made["key"]
    assert listed["data"][0]["keys"] == [made]


def test_a_key_is_shown_once_and_kept_as_its_hash(admin, box, caplog):
    caplog.set_level("INFO")
    key = admin.post("owners", json={"name": "ann"}).json()["key"]
    later = admin.post("owners/ann/rotate").json()["key"]
    assert re.fullmatch(r"box-[\w-]{43}", key)
    assert key not in admin.get("owners").text
    (row,) = rows(box)
    assert row.data["sha256"] == hashlib.sha256(later.encode()).hexdigest()
    stored = b"".join(path.read_bytes() for path in Path(box.settings.box_home).rglob("*") if path.is_file())
    logged = "".join(str(vars(record)) for record in caplog.records)
    for secret in (key, later, ADMIN):
        assert secret.encode() not in stored
        assert secret not in logged
    done = [record for record in caplog.records if getattr(record, "action", "").startswith("key_")]
    assert [(each.action, each.owner, each.admin) for each in done] == [
        ("key_made", "ann", "ops"),
        ("key_made", "ann", "ops"),
        ("key_removed", "ann", "ops"),
    ]


def test_a_new_key_replaces_all_others(admin, raw):
    old = [admin.post("owners", json={"name": "ann"}).json()["key"] for _ in range(2)]
    assert [status(raw, key) for key in old] == [200, 200]
    new = admin.post("owners/ann/rotate").json()["key"]
    assert [status(raw, key) for key in (*old, new)] == [401, 401, 200]


def test_one_key_of_several_is_removed(admin, raw):
    first, second = (admin.post("owners", json={"name": "ann"}).json() for _ in range(2))
    removed = admin.delete(f"owners/ann/keys/{first['id']}").json()
    assert removed == {"id": "ann", "object": "owner.deleted", "deleted": True, "keys": [first["id"]]}
    assert [status(raw, each["key"]) for each in (first, second)] == [401, 200]


def test_a_removed_owner_leaves_everything_and_finds_it_again(admin, raw):
    key = admin.post("owners", json={"name": "ann"}).json()["key"]
    thread = raw.post("/v1/threads", headers={"api-key": key}).json()["id"]
    assert admin.delete("owners/ann").json()["deleted"]
    assert status(raw, key) == 401
    assert [each["name"] for each in admin.get("owners").json()["data"]] == ["me", "other"]
    key = admin.post("owners", json={"name": "ann"}).json()["key"]
    assert status(raw, key, f"/v1/threads/{thread}") == 200


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "_keys", "x" * 64, "ä"])
def test_a_name_that_cannot_be_an_owners_is_refused(admin, box, name):
    refused = admin.post("owners", json={"name": name})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "name"
    assert rows(box) == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "owners", {"name": "me"}), ("POST", "owners/me/rotate", None), ("DELETE", "owners/me", None)],
)
def test_owners_of_the_settings_cannot_be_changed(admin, raw, method, path, body):
    refused = admin.request(method, path, json=body)
    assert refused.status_code == 400
    assert refused.json()["error"]["message"].startswith("The key of me is in BOX_API_KEYS ")
    assert status(raw, KEY) == 200


def test_what_is_not_there_cannot_be_changed(admin):
    admin.post("owners", json={"name": "ann"})
    for method, path in (("POST", "owners/ben/rotate"), ("DELETE", "owners/ben"), ("DELETE", "owners/ann/keys/key_x")):
        assert admin.request(method, path).status_code == 404
    assert admin.delete("owners/ann/keys/key_x").json()["error"]["message"] == "No key found with id 'key_x'."


def test_an_owner_has_only_so_many_keys(admin):
    for _ in range(KEYS_OF_OWNER):
        assert admin.post("owners", json={"name": "ann"}).status_code == 200
    assert admin.post("owners", json={"name": "ann"}).json()["error"]["code"] == "too_many_keys"
    assert admin.post("owners/ann/rotate").status_code == 200
    assert len(admin.get("owners").json()["data"][0]["keys"]) == 1


# -- in other processes ----------------------------------------------------------------------------------------------


@pytest.fixture
def sibling(box, settings):
    """Another process with the same storage."""
    other = Box(box.settings.box_home, settings)
    other.start()
    yield other
    other.stop()


def test_a_key_made_by_one_process_opens_the_others_and_stops_in_seconds(admin, raw, sibling):
    with below(sibling.url) as there:
        made = [admin.post("owners", json={"name": "ann"}).json() for _ in range(2)]
        keys = [each["key"] for each in made]
        sibling.clock.advance(LOOK_AGAIN)
        assert [status(there, key) for key in keys] == [200, 200]
        admin.delete(f"owners/ann/keys/{made[0]['id']}")
        assert status(raw, keys[0]) == 401
        sibling.clock.advance(FRESH)
        assert [status(there, key) for key in keys] == [401, 200]


def counted(box):
    """The partitions of every read from now on."""
    read = []

    async def scan(own: Any, partition: str, *arguments: Any, **more: Any) -> Any:
        read.append(partition)
        return await own(partition, *arguments, **more)

    box.deps.store.replace(scan=scan)
    return read


def test_guesses_cost_hardly_a_read_and_known_keys_none(admin, box, raw):
    key = admin.post("owners", json={"name": "ann"}).json()["key"]
    assert status(raw, key) == 200
    read = counted(box)
    assert {status(raw, f"box-{number:043}", "/v1/nothing") for number in range(50)} == {401}
    assert read.count("_keys") <= 3  # this test does not take long
    read.clear()
    assert {status(raw, each, "/v1/nothing") for each in (KEY, OTHER_KEY, key) for _ in range(5)} == {404}
    assert {status(raw, f"sk-{number}", "/v1/nothing") for number in range(5)} == {401}
    assert read == []
    box.clock.advance(FRESH)
    assert [status(raw, each, "/v1/nothing") for each in (key, key)] == [404, 404]
    assert read == ["_keys"]


def test_a_box_whose_clock_is_put_back_forgets_removed_keys_all_the_same(admin, raw, sibling):
    with below(sibling.url) as there:
        key = admin.post("owners", json={"name": "ann"}).json()["key"]
        sibling.clock.advance(LOOK_AGAIN)
        assert status(there, key) == 200
        admin.delete("owners/ann")
        sibling.clock.advance(-3600)
        assert status(there, key) == 401


def test_without_the_storage_nobody_new_is_let_in_and_nobody_is_called_a_stranger(admin, box, raw):
    key = admin.post("owners", json={"name": "ann"}).json()["key"]
    assert status(raw, key) == 200
    reads = 0

    async def scan(own: Any, partition: str, *arguments: Any, **more: Any) -> Any:
        nonlocal reads
        if partition == "_keys":
            reads += 1
            raise Unavailable("away")
        return await own(partition, *arguments, **more)

    box.deps.store.replace(scan=scan)
    assert status(raw, KEY) == status(raw, key) == 200
    box.clock.advance(FRESH)
    assert [status(raw, key, "/v1/nothing") for _ in range(5)] == [503] * 5
    assert status(raw, KEY) == 200
    assert reads <= 2, "a failure is remembered for a moment"
    box.deps.store.replace()
    box.clock.advance(LOOK_AGAIN)
    assert status(raw, key) == 200


# -- administrators --------------------------------------------------------------------------------------------------

PATHS = ["owners", "owners/ann/rotate", "nothing", "", "import"]


def test_an_administrators_key_opens_no_owners_objects(raw):
    for path in ("/v1/threads", "/v1/nothing", "/v1/models", "/openai/threads", "/v1//threads", "/v1/administrators"):
        refused = raw.get(path, headers={"api-key": ADMIN})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "insufficient_permissions")
        assert "Use an owner's key here." in refused.json()["error"]["message"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("prefix", ["/v1", "/openai", "/openai/v1", "/v1/"])
def test_an_owners_key_opens_no_administrators_routes(raw, admin, path, prefix):
    made = admin.post("owners", json={"name": "ann"}).json()["key"]
    for key in (KEY, made):
        refused = raw.get(f"{prefix}/admin/{path}", headers={"api-key": key})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "insufficient_permissions")
        assert "BOX_ADMIN_KEYS" in refused.json()["error"]["message"]


def test_a_stranger_is_told_which_key_is_wanted(raw):
    wrong = raw.get("/v1/admin/owners", headers={"api-key": "sk-wrong"})
    assert wrong.status_code == 401
    assert wrong.json()["error"]["message"] == (
        "Incorrect API key provided: sk-***. Routes below /v1/admin take a key of the setting BOX_ADMIN_KEYS."
    )
    assert raw.get("/v1/admin/owners").status_code == 401
    azure = raw.get("/openai/admin/owners", headers={"api-key": "sk-wrong"})
    assert (azure.status_code, azure.json()["error"]["code"]) == (401, "401")


def test_both_keys_together_are_each_used_where_it_belongs(raw):
    both = {"Authorization": f"Bearer {ADMIN}", "api-key": KEY}
    assert raw.get("/v1/threads", headers=both).status_code == 200
    assert raw.get("/v1/admin/owners", headers=both).status_code == 200


@pytest.mark.parametrize("settings", [{}])
@pytest.mark.parametrize("key", [KEY, ADMIN, ""])
@pytest.mark.parametrize("path", PATHS)
def test_without_administrators_there_are_no_such_routes(raw, path, key):
    refused = raw.get(f"/v1/admin/{path}", headers={"api-key": key})
    assert (refused.status_code, refused.json()["error"]["message"]) == (404, f"Invalid URL (GET /v1/admin/{path})")
    assert not any("/admin" in each for each in raw.get("/v1/openapi.json").json()["paths"])


def test_the_routes_are_described(raw):
    paths = raw.get("/v1/openapi.json").json()["paths"]
    described = {path: [*operations] for path, operations in paths.items() if path.startswith("/v1/admin")}
    assert described["/v1/admin/owners"] == ["get", "post"]
    answer = paths["/v1/admin/owners"]["post"]["responses"]["200"]["content"]["application/json"]
    assert json.dumps(answer["example"]).count("box-") == 1
