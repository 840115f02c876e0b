"""Which model answers to a name: MODEL_ALIASES, whose keys are names, families such as `gpt-4o*`, and `*`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DEFAULT: Final = "*"


def is_pattern(key: str) -> bool:
    """Whether the key stands for names that begin alike."""
    return key.endswith(DEFAULT)


def resolve(name: str, aliases: Mapping[str, str], *, default: bool = True) -> str:
    """The model that is asked for by that name; itself, if no key fits.

    The name itself comes first, then the longest pattern that fits, and `*` at last unless `default` is false:
    `resolve("gpt-4o-mini", {"gpt-4o*": "small", "*": "other"})` is `small`.
    """
    if name in aliases and name != DEFAULT:
        return aliases[name]
    fitting = [key for key in fitting_patterns(name, aliases) if default or key != DEFAULT]
    return aliases[max(fitting, key=len)] if fitting else name


def is_named(name: str, aliases: Mapping[str, str]) -> bool:
    """Whether the settings mean this name in particular: by itself or by its family, not by `*` alone."""
    return name in aliases or any(key != DEFAULT for key in fitting_patterns(name, aliases))


def fitting_patterns(name: str, aliases: Mapping[str, str]) -> list[str]:
    """The keys for names that begin as this one does; `*` is one of them."""
    return [key for key in aliases if is_pattern(key) and name.startswith(key[:-1])]
