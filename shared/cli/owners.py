"""`owners`: who may call a box, and keys that are made and removed while it runs."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

import click

from shared.cli.api import ask_as_admin
from shared.cli.tables import moment, print_json, print_table
from shared.cli.words import Problem, as_json, elsewhere_as_admin, examples
from shared.json_types import Json
from shared.stored_keys import FRESH, owner_name


def checked(context: click.Context, parameter: click.Parameter, name: str) -> str:
    """The name, if it may be an owner's. Raises Problem."""
    try:
        return owner_name(name)
    except ValueError as error:
        raise Problem(str(error)) from error


named = click.argument("owner", callback=checked)


@click.group(epilog=examples("owners list", "owners add ann", "owners rotate ann --url https://box.example"))
def owners() -> None:
    """Owners: list, add, rotate, remove.

    Keys made here are in the box's storage, as hashes, and work within a second: nothing is deployed or started again.
    """


@owners.command("list", epilog=examples("owners list", "owners list --json"))
@as_json
@elsewhere_as_admin
def list_all(json: bool, url: str, key: str) -> None:
    """List who may call: owners of the settings, and those with keys made at run time."""
    found = ask_as_admin(url, key, "GET", "owners")["data"]
    if json:
        print_json(found)
    else:
        print_table(("owner", "key", "made", "from"), (line for owner in found for line in lines(owner)))


def lines(owner: Json) -> Iterable[tuple[object, ...]]:
    """The ways in which an owner may come."""
    yield from ((owner["name"], "-", "-", f"settings ({setting})") for setting in owner["settings"])
    yield from ((owner["name"], each["id"], moment(each["created_at"]), "storage") for each in owner["keys"])


@owners.command(epilog=examples("owners add ann", "owners add ann --json"))
@named
@as_json
@elsewhere_as_admin
def add(owner: str, json: bool, url: str, key: str) -> None:
    """Make a key for an owner and print it, once.

    An owner who has keys keeps them: add, change the programs, remove the old key, and nobody waits.
    """
    show(ask_as_admin(url, key, "POST", "owners", json={"name": owner}), json)


@owners.command(epilog=examples("owners rotate ann"))
@named
@as_json
@elsewhere_as_admin
def rotate(owner: str, json: bool, url: str, key: str) -> None:
    """Make a new key instead of all that an owner has, and print it, once."""
    show(ask_as_admin(url, key, "POST", f"owners/{owner}/rotate"), json)
    click.echo(f"The former keys of {owner} stop within {FRESH:g} seconds.", err=True)


def show(made: Json, json: bool) -> None:
    """The new key alone, for scripts; what else is to be known, beside it."""
    if json:
        print_json(made)
    else:
        click.echo(made["key"])
    click.echo(f"{made['id']} for {made['owner']}, shown this once: only its hash is kept.", err=True)


@owners.command(epilog=examples("owners remove ann", "owners remove ann --key-id key_abc --yes"))
@named
@click.option("--key-id", metavar="ID", help="This key only, as `owners list` names it.")
@click.option("--yes", is_flag=True, help="Do not ask before.")
@as_json
@elsewhere_as_admin
def remove(owner: str, key_id: str | None, yes: bool, json: bool, url: str, key: str) -> None:
    """Take an owner's keys away, or one of them. Nothing of what the owner has is deleted: a new key opens it again."""
    if not yes:
        click.confirm(f"Take {key_id or 'all keys'} of {owner} away? What {owner} has stays", abort=True, err=True)
    keys = f"/keys/{quote(key_id, safe='')}" if key_id else ""
    removed = ask_as_admin(url, key, "DELETE", f"owners/{owner}{keys}")
    if json:
        print_json(removed)
    else:
        click.echo("\n".join(f"{each}  removed" for each in removed["keys"]))
    click.echo(f"They stop within {FRESH:g} seconds. What belongs to {owner} stays.", err=True)
