"""A tool of the box that waits for approval: it writes down to whom letters were sent."""

from __future__ import annotations

import pytest

from shared.tools.base import tool

letters: list[str] = []


async def send_letter(to: str) -> str:
    """Send a letter."""
    letters.append(to)
    return f"sent to {to}"


@pytest.fixture
def settings():
    return {"server_tools_allowed": {"*": ["*", "send_letter:ask"]}}


@pytest.fixture
def tools():
    letters.clear()
    return [tool(send_letter, idempotent=False, timeout=5)]
