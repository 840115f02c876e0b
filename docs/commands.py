"""The reference of commands, from the program itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from docs.source import table
from shared.cli.program import box
from shared.cli.words import ExitCode


def commands() -> str:
    """Every command with its arguments, options and examples, and the exit codes."""
    sections = [section(context) for context in contexts(click.Context(box, info_name="box"))]
    return "\n".join((*sections, exit_codes()))


def contexts(context: click.Context) -> Iterator[click.Context]:
    """The command of a context, then those below it, each with its own context."""
    yield context
    if isinstance(context.command, click.Group):
        for name, command in context.command.commands.items():
            yield from contexts(click.Context(command, info_name=name, parent=context))


def section(context: click.Context) -> str:
    """What is said of a command."""
    command = context.command
    usage = " ".join((context.command_path, *command.collect_usage_pieces(context)))
    pieces = [f"## `{context.command_path}`\n", f"`{usage}`\n", inspect.cleandoc(command.help or "") + "\n"]
    records = [record for each in command.get_params(context) if (record := each.get_help_record(context))]
    rows = [[f"`{name}`", text] for name, text in records if name != "--help"]
    if rows:
        pieces.append(table(("option", "meaning"), rows))
    if command.epilog:
        lines = [line.strip() for line in command.epilog.split("\n")[2:]]
        pieces.append("\n".join(("```bash", *lines, "```\n")))
    return "\n".join(pieces)


def exit_codes() -> str:
    """The exit codes, with the comments that stand above them."""
    source = inspect.getsource(ExitCode).split("\n")
    notes: dict[str, list[str]] = {}
    said: list[str] = []
    for line in source:
        text = line.strip()
        if text.startswith("#:"):
            said.append(text.removeprefix("#: "))
        elif " = " in text:
            notes[text.split()[0]], said = said, []
    rows = ([f"`{code.value}`", " ".join(notes[code.name])] for code in ExitCode)
    return "## Exit codes\n\n" + table(("code", "meaning"), rows)
