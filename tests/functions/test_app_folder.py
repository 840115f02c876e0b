"""Nothing is written into the app's folder while it runs: the Functions host would restart and drop requests."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from openai import AsyncOpenAI

from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses
from tests.fakes.sandboxes import has_libraries, isolator
from tests.functions.conftest import ROOT, Host, Served, serving
from tests.functions.test_sdk import KEY, PATIENCE, model  # noqa: F401  a fixture
from tests.functions.watching import Watch, watching

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")

#: What a model may come to write, and what the host reacts to: its own files' names, new folders, caches.
PROGRAMS = {
    "arithmetic": "1 + 1",
    "the host's own names": "for name in ('host.json', 'app_offline.htm'): open('/mnt/data/' + name, 'w').write('{}')",
    "folders": "import os; os.makedirs('/mnt/data/a/b'); open('/mnt/data/a/b/c.txt', 'w').write('c')",
    "a module": "import sys; sys.path.insert(0, '/mnt/data')\n"
    "open('/mnt/data/mine.py', 'w').write('x = 1'); import mine; print(mine.x)",
    "a child": "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import decimal'], check=True)",
    "temporary files": "import tempfile; tempfile.NamedTemporaryFile().write(b'x')",
    "a table and a chart": "import pandas, matplotlib.pyplot as plt\n"
    "pandas.DataFrame({'a': [1, 2]}).to_csv('/mnt/data/table.csv'); plt.plot([1, 2]); plt.show()",
    "an error": "1 / 0",
    "the end of the interpreter": "import os; os._exit(1)",
}
#: What walls are for.
HOSTILE = {"caches after all": "import sys; sys.dont_write_bytecode = False; import matplotlib.pyplot, pandas, sympy"}


@pytest.fixture(scope="module", params=["bwrap", "landlock", "unsafe-subprocess"])
def tier(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if name != "unsafe-subprocess" and not has_libraries(isolator(name)):
        pytest.skip("the box's own Python is out of reach for a session's user")
    return name


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, tier: str) -> Path:
    """The app as it is deployed, without caches."""
    folder = tmp_path_factory.mktemp("app")
    for file in ("function_app.py", "host.json"):
        shutil.copy(ROOT / file, folder)
    shutil.copytree(ROOT / "shared", folder / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def served(app: Path, tier: str, azurite: str, model: tuple[FakeResponses, str]) -> Iterator[Served]:  # noqa: F811
    environment = {
        "AzureWebJobsStorage": azurite,
        "BOX_API_KEYS": json.dumps({"me": KEY}),
        "OPENAI_BASE_URL": model[1],
        "OPENAI_API_KEY": "fake",
        "SANDBOX": tier,
        "TMPDIR": str(app.parent),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    with serving(app=app, **environment) as started:
        yield started


@pytest.fixture
def watch(app: Path, served: Served) -> Iterator[Watch]:
    with watching(app) as watch:
        yield watch


@pytest.fixture
async def client(host: Host, served: Served) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{served.url}/v1", api_key=KEY, timeout=PATIENCE) as client:
        yield client


async def test_code_leaves_the_app_alone(client: AsyncOpenAI, model, watch: Watch, tier: str):  # noqa: F811
    file = await client.files.create(file=("numbers.csv", b"a\n1\n2\n"), purpose="assistants")
    tools = [{"type": "code_interpreter"}]
    assistant = await client.beta.assistants.create(
        model="gpt-4o", tools=tools, tool_resources={"code_interpreter": {"file_ids": [file.id]}}
    )
    thread = await client.beta.threads.create(messages=[{"role": "user", "content": "Calculate."}])
    for name, code in (PROGRAMS if tier == "unsafe-subprocess" else HOSTILE | PROGRAMS).items():
        model[0].script(FakeTurn(calls=(("code_interpreter", json.dumps({"code": code})),)), FakeTurn(text=("Done.",)))
        stream = client.beta.threads.runs.stream(assistant_id=assistant.id, thread_id=thread.id)
        async with stream as events:
            await events.until_done()
        run = events.current_run
        assert (run.status, run.last_error) == ("completed", None), name
        assert watch.events() == [], name
    await client.beta.threads.delete(thread.id)
    assert watch.events() == []
    assert "ZeroDivisionError" in json.dumps(model[0].bodies), "the code was run"


async def test_reading_a_document_leaves_the_app_alone(client: AsyncOpenAI, watch: Watch):
    file = await client.files.create(file=("notes.txt", b"alpha beta"), purpose="assistants")
    store = await client.vector_stores.create()
    read = await client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=100)
    assert read.status == "completed"
    assert watch.events() == []


def test_the_watch_sees_what_the_host_would_see(tmp_path: Path):
    (tmp_path / "deep/er").mkdir(parents=True)
    with watching(tmp_path) as watch:
        assert watch.events() == []
        (tmp_path / "deep/er/host.json").write_text("{}")
        (tmp_path / "__pycache__").mkdir()
        assert {*watch.events()} == {"deep/er/host.json", "__pycache__"}
        (tmp_path / "deep/er/host.json").unlink()
        assert watch.events() == ["deep/er/host.json"]


async def test_a_home_below_the_app_is_refused_in_words(capfd: pytest.CaptureFixture[str]):
    with serving(BOX_API_KEYS=json.dumps({"me": KEY}), BOX_HOME=".box-of-a-test") as started:
        async with aiohttp.ClientSession(started.url) as http, http.get("/healthz") as answer:
            assert answer.status == 503
    assert "BOX_HOME: .box-of-a-test lies in the folder of the function app" in capfd.readouterr().err
    assert not (ROOT / ".box-of-a-test").exists()
