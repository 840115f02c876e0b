"""Moving in and out on a storage account (Azurite): killed between any two writes, throttled, with answers lost."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests import azurite as emulator
from tests.api.moved import Died, a_story, box_program, come, content_of, dead_after, leave, opened_box, walk, written
from tests.contract.conftest import azurite_installed  # noqa: F401  a fixture
from tests.contract.faults import answer_cut, answer_lost, answers, never_sent, proxy_to

#: What an account that is asked too often says, and networks do.
FAULTS = (answers(503, "ServerBusy"), answer_lost, answers(429, "TooManyRequests"), never_sent, answer_cut)


@pytest.fixture(scope="module")
def ports(azurite_installed, tmp_path_factory):  # noqa: F811
    with emulator.serving(tmp_path_factory.mktemp("azurite")) as ports:
        yield ports


@pytest.fixture(scope="module")
def account(ports):
    return emulator.connection_string(ports)


@pytest.fixture
def source(tmp_path):
    return written(tmp_path / "source", a_story())


@pytest.fixture
async def wanted(tmp_path, source):
    """What a client sees after an import that nothing disturbed."""
    async with opened_box(tmp_path / "whole") as (box, client):
        await come(box, source)
        return await walk(client)


@pytest.mark.long
def test_the_program_moves_in_and_out_of_a_storage_account(tmp_path, account, source):
    keys = {"BOX_API_KEYS": '{"me": "key-of-mine-0123456789"}'}
    for place, setting in (("here", ""), ("there", account)):
        settings = {"AzureWebJobsStorage": setting, **keys}
        came = box_program(tmp_path / place, "import", str(source), "--yes", **settings)
        assert came.stdout.splitlines()[-2:] == ["    100 messages came", "      1 runs came"], came.stderr
        left = box_program(tmp_path / place, "export", str(tmp_path / f"out-{place}"), **settings)
        assert left.returncode == 0, left.stderr
    assert content_of(tmp_path / "out-here") == content_of(tmp_path / "out-there")


@pytest.mark.long
@pytest.mark.parametrize("applied", [False, True])
async def test_an_import_that_dies_in_any_commit_ends_the_same(tmp_path, account, source, wanted, applied):
    for deaths in itertools.count():
        owner = f"dies{deaths}{applied}"
        try:
            async with opened_box(tmp_path / owner, owner, azure=account) as (box, _):
                await dead_after(box, deaths, applied)
                await come(box, source, owner=owner)
            break
        except Died:
            async with opened_box(tmp_path / owner, owner, azure=account) as (box, client):
                await come(box, source, owner=owner)
                again = await come(box, source, owner=owner)
                assert {outcome for _, outcome in +again.counts} == {"same"}
                assert await walk(client) == wanted
    assert deaths >= 8


@pytest.mark.long
async def test_a_busy_account_and_a_bad_network_lose_nothing(tmp_path, ports, source, wanted):
    async with (
        troubled(ports, every=7) as account,
        opened_box(tmp_path / "box", "busy", azure=account) as (box, client),
    ):
        report = await come(box, source, owner="busy")
        assert {outcome for _, outcome in +report.counts} == {"new"}, report.remarks
        assert await walk(client) == wanted
        await leave(box, tmp_path / "out", owner="busy")
    async with opened_box(tmp_path / "two") as (box, client):
        await come(box, tmp_path / "out")
        assert await walk(client) == wanted


@asynccontextmanager
async def troubled(ports: dict[str, int], every: int) -> AsyncIterator[str]:
    """The account's connection string, with one request in so many meeting a fault."""
    faults, count = itertools.cycle(FAULTS), itertools.count(1)
    async with AsyncExitStack() as stack:
        before = {}
        for name, port in ports.items():
            proxy, endpoint = await stack.enter_async_context(proxy_to(f"http://127.0.0.1:{port}"))
            proxy.choose = lambda: next(faults) if next(count) % every == 0 else None
            before[name] = int(endpoint.rpartition(":")[2])
        yield emulator.connection_string(before)
