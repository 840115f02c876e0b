"""What seals secrets: by a key in a file, and by a key of a vault that wraps data keys."""

from __future__ import annotations

import asyncio
import stat
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from shared.app import sealing
from shared.config import Settings
from shared.sealing.base import KeyUnavailable, NotOpened
from shared.sealing.key_file import KeyFile
from shared.sealing.key_vault import KEPT_SECONDS, KeyVault
from tests.fakes.key_vault import TOKEN, FakeVault

SECRET = "Bearer of-somebody"


@pytest.fixture
async def vault():
    vault = FakeVault()
    await vault.start()
    yield vault
    await vault.stop()


@asynccontextmanager
async def identity():
    async def get_token(scope):
        assert scope == "https://vault.azure.net/.default"
        return SimpleNamespace(token=TOKEN)

    yield SimpleNamespace(get_token=get_token)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["file", "vault"])
def process(request, vault, tmp_path, clock):
    """Makes what seals, as each process has its own."""
    if request.param == "file":
        return lambda: KeyFile(tmp_path / "sealing_key")
    return lambda: KeyVault(vault.url, identity, clock)


async def test_what_one_process_seals_another_opens(process):
    sealed = await process().seal(SECRET, "me\nweather")

    assert await process().open(sealed, "me\nweather") == SECRET
    assert "somebody" not in sealed


async def test_what_is_sealed_opens_nowhere_else_and_not_when_it_was_changed(process):
    sealed = await process().seal(SECRET, "me\nweather")

    other = "A" if sealed[-5] != "A" else "B"
    wrong = (f"{sealed[:-5]}{other}{sealed[-4:]}", "file.x.y", "vault.x", "", "file..", sealed.partition(".")[0])
    for place, text in [("other\nweather", sealed), *(("me\nweather", each) for each in wrong)]:
        with pytest.raises(NotOpened):
            await process().open(text, place)


async def test_the_same_secret_is_never_sealed_alike(process):
    one = process()

    assert await one.seal(SECRET, "x") != await one.seal(SECRET, "x")


async def test_processes_that_begin_together_make_one_key_file(tmp_path):
    processes = [KeyFile(tmp_path / "sealing_key") for _ in range(8)]

    sealed = await asyncio.gather(*(asyncio.to_thread(asyncio.run, each.seal(SECRET, "x")) for each in processes))

    assert [await processes[0].open(each, "x") for each in sealed] == [SECRET] * 8
    assert [path.name for path in tmp_path.iterdir()] == ["sealing_key"]
    assert stat.S_IMODE((tmp_path / "sealing_key").stat().st_mode) == 0o600


async def test_without_its_key_file_nothing_opens(tmp_path):
    sealed = await KeyFile(tmp_path / "sealing_key").seal(SECRET, "x")
    (tmp_path / "sealing_key").unlink()

    with pytest.raises(NotOpened):
        await KeyFile(tmp_path / "sealing_key").open(sealed, "x")
    await KeyFile(tmp_path / "sealing_key").seal(SECRET, "x")
    with pytest.raises(NotOpened):
        await KeyFile(tmp_path / "sealing_key").open(sealed, "x")


@pytest.mark.parametrize("content", ["", "abc", "00" * 16, "é"])
async def test_a_file_that_is_no_key_is_told_and_left_alone(tmp_path, content):
    (tmp_path / "sealing_key").write_text(content)

    for _ in range(2):
        with pytest.raises(KeyUnavailable):
            await KeyFile(tmp_path / "sealing_key").seal(SECRET, "x")
    assert (tmp_path / "sealing_key").read_text() == content


async def test_a_vault_is_asked_once_in_minutes(vault, clock):
    one, two = KeyVault(vault.url, identity, clock), KeyVault(vault.url, identity, clock)
    sealed = [await one.seal(SECRET, "x") for _ in range(5)]
    for each in sealed:
        assert await one.open(each, "x") == await two.open(each, "x") == SECRET
    assert vault.asked == ["get", "wrapkey", "unwrapkey"]

    clock.now += KEPT_SECONDS
    assert await two.open(sealed[0], "x") == SECRET
    assert vault.asked[3:] == ["unwrapkey"]


async def test_a_rotated_key_opens_what_its_older_versions_sealed(vault, clock):
    box = KeyVault(vault.url, identity, clock)
    before = await box.seal(SECRET, "x")
    old = vault.newest
    vault.rotate()
    clock.now += KEPT_SECONDS
    after = await box.seal(SECRET, "x")

    assert (before.split(".")[1], after.split(".")[1]) == (old, vault.newest)
    assert await box.open(before, "x") == await box.open(after, "x") == SECRET

    del vault.versions[old]
    clock.now += KEPT_SECONDS
    with pytest.raises(KeyUnavailable, match="not this version"):
        await box.open(before, "x")


@pytest.mark.parametrize(("status", "told"), [(401, "identity"), (403, "roles"), (404, "has no key"), (418, "418")])
async def test_a_vault_that_refuses_is_told(vault, status, told):
    vault.status = [status]

    with pytest.raises(KeyUnavailable, match=told):
        await KeyVault(vault.url, identity).seal(SECRET, "x")
    assert await KeyVault(vault.url, identity).seal(SECRET, "x")


async def test_a_vault_that_is_busy_is_asked_again(vault):
    vault.status = [429, 503]

    assert await KeyVault(vault.url, identity).seal(SECRET, "x")
    assert vault.asked == ["get", "get", "get", "wrapkey"]


async def test_a_vault_that_is_away_is_told(vault):
    await vault.stop()

    with pytest.raises(KeyUnavailable, match="did not answer"):
        await KeyVault(vault.url, identity).seal(SECRET, "x")


def test_the_settings_say_who_has_the_key(tmp_path):
    def chosen(**said):
        return sealing(Settings(_env_file=None, box_home=tmp_path, **said))

    assert isinstance(chosen(), KeyFile)
    assert isinstance(chosen(key_vault_url="https://x.vault.azure.net/"), KeyVault)
    assert chosen(AzureWebJobsStorage="UseDevelopmentStorage=true") is None
    with pytest.raises(ValueError, match="KEY_VAULT_URL"):
        chosen(key_vault_url="http://x.vault.azure.net")
