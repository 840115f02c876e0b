"""What the host learns when it indexes the app: the functions, their bindings, and which path leads to which."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from shared.functions_bridge import require_streams
from tests.api.test_gateway import PREFIXES
from tests.functions.conftest import ROOT, Host
from tests.functions.routes import compile_route, find

FAMILIES = ["admin", "approvals", "assistants", "client_tokens", "docs", "files", "front_door", "health", "messages",
            "models", "other_calls", "playground", "runs", "threads", "uploads", "vector_stores",
            "z_other"]  # fmt: skip
PATHS = {
    "GET /admin/owners": "admin",
    "DELETE /admin/owners/ann/keys/key_1": "admin",
    "GET /administrators": "z_other",
    "GET /approvals": "approvals",
    "POST /assistants": "assistants",
    "DELETE /assistants/asst_1": "assistants",
    "POST /client_tokens": "client_tokens",
    "DELETE /client_tokens/ctok_1": "client_tokens",
    "GET /docs": "docs",
    "GET /openapi.json": "docs",
    "POST /files": "files",
    "GET /files/file-1/content": "files",
    "POST /threads": "threads",
    "GET /threads/": "threads",
    "DELETE /threads/thread_1": "threads",
    "POST /threads/runs": "runs",
    "POST /threads/thread_1/runs": "runs",
    "POST /threads/thread_1/runs/run_1/submit_tool_outputs": "runs",
    "GET /threads/thread_1/runs/run_1/steps/step_1": "runs",
    "POST /threads/thread_1/messages": "messages",
    "DELETE /threads/thread_1/messages/msg_1": "messages",
    "GET /threads/thread_1/nothing": "threads",
    "POST /uploads/upload_1/parts": "uploads",
    "POST /vector_stores/vs_1/file_batches/vsfb_1/cancel": "vector_stores",
    "GET /models": "models",
    "GET /models/org/name:tag": "models",
    "POST /chat/completions": "other_calls",
    "POST /completions": "other_calls",
    "POST /responses/": "other_calls",
    "POST /images/edits": "other_calls",
    "POST /audio/transcriptions": "other_calls",
    "GET /responses/resp_1": "z_other",
    "POST /chat": "z_other",
    "GET /runs": "z_other",
    "PUT /unknown": "z_other",
    "OPTIONS /threads": "threads",
}


async def test_the_functions_and_their_bindings(host: Host):
    triggers = {name: bindings[0] for name, bindings in host.functions.items()}
    by_type = {
        kind: sorted(name for name, trigger in triggers.items() if trigger["type"] == kind)
        for kind in ("httpTrigger", "queueTrigger", "timerTrigger")
    }
    assert by_type["httpTrigger"] == FAMILIES
    assert {triggers[name]["authLevel"] for name in FAMILIES} == {"ANONYMOUS"}
    assert {name: (triggers[name]["queueName"], triggers[name]["connection"]) for name in by_type["queueTrigger"]} == {
        "run_worker": ("runs", "AzureWebJobsStorage"),
        "run_poison": ("runs-poison", "AzureWebJobsStorage"),
        "ingestion_worker": ("ingestion", "AzureWebJobsStorage"),
        "ingestion_poison": ("ingestion-poison", "AzureWebJobsStorage"),
        "backup_worker": ("backups", "AzureWebJobsStorage"),
        "backup_poison": ("backups-poison", "AzureWebJobsStorage"),
    }
    assert by_type["timerTrigger"] == ["housekeeping"]
    assert triggers["housekeeping"]["schedule"] == "0 0 * * * *"
    assert len(triggers) == len(FAMILIES) + 7


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_each_path_leads_to_its_family(host: Host, prefix: str):
    routes = [compile_route(name, host.functions[name][0], "") for name in FAMILIES]
    led = {}
    for request in PATHS:
        method, path = request.split()
        found = find(routes, method, prefix + path)
        led[request] = found and found[0]
    assert led == PATHS


async def test_other_paths_lead_where_they_should_or_nowhere(host: Host):
    routes = [compile_route(name, host.functions[name][0], "") for name in FAMILIES]
    led = {path: (found := find(routes, "GET", path)) and found[0] for path in OUTSIDE}
    assert led == OUTSIDE


OUTSIDE = {
    "/healthz": "health",
    "/playground": "playground",
    "/playground/app.js": "playground",
    "/v1": "z_other",
    "/docs": "front_door",
    "/openapi.json": None,
    "/": "front_door",
    "/favicon.ico": "front_door",
    "/robots.txt": "front_door",
    "/healthz/": "health",
    "/v2/threads": None,
    "/admin/owners": None,
    "/x/v1/threads": None,
}


def test_indexing_loads_nothing_heavy():
    loaded = subprocess.check_output(
        [sys.executable, "-c", "import sys, json, function_app; print(json.dumps(sorted(sys.modules)))"],
        cwd=ROOT,
        env=os.environ | {"PYTHON_ENABLE_INIT_INDEXING": "1"},
    )
    modules = set(json.loads(loaded))
    assert {"azure.functions", "azurefunctions.extensions.base"} <= modules
    assert {name for name in modules if name.startswith("shared")} == {
        "shared",
        "shared.functions_bridge",
        "shared.functions_http",
        "shared.logs",
    }
    heavy = {"openai", "azure.core", "azure.identity", "azure.storage", "azure.data", "aiohttp", "pandas", "numpy",
             "httpx", "requests", "pydantic", "fastapi"}  # fmt: skip
    assert modules & heavy == set()


@pytest.mark.parametrize(("version", "flag"), [((3, 11), "1"), ((3, 12), "True"), ((3, 13), ""), ((3, 14), "0")])
def test_a_worker_that_serves_streams_is_accepted(version: tuple[int, int], flag: str):
    require_streams(version, flag)


@pytest.mark.parametrize(("version", "flag"), [((3, 11), ""), ((3, 12), "0")])
def test_a_worker_whose_calls_would_hang_is_refused_in_words(version: tuple[int, int], flag: str):
    with pytest.raises(RuntimeError, match="Set PYTHON_ENABLE_INIT_INDEXING=1"):
        require_streams(version, flag)
