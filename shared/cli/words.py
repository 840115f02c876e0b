"""What every command has in common: where its box is, how a problem is told, and the exit codes."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

import click
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shared.config import Settings
from shared.program_name import NAME

Command = TypeVar("Command", bound=Callable[..., Any])


class ExitCode(IntEnum):
    """How a command ended, for scripts."""

    #: It did what it was asked.
    DONE = 0
    #: It could not: the line on standard error says why. `doctor`: something is broken.
    FAILED = 1
    #: What was asked makes no sense, or a setting cannot be used: nothing was done.
    REFUSED = 2
    #: Somebody interrupted it.
    INTERRUPTED = 130


class Problem(click.ClickException):
    """What makes no sense: it ends the command, told in its own words without more."""

    exit_code = ExitCode.REFUSED

    def show(self, file: Any = None) -> None:
        """Print it to standard error."""
        click.echo(self.message, err=True)


class Failed(Problem):
    """What could not be done."""

    exit_code = ExitCode.FAILED


def read_settings(**given: Any) -> Settings:
    """The settings; those given on the command line win, None is none. Raises Problem with a line for each bad one."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise Problem("\n".join(wrong_settings(error))) from error


def wrong_settings(error: ValidationError) -> list[str]:
    """A line for each setting that cannot be used. Values are not shown: some are secret."""
    return [f"{str(each['loc'][0]).upper()}: {in_words(each)}" for each in error.errors()]


def in_words(error: ErrorDetails) -> str:
    """What is wrong with a setting, as people say it; the library speaks of inputs, strings and patterns."""
    choices = re.fullmatch(r"\^\(([\w|-]+)\)\$", error.get("ctx", {}).get("pattern", ""))
    if choices is not None:
        return f"must be one of {choices[1].replace('|', ', ')}"
    return re.sub(r"^(Input|String) should ", "must ", error["msg"].removeprefix("Value error, "))


def default_model(settings: Settings) -> str:
    """A model name that a box with these settings answers to."""
    return settings.model_aliases.get("*", "gpt-5.6-luna")


def elsewhere(command: Command) -> Command:
    """The options that lead to another box than that of this folder."""
    return _elsewhere(command, "BOX_KEY", "Its API key; else BOX_KEY has it.")


def elsewhere_as_admin(command: Command) -> Command:
    """The options that lead to another box as one of its administrators."""
    words = "Its administrator's key (BOX_ADMIN_KEYS there); else BOX_ADMIN_KEY has it."
    return _elsewhere(command, "BOX_ADMIN_KEY", words)


def _elsewhere(command: Command, variable: str, words: str) -> Command:
    url = click.option("--url", default="", metavar="URL", help="A box elsewhere, instead of the one of this folder.")
    return url(click.option("--key", default="", envvar=variable, metavar="KEY", help=words)(command))


def owned(command: Command) -> Command:
    """The option that chooses among the owners of the box of this folder."""
    return click.option("--owner", default="", metavar="NAME", help="Whose; else the first of BOX_API_KEYS.")(command)


def as_json(command: Command) -> Command:
    """The option for programs that read the outcome."""
    return click.option("--json", is_flag=True, help="One JSON document instead of text.")(command)


def metadata_of(pairs: tuple[str, ...]) -> dict[str, str]:
    """What was given as KEY=VALUE. Raises Problem."""
    if any("=" not in each for each in pairs):
        raise Problem("--metadata: KEY=VALUE")
    return {key: value for key, _, value in (each.partition("=") for each in pairs)}


def examples(*lines: str) -> str:
    """The epilog of a command: lines to type. The mark keeps the library from joining them."""
    return "\n".join(("\b", "Examples:", *(f"  {NAME} {line}" for line in lines)))
