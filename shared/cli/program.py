"""The whole of `box`: its nouns and verbs, and what becomes of their outcomes."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

import click
from click.shell_completion import get_completion_class

from shared.cli import (
    approvals,
    backup,
    backups,
    demo,
    doctor,
    erase,
    files,
    hold,
    hosts,
    moving,
    owners,
    poison,
    runs,
    samples,
    stores,
    threads,
    usage,
    webhooks,
)
from shared.cli.words import ExitCode, examples
from shared.program_name import NAME


def installed_version() -> str:
    """The package's version; a checkout that is not installed has none."""
    try:
        return version("api-in-a-box")
    except PackageNotFoundError:
        return "(not installed: run from a checkout)"


@click.group(epilog=examples("run", "demo", "files upload report.pdf --url https://box.example"))
@click.version_option(installed_version(), message="API-in-a-Box %(version)s")
def box() -> None:
    """API-in-a-Box: the Assistants API from a box of your own.

    Commands speak to the box of this folder (its settings are the environment and `.env`), or with `--url` to another.
    """


@click.command(epilog=examples("completion bash >> ~/.bashrc", "completion fish > ~/.config/fish/completions/box.fish"))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what a shell needs to complete commands and options of the installed program `box`."""
    maker = get_completion_class(shell)
    assert maker is not None, "the library knows these shells"
    click.echo(maker(box, {}, "box", "_BOX_COMPLETE").source())


for command in (
    hosts.run,
    hosts.worker,
    hosts.link,
    demo.demo,
    doctor.doctor,
    samples.samples,
    files.files,
    stores.stores,
    threads.threads,
    runs.runs,
    approvals.approvals,
    poison.poison,
    webhooks.webhooks,
    owners.owners,
    moving.import_,
    moving.export,
    backup.backup,
    backup.restore,
    erase.erase,
    hold.hold,
    backups.backups,
    usage.usage,
    completion,
):
    box.add_command(command)


def main(arguments: list[str]) -> int:
    """Run a command and return its exit code."""
    try:
        # A command returns its exit code, or nothing if it did what it was asked.
        return int(box.main(arguments, prog_name=NAME, standalone_mode=False) or 0)
    except click.Abort:
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code


def entry() -> None:
    """What the installed program `box` starts."""
    sys.exit(main(sys.argv[1:]))
