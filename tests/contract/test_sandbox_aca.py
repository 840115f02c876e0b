"""What is special about sessions in Azure: tokens, limits of the service, and sessions that vanish with their files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

from shared.app import code_sandbox
from shared.config import Settings
from shared.sandbox.aca.rest import SCOPE, SessionPool
from shared.sandbox.aca.sandbox import AcaSandbox
from shared.sandbox.base import FileRefused, SandboxBusy, SandboxUnavailable, session_key
from shared.sandbox.local.sandbox import LocalSandbox
from tests.fakes.dynamic_sessions import AUDIENCE, DynamicSessions, token
from tests.fakes.sandboxes import home_for_anybody, isolator

KEY = session_key(b"secret", "ann", "thread_1")


@dataclass
class Azure:
    """A pool, its clock, and the identity of the box."""

    home: Path
    now: float = 1000.0
    audience: str = AUDIENCE
    identity: str = "executor"
    pool: DynamicSessions = field(init=False)

    async def token(self) -> str:
        return token(self.audience, self.identity)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[AcaSandbox]:
        behind = LocalSandbox(self.home / "sandbox", isolator("bwrap"))
        self.pool = DynamicSessions(behind, clock=lambda: self.now, cooldown=300, upload_limit=1024)
        async with self.pool.serving() as endpoint:
            sandbox = AcaSandbox(SessionPool(endpoint + "/", self.token, patience=2), grace=2)
            yield sandbox
            await sandbox.close()
        await behind.close()

    def executions(self) -> int:
        return self.pool.requests.count("POST /code/execute")


@pytest.fixture
def azure() -> Iterator[Azure]:
    with home_for_anybody() as home:
        yield Azure(home)


@pytest.fixture
async def sandbox(azure) -> AsyncIterator[AcaSandbox]:
    async with azure.serving() as sandbox:
        yield sandbox


@pytest.fixture
async def session(sandbox):
    async with sandbox.session(KEY) as session:
        yield session


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def test_tokens_are_asked_for_the_services_audience():
    assert SCOPE == AUDIENCE + "/.default"


async def test_a_token_for_another_service_is_refused_with_the_role_that_is_needed(azure, session):
    azure.audience = "https://management.azure.com"
    with pytest.raises(SandboxUnavailable, match="Azure ContainerApps Session Executor"):
        await session.run("1")


async def test_an_identity_without_the_role_is_told_which(azure, sandbox):
    azure.identity = "somebody else"
    with pytest.raises(SandboxUnavailable, match="Azure ContainerApps Session Executor"):
        await sandbox.self_test()


@pytest.mark.parametrize("status", [404, 429, 503])
async def test_a_full_or_busy_pool_is_asked_again(azure, session, status):
    azure.pool.failures = [status]
    assert (await session.run("6 * 7")).result == "42"


async def test_a_pool_that_stays_full_is_busy(azure, session):
    azure.pool.failures = [404] * 100
    with pytest.raises(SandboxBusy, match="Try again later"):
        await session.run("1")
    azure.pool.failures = []
    assert not (await session.run("1")).fresh, "nothing had run that could be lost"


async def test_code_that_may_have_run_is_not_run_again(azure, session):
    azure.pool.failures = [500]
    with pytest.raises(SandboxUnavailable, match="status 500"):
        await session.run("1")
    assert azure.executions() == 1


async def test_a_listing_that_failed_is_asked_again(azure, session):
    azure.pool.failures = [500, 502]
    assert await session.list_files() == []


async def test_a_pool_that_is_not_there_is_unavailable():
    async def permitted() -> str:
        return token()

    sandbox = AcaSandbox(SessionPool("http://127.0.0.1:9/nowhere", permitted, patience=0.3))
    with pytest.raises(SandboxUnavailable, match="did not answer"):
        await sandbox.self_test()
    await sandbox.close()


@pytest.mark.parametrize("failure", [ClientAuthenticationError, ServiceRequestError])
async def test_an_identity_without_a_token_is_unavailable(monkeypatch, failure):
    async def get_token(self, *scopes):
        raise failure("no endpoint for tokens")

    monkeypatch.setattr("azure.identity.aio.DefaultAzureCredential.get_token", get_token)
    sandbox = AcaSandbox(SessionPool.for_identity("http://127.0.0.1:9/nowhere", ""))
    with pytest.raises(SandboxUnavailable, match="no identity"):
        await sandbox.self_test()
    await sandbox.close()


async def test_a_session_that_idled_too_long_is_gone_with_its_files(azure, session):
    await session.put_file("in.csv", pieces(b"a"))
    await session.run("x = 1")
    azure.now += 299
    assert await session.holds("in.csv")
    azure.now += 301
    assert not await session.holds("in.csv"), "so the caller uploads it again"
    result = await session.run("'x' in globals()")
    assert (result.result, result.fresh) == ("False", True)
    assert not (await session.run("1")).fresh


async def test_output_and_values_longer_than_the_services_answer_come_whole(session):
    result = await session.run("print('é' * 20_000)\n'v' * 10_000")
    assert result.logs == "é" * 20_000 + "\n"
    assert result.result == repr("v" * 10_000)
    assert [file.name for file in await session.list_files()] == [], "the reply is no file of the thread"
    assert (await session.run("import os\nos.listdir('/mnt/data')")).result == "[]"


async def test_output_of_child_processes_is_not_lost(session):
    result = await session.run("import subprocess\nsubprocess.run(['echo', 'from a child'])\nprint('from here')")
    assert sorted(result.logs.split("\n")) == ["", "from a child", "from here"]


async def test_the_output_of_children_may_be_longer_than_the_services_answer(session):
    result = await session.run("import subprocess\nsubprocess.run(['seq', '3000'])\nprint('from here')\n6 * 7")
    assert (result.status, result.result) == ("ok", "42")
    assert "from here" in result.logs
    assert "\n99\n100\n" in result.logs


async def test_a_crash_is_not_taken_for_the_call_before(session):
    assert (await session.run("print('x' * 5000)\n6 * 7")).result == "42"
    result = await session.run("import os\nos._exit(7)")
    assert (result.status, result.result, result.reason) == ("killed", None, "crash")


@pytest.mark.parametrize("text", ["<html>maintenance</html>", "[]", "null"])
async def test_an_answer_that_is_none_of_a_pool_is_unavailable(azure, session, text):
    azure.pool.texts = [text]
    with pytest.raises(SandboxUnavailable, match="not the one of a session pool"):
        await session.run("1")


async def test_folders_in_a_listing_are_no_files(azure, session):
    folder = '{"properties": {"filename": "out", "size": null}}'
    azure.pool.texts = [f'{{"value": [{folder}, {{"properties": {{"filename": "a.csv", "size": 3}}}}]}}']
    assert [file.name for file in await session.list_files()] == ["a.csv"]


async def test_an_upload_that_the_service_refuses_is_refused(session):
    with pytest.raises(FileRefused, match="too large"):
        await session.put_file("big.bin", pieces(bytes(2000)))


async def test_a_long_time_out_stays_below_the_services_own(session):
    assert (await session.run("6 * 7", timeout=10_000)).result == "42"


async def test_a_call_that_ignores_its_time_costs_the_session(azure, session):
    stubborn = "import signal\nfor n in (2, 14): signal.signal(n, signal.SIG_IGN)\nwhile True: pass"
    result = await session.run(stubborn, timeout=1)
    assert result.status == "timeout"
    assert azure.pool.requests[-1] == "DELETE /session"
    assert not any("content" in request for request in azure.pool.requests)
    assert (await session.run("6 * 7")).result == "42"


@pytest.mark.parametrize(
    "forged",
    [
        'box-reply:{"status": "ok", "result": "forged"}',
        'box-reply:0123456789abcdef{"status": "ok", "result": "forged"}',
    ],
)
async def test_a_reply_that_the_code_prints_is_output_like_any_other(session, forged):
    result = await session.run(f"print({forged!r})\n'honest'")
    assert (result.result, result.logs) == ("'honest'", forged + "\n")


async def test_a_reply_made_of_nonsense_is_cut_to_size(session):
    """Code can take our program over; all it gains is a strange answer."""
    result = await session.run(
        "import sys\n"
        "remote = sys.modules['box_remote'].Remote\n"
        "remote.run = lambda self, code: {'status': [], 'logs': 7, 'result': 'x' * 10**6, 'images': ['?', 5, 'R0lG'],\n"
        "    'files': [['../up', 1], ['ok.txt', 2], ['neg', -1], 'no', ['a', 'b']], 'timed_out': 'yes'}\n"
    )
    result = await session.run("1")
    assert (result.status, result.logs, result.images) == ("error", "", ())
    assert [file.name for file in result.files] == ["ok.txt"]
    assert len(result.result or "") == 32_768


async def test_a_reply_that_would_fill_the_memory_is_not_read(session):
    """Eight bytes of text become a hundred of objects."""
    await session.run("import sys\nsys.modules['box_remote'].Remote.run = lambda *each: {'x': [[]] * 2_000_000}")
    result = await session.run("1")
    assert (result.status, result.reason) == ("killed", "crash")


async def test_a_deleted_thread_deletes_its_session(azure, sandbox):
    async with sandbox.session(KEY) as session:
        await session.run("1")
    await sandbox.evict(KEY)
    await sandbox.evict(KEY)
    assert azure.pool.requests.count("DELETE /session") == 2


async def test_the_settings_of_a_deployment_make_this_sandbox():
    settings = Settings(_env_file=None, sandbox="aca", sandbox_pool_endpoint="https://region.dynamicsessions.io/pool")
    sandbox = code_sandbox(settings)
    assert (sandbox.info.name, sandbox.info.isolation) == ("aca", "hyperv")
    await sandbox.close()
