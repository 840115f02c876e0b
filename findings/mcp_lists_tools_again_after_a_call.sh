#!/usr/bin/env bash
# mcp 2.3.0: a client that calls a tool without having listed the tools in that session sends `tools/list` after the answer,
# to check the answer against the tool's output schema. A program that keeps the list itself, and opens a session for each
# call, so pays for two requests a call; and the call raises, though it was answered, where that list fails.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mcp==2.3.0
cat > again.py <<'PROGRAM'
import asyncio
import logging

import mcp
from mcp.server.mcpserver import MCPServer

logging.disable(logging.INFO)
server = MCPServer("weather")
asked: list[str] = []


@server.tool()
def forecast(city: str) -> str:
    """The weather of tomorrow."""
    asked.append("tools/call")
    return f"rain in {city}"


async def main() -> None:
    listed = server.list_tools

    async def list_tools(*args, **more):
        asked.append("tools/list")
        return await listed(*args, **more)

    server.list_tools = list_tools
    async with mcp.Client(server, cache=None) as client:
        answer = await client.session.call_tool("forecast", {"city": "Oslo"})
    print("answer:", answer.content[0].text)
    print("asked for:", asked)
    assert asked == ["tools/call", "tools/list"], "it lists no tools after a call now"


asyncio.run(main())
PROGRAM
venv/bin/python again.py
