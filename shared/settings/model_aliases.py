"""Which model answers to a name: MODEL_ALIASES, whose keys are names, families such as `gpt-4o*`, and `*`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
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
    keys = aliases.keys() if default else aliases.keys() - {DEFAULT}
    key = fitting(name, keys)
    return name if key is None else aliases[key]


def fitting(name: str, keys: Collection[str]) -> str | None:
    """The key that stands for a name: itself, else the longest pattern that fits, and `*` at last; None: none does."""
    if name in keys and name != DEFAULT:
        return name
    return max(fitting_patterns(name, keys), key=len, default=None)


def is_named(name: str, aliases: Mapping[str, str]) -> bool:
    """Whether the settings mean this name in particular: by itself or by its family, not by `*` alone."""
    return name in aliases or any(key != DEFAULT for key in fitting_patterns(name, aliases))


def fitting_patterns(name: str, aliases: Iterable[str]) -> list[str]:
    """The keys for names that begin as this one does; `*` is one of them."""
    return [key for key in aliases if is_pattern(key) and name.startswith(key[:-1])]
