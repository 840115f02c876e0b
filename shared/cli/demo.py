"""`demo`: whole runs with the `openai` SDK."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

from shared.cli.client import answers, connected, connected_to
from shared.cli.tables import print_json
from shared.cli.words import ExitCode, as_json, default_model, elsewhere, examples, read_settings
from shared.config import Settings
from shared.demo import program
from shared.embedded.host import base_url, key_file
from shared.own_address import without_itself
from shared.program_name import LINK, NAME

if TYPE_CHECKING:
    from openai import OpenAI

MODEL_HELP = "The model to ask for; else the one that `*` stands for in MODEL_ALIASES; elsewhere, the first listed."


@click.command(epilog=examples("demo", "demo --model gpt-5.6-luna", "demo --url https://box.example"))
@click.option("--model", default="", metavar="NAME", help=MODEL_HELP)
@as_json
@elsewhere
def demo(model: str, json: bool, url: str, key: str) -> int:
    """Talk to an assistant: against the host that runs, or one started for it."""
    settings = without_itself(read_settings())
    runs = not url and answers(settings)
    if not url and not json and (used := settings.model_from_environment()) and not runs:
        click.echo(f"Answers come from a model of yours, from {', '.join(used)} of your environment.")
    with asked(settings, url, key) as client:
        told = program.tour(client, model or model_of(client, url), silent if json else program.say)
    if json:
        print_json(told)
    elif not url:
        click.echo(what_next(settings, runs))
    return ExitCode.DONE if all(each["status"] == "completed" for each in told) else ExitCode.FAILED


def asked(settings: Settings, url: str, key: str) -> AbstractContextManager[OpenAI]:
    """A client of the box elsewhere, or of that of these settings."""
    return connected_to(url, key) if url else connected(settings)


def model_of(client: OpenAI, url: str) -> str:
    """A model that the box answers to: elsewhere, names of its settings come first in its list."""
    return next((each.id for each in client.models.list()), "gpt-5.6-luna") if url else default_model(read_settings())


def silent(text: str) -> None:
    """Says nothing."""


def what_next(settings: Settings, runs: bool) -> str:
    """Commands to go on with; `runs`: the box that answered runs on."""
    serve, samples = ("box run", "box samples install") if NAME == "box" else ("make run", "make samples")
    root = base_url(settings)
    keep = f"{serve:20} keeps the box running; talk to it at {root.removesuffix('/v1')}/playground"
    talk = f"{LINK:20} prints a link to the page, to talk to assistants"
    return f"""
What to try next:
  {talk if runs else keep}
  {samples:20} installs the sample assistants: charts, failed banks, documents, a portfolio
  your own program     OpenAI(base_url="{root}", api_key=...), with the key in {key_file(settings)}"""
