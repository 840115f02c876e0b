"""`webhooks`: notices that could not be delivered, and webhooks whose server wants no more, in the box's storage."""

from __future__ import annotations

import click

from shared.cli.api import from_storage
from shared.cli.tables import moment, print_objects, print_outcomes
from shared.cli.words import Failed, Problem, as_json, examples
from shared.deps import Deps
from shared.json_types import Json
from shared.webhooks import kept

#: What only the storage tells.
UNDELIVERED = "What webhooks could not be told"


@click.group(epilog=examples("webhooks list", "webhooks replay --all", "webhooks enable shop"))
def webhooks() -> None:
    """What webhooks could not be told: list, replay, enable. Looks into the storage that the settings name."""


@webhooks.command("list", epilog=examples("webhooks list", "webhooks list --json"))
@as_json
def list_all(json: bool) -> None:
    """List notices that were given up, oldest first, and webhooks that are off since their server answered 410."""

    async def found(deps: Deps) -> list[Json]:
        off = [
            {"webhook": each["webhook"], "state": "off", "since": each["at"], "why": "it answered 410"}
            for each in await kept.switched_off(deps)
        ]
        rows = sorted(await kept.undelivered(deps), key=lambda row: int(row.data["at"]))
        return off + [shown(row.data) for row in rows]

    print_objects(
        from_storage(UNDELIVERED, found),
        ("webhook", "state", "id", "event", "about", "since", "why"),
        lambda each: (
            each["webhook"],
            each["state"],
            each.get("id", ""),
            each.get("type", ""),
            each.get("data", {}).get("id", ""),
            moment(each["since"]),
            each["why"],
        ),
        json=json,
    )


@webhooks.command(epilog=examples("webhooks replay msg_0a1b2c", "webhooks replay --all --json"))
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="All that were given up.")
@as_json
def replay(ids: tuple[str, ...], every: bool, json: bool) -> None:
    """Send notices again, under their ids; a run that does not wait any more is not told to wait."""
    if bool(ids) == every:
        raise Problem("name the notices, or say --all")
    done = from_storage(UNDELIVERED, lambda deps: kept.replay(deps, None if every else ids))
    print_outcomes([{"id": each, "outcome": "replayed"} for each in done], json=json)
    if missing := [each for each in ids if each not in done]:
        raise Failed(f"Not among the notices that were given up: {', '.join(missing)}.")


@webhooks.command(epilog=examples("webhooks enable shop", "webhooks enable shop --json"))
@click.argument("name")
@as_json
def enable(name: str, json: bool) -> None:
    """Tell a webhook again whose server answered 410: events from now on."""
    if not from_storage("Whether a webhook is off", lambda deps: kept.switch_on(deps, name)):
        raise Failed(f"{name} is not off.")
    print_outcomes([{"id": name, "outcome": "enabled"}], json=json)


def shown(row: Json) -> Json:
    """A notice that was given up, as it is listed."""
    notice = row["notice"]
    names = {"webhook": "webhook", "notice_id": "id", "type": "type", "at": "at", "data": "data"}
    return {told: notice[name] for name, told in names.items()} | {
        "state": "given up",
        "since": row["at"],
        "why": row["why"],
    }
