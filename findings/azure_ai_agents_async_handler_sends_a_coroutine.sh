#!/usr/bin/env bash
# azure-ai-agents 1.2.0b6, async: the `AsyncRunHandler` that decides about calls of MCP tools is not awaited. A handler
# written as `async def submit_mcp_tool_approval`, as everything else in that package is, ends `create_and_process` with
# "Object of type coroutine is not JSON serializable"; one written as a plain `def` works.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check azure-ai-agents==1.2.0b6 aiohttp==3.13.2
"$work/venv/bin/python" -W ignore - <<'PROGRAM'
import asyncio
import time

from aiohttp import web
from azure.ai.agents.aio import AgentsClient
from azure.ai.agents.models import AsyncRunHandler, ToolApproval
from azure.core.credentials import AccessToken

CALL = {"id": "call_1", "type": "mcp", "name": "look", "arguments": "{}", "server_label": "shop"}
answered = []


def run(status):
    waiting = {"type": "submit_tool_approval", "submit_tool_approval": {"tool_calls": [CALL]}}
    return {
        "id": "run_1", "object": "thread.run", "thread_id": "thread_1", "assistant_id": "asst_1", "status": status,
        "required_action": waiting if status == "requires_action" else None, "created_at": 1, "model": "m", "tools": [],
    }


async def serve():
    async def look(request):
        return web.json_response(run("completed" if answered else "requires_action"))

    async def submit(request):
        answered.append(await request.json())
        return web.json_response(run("completed"))

    app = web.Application()
    app.router.add_post("/threads/{t}/runs", look)
    app.router.add_get("/threads/{t}/runs/{r}", look)
    app.router.add_post("/threads/{t}/runs/{r}/submit_tool_outputs", submit)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, site._server.sockets[0].getsockname()[1]


class Credential:
    async def get_token(self, *scopes, **options):
        return AccessToken("none", int(time.time()) + 3600)

    async def close(self):
        pass


class Awaitable(AsyncRunHandler):
    async def submit_mcp_tool_approval(self, *, run, tool_call, **options):
        return ToolApproval(tool_call_id=tool_call.id, approve=True)


class Plain(AsyncRunHandler):
    def submit_mcp_tool_approval(self, *, run, tool_call, **options):
        return ToolApproval(tool_call_id=tool_call.id, approve=True)


async def tell(handler):
    answered.clear()
    runner, port = await serve()
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    client = AgentsClient(
        f"http://127.0.0.1:{port}", Credential(), authentication_policy=SansIOHTTPPolicy()  # in the clear, on loopback
    )
    try:
        ended = await client.runs.create_and_process(
            "thread_1", agent_id="asst_1", polling_interval=0.05, run_handler=handler
        )
        return f"{ended.status}, approved: {answered[0]['tool_approvals'][0]['approve']}"
    except TypeError as error:
        return f"TypeError: {error}"
    finally:
        await client.close()
        await runner.cleanup()


first, second = asyncio.run(tell(Awaitable())), asyncio.run(tell(Plain()))
print("async def:", first)
print("def:", second)
assert first == "TypeError: Object of type coroutine is not JSON serializable", "it is awaited now"
assert "approved: True" in second
PROGRAM
