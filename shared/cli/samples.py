"""`samples`: the sample assistants."""

from __future__ import annotations

import click

from shared.cli.demo import MODEL_HELP
from shared.cli.words import default_model, examples, read_settings
from shared.client import connected
from shared.demo.samples import install as made


@click.group(epilog=examples("samples list", "samples install"))
def samples() -> None:
    """The sample assistants."""


@samples.command("list")
def list_all() -> None:
    """Name the samples, with what to ask them."""
    for name in made.names():
        click.echo("\n".join((name, *(f"  {prompt}" for prompt in made.prompts(name)))))


@samples.command()
@click.option("--model", default="", metavar="NAME", help=MODEL_HELP)
def install(model: str) -> None:
    """Make the sample assistants; again, it changes nothing."""
    settings = read_settings()
    with connected(settings) as client:
        for name in made.names():
            assistant = made.install(client, name, model or default_model(settings))
            click.echo(f"{assistant.id}  {assistant.name}")
