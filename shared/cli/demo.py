"""`demo`: whole runs with the `openai` SDK."""

from __future__ import annotations

import click

from shared.cli.words import default_model, examples, read_settings
from shared.client import connected
from shared.demo import program

MODEL_HELP = "The model to ask for; else the one that `*` stands for in MODEL_ALIASES."


@click.command(epilog=examples("demo", "demo --model gpt-5.6-luna"))
@click.option("--model", default="", metavar="NAME", help=MODEL_HELP)
def demo(model: str) -> int:
    """Talk to an assistant: against the host that runs, or one started for it."""
    settings = read_settings()
    with connected(settings) as client:
        return program.tour(client, model or default_model(settings))
