"""Nothing is loaded on the event loop once foreign code runs beside the box."""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from shared import preload
from shared.config import Settings
from shared.sandbox.base import SandboxUnavailable
from shared.sandbox.disabled import RefusedSandbox
from shared.sandbox.fallback import FirstSandbox

ROOT = Path(__file__).parent.parent.parent
EVERYTHING = Settings(
    _env_file=None,
    azure_openai_endpoint="https://example.invalid",
    entra_owners="ann=0",
    AzureWebJobsStorage="UseDevelopmentStorage=true",
)
NOTHING = Settings(_env_file=None)
#: File -> why what it loads late needs no preloading.
EXCUSED = {
    "shared/api/app.py": "the box is built with its routes before it runs",
    "shared/app.py": "the box is built from its adapters before it runs",
    "shared/cli/client.py": "a program of its own",
    "shared/sandbox/aca/rest.py": "code runs on other machines",
    "shared/sandbox/aca/program.py": "code runs on other machines",
    "shared/sandbox/inside/box_cells.py": "runs inside",
    "shared/sandbox/inside/box_charts.py": "runs inside",
    "shared/sandbox/local/uids.py": "built into Python or tiny, and used before the first session",
    "shared/search/parsing/text.py": "runs in a process of its own",
    "shared/search/parsing/pdf.py": "runs in a process of its own",
    "shared/search/parsing/child.py": "runs in a process of its own",
    "shared/settings/environment.py": "settings are read before there is a box",
    "shared/telemetry/choice.py": "telemetry is set up with the box, before it runs",
    "shared/telemetry/setup.py": "telemetry is set up with the box, before it runs",
    "shared/tools/catalog.py": "tools are made with the box, before it runs",
    "shared/tools/yahoo.py": "runs in threads of its own",
}


def loaded_late(path: Path) -> set[str]:
    """Modules that are imported inside functions."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, functions)]
    found = set()
    for node in (inner for body in bodies for inner in ast.walk(body)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "shared.search":
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_whatever_is_loaded_late_on_the_event_loop_is_preloaded():
    listed = [*preload.modules(EVERYTHING), *preload.modules(NOTHING)]
    for path in sorted((ROOT / "shared").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for module in loaded_late(path) if name not in EXCUSED else ():
            above = any(each == module or each.startswith(f"{module}.") for each in listed)
            assert above or module.startswith(("jwt", "lxml")), f"{name} loads {module}"


def test_a_box_without_a_model_or_azure_preloads_neither():
    assert not {"openai", "azure.core.exceptions", "jwt"} & {*preload.modules(NOTHING)}


async def test_no_session_begins_before_the_modules_are_loaded_and_a_start_loads_none():
    told = []

    def load() -> None:
        time.sleep(0.2)
        told.append("loaded")

    class Proven(RefusedSandbox):
        async def self_test(self) -> None:
            told.append("proven")

        def session(self, key):
            told.append("session")
            return super().session(key)

    sandbox = FirstSandbox([Proven("a double")], load)
    with suppress(SandboxUnavailable):  # the double cannot help being what it is
        await sandbox.self_test()
    await asyncio.sleep(0.3)
    assert told == ["proven"]
    with pytest.raises(SandboxUnavailable, match="a double"):
        async with sandbox.session("key"):
            pass
    await sandbox.close()
    assert told == ["proven", "loaded", "session"]


#: What a box does on its event loop; run in a process that has loaded nothing else.
USE = """
import asyncio, sys, threading
from contextlib import suppress
from pathlib import Path
from pydantic import SecretStr
from shared import preload
from shared.app import build
from shared.config import Settings
from shared.search.base import Chunk, Embedded, Ranking, Scope, given
from shared.tools.base import ToolContext

NOWHERE, KEY = "http://127.0.0.1:1/v1", SecretStr("key")
settings = Settings(
    _env_file=None, box_home=Path(sys.argv[1]), box_api_keys={"ann": KEY}, openai_base_url=NOWHERE, openai_api_key=KEY,
    rest_countries_url=NOWHERE, rest_countries_key=KEY,
)
late = []

class Watcher:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is threading.main_thread():
            late.append(name)

async def use(deps):
    with suppress(Exception):
        await deps.llm.models()
    with suppress(Exception):
        await deps.embedders.preferred()
    context = ToolContext("call_1", "ann", "thread_1", "run_1")
    assert "did not answer" in await deps.toolbox["get_country_info"].run('{"country": "Norway"}', context)
    chunks, embedded = [Chunk("some words")], Embedded("two", [[1.0, 0.0]])
    await deps.index.add("vs_1", "file_1", chunks, embedded)
    assert await deps.index.search([Scope("vs_1")], ["words"], 1, Ranking(), given(embedded))

async def main():
    box = build(settings)
    if sys.argv[2] == "preload":
        await asyncio.to_thread(preload.load, settings)
    sys.meta_path.insert(0, Watcher())
    await use(box.deps)
    sys.meta_path.pop(0)
    await box.close()
    print(*(name for name in late if name in sys.modules))

asyncio.run(main())
"""


def used(home: Path, how: str) -> list[str]:
    """The modules that a box loaded on its event loop."""
    command = [sys.executable, "-c", USE, home, how]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout.split()


def test_a_box_in_use_loads_nothing_more_on_its_event_loop(tmp_path):
    assert used(tmp_path, "preload") == []
    assert {"openai", "httpcore2", "numpy"} <= {*used(tmp_path, "late")}
