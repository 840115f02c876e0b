"""A box that nobody may call says so: a deployment that missed its hooks has no keys."""

from __future__ import annotations

import time

import pytest
from pydantic import SecretStr

from shared.api.auth import Callers
from shared.config import Settings
from shared.errors import Unauthorized

ALICE = {"entra_owners": "alice=00000000-0000-0000-0000-000000000001", "entra_tenant_id": "home"}


@pytest.mark.parametrize(("azure", "code"), [(False, "invalid_api_key"), (True, "401")])
@pytest.mark.parametrize("headers", [[], [(b"authorization", b"Bearer sk-any")], [(b"api-key", b"sk-any")]])
async def test_without_callers_everybody_is_told_what_is_missing(caplog, azure, code, headers):
    callers = Callers(Settings(_env_file=None, box_api_keys={}), time.time)
    assert [record.action for record in caplog.records] == ["nobody_may_call"]
    with pytest.raises(Unauthorized, match=r"^Nobody may call this box: .* `azd provision` makes a key") as refused:
        await callers.owner(headers, azure=azure)
    assert (refused.value.status, refused.value.code) == (401, code)


@pytest.mark.parametrize("settings", [{"box_api_keys": {"me": SecretStr("sk-1")}}, ALICE])
async def test_with_callers_a_stranger_is_told_of_the_key(caplog, settings):
    callers = Callers(Settings(_env_file=None, **settings), time.time)
    assert caplog.records == []
    with pytest.raises(Unauthorized, match="Incorrect API key provided"):
        await callers.owner([(b"api-key", b"sk-2")], azure=False)
