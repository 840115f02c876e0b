"""The Azure Functions host: which HTTP paths, queues and timers lead into the box. No logic.

Only azure.functions and what serves HTTP load when the host indexes this file; the box is built by the first
invocation. All HTTP functions lead into the same ASGI app: they are several so that the portal, its metrics and its
logs show what is called, family by family.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import azure.functions as func

# The host watches this folder and restarts when something appears in it, be it Python's own cache.
sys.dont_write_bytecode = True

from shared import logs  # noqa: E402
from shared.functions_bridge import answer, require_streams  # noqa: E402
from shared.functions_http import Request, Response  # noqa: E402

if TYPE_CHECKING:
    from shared.box import Box
    from shared.queue.consumer import MessageHandler

#: Every operation exists under each of these.
PREFIX = "(v1|openai(/v1|/deployments/[^/]+)?|api/projects/[^/]+(/openai)?(/v1)?)"
#: Function -> its paths. The host tries functions in the order of their names and takes the first that matches, not the
#: most specific: `messages` and `runs` stand before `threads`, and `z_other` (the API's own 404) stands last.
PATHS = {
    "admin": f"{PREFIX}/admin(/.*)?",
    "approvals": f"{PREFIX}/approvals/?",
    "assistants": f"{PREFIX}/assistants(/.*)?",
    "client_tokens": f"{PREFIX}/client_tokens(/.*)?",
    "docs": f"{PREFIX}/(docs|openapi.json)",
    "files": f"{PREFIX}/files(/.*)?",
    "front_door": "(docs|favicon.ico|robots.txt)?",
    "health": "healthz/?",
    "messages": f"{PREFIX}/threads/[^/]+/messages(/.*)?",
    "models": f"{PREFIX}/models(/.*)?",
    "other_calls": f"{PREFIX}/((chat/)?completions|embeddings|responses|moderations|(images|audio)/[^/]+)/?",
    "playground": "playground(/.*)?",
    "runs": f"{PREFIX}/threads/([^/]+/)?runs(/.*)?",
    "threads": f"{PREFIX}/threads(/.*)?",
    "uploads": f"{PREFIX}/uploads(/.*)?",
    "vector_stores": f"{PREFIX}/vector_stores(/.*)?",
    "z_other": f"{PREFIX}(/.*)?",
}
METHODS = ("GET", "POST", "DELETE", "OPTIONS", "HEAD", "PUT", "PATCH")
STORAGE = "AzureWebJobsStorage"

logs.set_up()
require_streams(sys.version_info[:2], os.environ.get("PYTHON_ENABLE_INIT_INDEXING", ""))
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


async def box() -> Box:
    """This process's box, built by the first call."""
    from shared.app import box as build

    return await build()


async def serve(req: Request) -> Response:
    return await answer(box, req)


for family, paths in PATHS.items():
    http = app.route(f"{{*path:regex(^{paths}$)}}", methods=METHODS)
    app.function_name(family)(http(serve))


async def handle(handler: MessageHandler, message: func.QueueMessage) -> None:
    """Handle a message; if that fails, the host logs it, and brings the message again."""
    with logs.kinds_only():
        await handler(message.get_json())


@app.queue_trigger("message", "runs", STORAGE)
async def run_worker(message: func.QueueMessage) -> None:
    """Drive a run, or look at one that may have been left alone."""
    await handle((await box()).handle_run, message)


@app.queue_trigger("message", "runs-poison", STORAGE)
async def run_poison(message: func.QueueMessage) -> None:
    """Fail a run that could not be driven, so that its thread is free again."""
    await handle((await box()).handle_poisoned_run, message)


@app.queue_trigger("message", "ingestion", STORAGE)
async def ingestion_worker(message: func.QueueMessage) -> None:
    """Parse and index a file for its vector store."""
    await handle((await box()).handle_ingestion, message)


@app.queue_trigger("message", "ingestion-poison", STORAGE)
async def ingestion_poison(message: func.QueueMessage) -> None:
    """Fail a file that could not be indexed."""
    await handle((await box()).handle_poisoned_ingestion, message)


@app.queue_trigger("message", "backups", STORAGE)
async def backup_worker(message: func.QueueMessage) -> None:
    """Take a step of a scheduled backup."""
    await handle((await box()).handle_backup, message)


@app.queue_trigger("message", "backups-poison", STORAGE)
async def backup_poison(message: func.QueueMessage) -> None:
    """Give up a backup of which a step cannot be taken."""
    await handle((await box()).handle_poisoned_backup, message)


@app.timer_trigger("timer", "0 0 * * * *", run_on_startup=False, use_monitor=True)
async def housekeeping(timer: func.TimerRequest) -> None:
    """Expire what is due, pick up what was lost, and log what does not answer."""
    made = await box()
    with logs.kinds_only():
        await made.on_timer()
