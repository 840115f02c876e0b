"""A box that nobody may call says so: a deployment that missed its hooks has no keys."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import SecretStr

from shared.api.auth import Callers
from shared.config import Settings
from shared.doctor.findings import State
from shared.doctor.settings import callers
from shared.errors import Unauthorized
from shared.sqlite import Database
from shared.store.sqlite import SqliteStore
from shared.stored_keys import StoredKeys, new_key

ALICE = {"entra_owners": "alice=00000000-0000-0000-0000-000000000001", "entra_tenant_id": "home"}
ADMINS = {"box_admin_keys": {"ops": SecretStr("sk-ops")}}


async def no_grant(token: str) -> Any:
    raise AssertionError(token)


async def no_check(grant: Any) -> None:
    raise AssertionError(grant)


@pytest.fixture
async def stored(tmp_path):
    store = SqliteStore(Database(tmp_path / "box.db"))
    yield StoredKeys(store, time.time)
    await store.close()


@pytest.mark.parametrize("settings", [{}, ADMINS])
@pytest.mark.parametrize(("azure", "code"), [(False, "invalid_api_key"), (True, "401")])
@pytest.mark.parametrize("headers", [[], [(b"authorization", b"Bearer sk-any")], [(b"api-key", b"sk-any")]])
async def test_without_callers_everybody_is_told_what_is_missing(caplog, stored, azure, code, headers, settings):
    callers = Callers(Settings(_env_file=None, box_api_keys={}, **settings), time.time, stored, no_grant, no_check)
    for _ in range(2):
        with pytest.raises(Unauthorized, match=r"^Nobody may call this box: .* `azd provision` makes a key") as refused:
            await callers.caller(headers, azure=azure)
        assert (refused.value.status, refused.value.code) == (401, code)
    assert [record.action for record in caplog.records] == ["nobody_may_call"]


@pytest.mark.parametrize("settings", [{"box_api_keys": {"me": SecretStr("sk-1")}}, ALICE])
async def test_with_callers_a_stranger_is_told_of_the_key(caplog, stored, settings):
    callers = Callers(Settings(_env_file=None, **settings), time.time, stored, no_grant, no_check)
    with pytest.raises(Unauthorized, match="Incorrect API key provided"):
        await callers.caller([(b"api-key", b"sk-2")], azure=False)
    assert caplog.records == []


async def test_a_key_in_the_store_is_enough_for_a_box_to_be_called(caplog, stored):
    made, key = new_key("ann", 0)
    await stored.change([made.put()])
    callers = Callers(Settings(_env_file=None, box_api_keys={}), time.time, stored, no_grant, no_check)
    assert await callers.caller([(b"api-key", key.encode())], azure=False) == ("ann", None)
    with pytest.raises(Unauthorized, match="Incorrect API key provided"):
        await callers.caller([(b"api-key", b"sk-2")], azure=False)
    assert caplog.records == []


def test_the_doctor_says_where_callers_may_be_all_the_same():
    found = callers(Settings(_env_file=None, AzureWebJobsStorage="UseDevelopmentStorage=true"))
    assert (found.state, "`owners list`" in found.words) == (State.WARNING, True)


def test_one_key_cannot_open_both_kinds_of_routes(stored):
    keys = {"box_api_keys": {"me": SecretStr("sk-ops")}}
    with pytest.raises(ValueError, match=r"^BOX_ADMIN_KEYS has a key of BOX_API_KEYS"):
        Callers(Settings(_env_file=None, **keys, **ADMINS), time.time, stored, no_grant, no_check)
