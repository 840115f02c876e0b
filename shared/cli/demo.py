"""`demo`: whole runs with the `openai` SDK."""

from __future__ import annotations

import click

from shared.cli.words import NAME, default_model, examples, read_settings
from shared.client import answers, connected
from shared.config import Settings
from shared.demo import program
from shared.host import base_url, key_file
from shared.own_address import without_itself

MODEL_HELP = "The model to ask for; else the one that `*` stands for in MODEL_ALIASES."


@click.command(epilog=examples("demo", "demo --model gpt-5.6-luna"))
@click.option("--model", default="", metavar="NAME", help=MODEL_HELP)
def demo(model: str) -> int:
    """Talk to an assistant: against the host that runs, or one started for it."""
    settings = without_itself(read_settings())
    if (used := settings.model_from_environment()) and not answers(settings):
        click.echo(f"Answers come from a model of yours, from {', '.join(used)} of your environment.")
    with connected(settings) as client:
        code = program.tour(client, model or default_model(settings))
    click.echo(what_next(settings))
    return code


def what_next(settings: Settings) -> str:
    """Commands to go on with."""
    serve, samples = ("box run", "box samples install") if NAME == "box" else ("make run", "make samples")
    root = base_url(settings)
    return f"""
What to try next:
  {serve:20} keeps the box running; talk to it at {root.removesuffix("/v1")}/playground
  {samples:20} installs the sample assistants: charts, failed banks, a portfolio
  your own program     OpenAI(base_url="{root}", api_key=...), with the key in {key_file(settings)}"""
