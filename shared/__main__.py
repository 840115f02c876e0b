"""The command line: `python -m shared run | worker | demo | samples list | samples install | files upload PATH |
stores reembed ID`.
"""

from __future__ import annotations

import argparse
import sys

from pydantic import ValidationError
from pydantic_settings import SettingsError

from shared import file_upload, host, reembed
from shared.client import connected
from shared.config import Settings
from shared.demo import program
from shared.demo.samples.install import install, names, prompts


def main(arguments: list[str]) -> int:
    """Run a command and return its exit code."""
    chosen = parser().parse_args(arguments)
    try:
        settings = Settings()
    except (ValidationError, SettingsError) as error:
        print(*wrong_settings(error), sep="\n", file=sys.stderr)
        return 2
    match chosen.command:
        case "run":
            return host.run(settings)
        case "worker":
            return host.work(settings)
        case "demo":
            with connected(settings) as client:
                return program.tour(client, chosen.model or default_model(settings))
        case "files":
            return file_upload.main(settings, chosen)
        case "stores":
            return reembed.main(settings, chosen)
    return samples(settings, chosen)


def wrong_settings(error: ValidationError | SettingsError) -> list[str]:
    """A line for each setting that cannot be used. Values are not shown: some are secret."""
    if isinstance(error, ValidationError):
        return [f"{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors()]
    # The library's sentence has the name between quotation marks, its cause is the JSON parser's complaint.
    return [f"{str(error).split(chr(34))[1].upper()}: not JSON: {error.__cause__}"]


def parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(prog="python -m shared", description="API-in-a-Box")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start the embedded host")
    commands.add_parser("worker", help="drive queued runs and read files, without serving HTTP")
    listed = commands.add_parser("samples", help="the sample assistants")
    listed.add_argument("action", choices=("list", "install"))
    for command in (listed, commands.add_parser("demo", help="go through whole runs with the openai SDK")):
        command.add_argument("--model", default="", help="the model to ask for (default: the `*` of MODEL_ALIASES)")
    file_upload.add_to(commands)
    reembed.add_to(commands)
    return parser


def default_model(settings: Settings) -> str:
    """A model name that a box with these settings answers to."""
    return settings.model_aliases.get("*", "gpt-5.6-luna")


def samples(settings: Settings, chosen: argparse.Namespace) -> int:
    """List the samples with what to ask them, or install them all."""
    if chosen.action == "list":
        for name in names():
            print(name, *(f"  {prompt}" for prompt in prompts(name)), sep="\n")
        return 0
    with connected(settings) as client:
        for name in names():
            assistant = install(client, name, chosen.model or default_model(settings))
            print(f"{assistant.id}  {assistant.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
