"""`approvals`: calls of tools that are not made before somebody approves them."""

from __future__ import annotations

import asyncio

import click

from shared.cli.api import listed, opened
from shared.cli.calls import call_line
from shared.cli.tables import moment, print_objects, print_outcome
from shared.cli.words import Failed, as_json, elsewhere, examples, owned
from shared.json_types import Json

COLUMNS = ("approval", "run", "thread", "asked", "until", "calls")


@click.group(epilog=examples("approvals list", "approvals answer approval_abc --approve"))
def approvals() -> None:
    """Approvals: list what waits for one, answer."""


@approvals.command("list", epilog=examples("approvals list", "approvals list --json"))
@as_json
@owned
@elsewhere
def list_all(json: bool, owner: str, url: str, key: str) -> None:
    """List the runs that wait for an approval, the newest first, with the calls that they would make."""
    print_objects(listed("approvals", url, key, owner), COLUMNS, row, json=json)


def row(approval: Json) -> tuple[object, ...]:
    """A line of the list; each call has a line of its own, and is not cut."""
    return (
        approval["id"],
        approval["run_id"],
        approval["thread_id"],
        moment(approval["created_at"]),
        moment(approval["expires_at"]),
        "\n".join(map(call_line, approval["tool_calls"])),
    )


@approvals.command(epilog=examples("approvals answer approval_abc --approve", "approvals answer approval_abc --deny"))
@click.argument("approval")
@click.option("--approve/--deny", required=True, help="Whether the calls may be made: all of them.")
@as_json
@owned
@elsewhere
def answer(approval: str, approve: bool, json: bool, owner: str, url: str, key: str) -> None:
    """Answer what `approvals list` shows: its calls are made, or the model is told that they were not approved.

    A run that asks again, for other calls, has another approval's id.
    """

    async def send() -> Json:
        async with opened(url, key, owner) as api:
            async for each in api.all("approvals"):
                if each["id"] == approval:
                    said = [{"tool_call_id": call["id"], "approve": approve} for call in each["tool_calls"]]
                    path = f"threads/{each['thread_id']}/runs/{each['run_id']}/submit_tool_outputs"
                    await api.ask("POST", path, json={"tool_approvals": said})
                    return each
        raise Failed(f"Nothing waits for the approval '{approval}'.")

    print_outcome(asyncio.run(send()) | {"outcome": "approved" if approve else "denied"}, json=json)
