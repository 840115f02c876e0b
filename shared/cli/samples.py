"""`samples`: the sample assistants."""

from __future__ import annotations

import click

from shared.cli.api import sdk
from shared.cli.demo import MODEL_HELP, model_of
from shared.cli.tables import print_json
from shared.cli.words import as_json, elsewhere, examples
from shared.demo.samples import install as made
from shared.json_types import Json
from shared.program_name import LINK, NAME


@click.group(epilog=examples("samples list", "samples install"))
def samples() -> None:
    """The sample assistants."""


@samples.command("list", epilog=examples("samples list", "samples list --json"))
@as_json
def list_all(json: bool) -> None:
    """Name the samples, with what to ask them."""
    if json:
        return print_json([{"name": name, "prompts": made.prompts(name)} for name in made.names()])
    for name in made.names():
        click.echo("\n".join((name, *(f"  {prompt}" for prompt in made.prompts(name)))))
    return None


@samples.command(epilog=examples("samples install", "samples install --url https://box.example"))
@click.option("--model", default="", metavar="NAME", help=MODEL_HELP)
@as_json
@elsewhere
def install(model: str, json: bool, url: str, key: str) -> None:
    """Make the sample assistants; again, it changes nothing."""
    installed: list[Json] = []
    with sdk(url, key) as client:
        for name in made.names():
            assistant = made.install(client, name, model or model_of(client, url))
            installed.append(assistant.to_dict(mode="json"))
            if not json:
                click.echo(f"{assistant.id}  {assistant.name}")
    if json:
        print_json(installed)
    elif not url:
        click.echo(f"Talk to them: `{LINK}` prints a link to the page. `{NAME} samples list` says what to ask.")
