"""What the settings say by themselves: names that nothing reads, who may call, where the model comes from."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator
from typing import Final

from shared.config import Settings
from shared.doctor.findings import Finding, ok, warning
from shared.own_address import own_addresses
from shared.settings.environment import in_file

#: Read by programs of the box that are no host, or by its deployment.
OTHERS: Final = frozenset({"BOX_KEY", "BOX_KEY_HASHES", "BOX_ADMIN_KEY", "BOX_ADMIN_KEY_HASHES"})
#: How alike two names must be, of 1, for one to be a misspelling of the other.
ALIKE: Final = 0.85


def look(settings: Settings) -> Iterator[Finding]:
    """Everything that the settings tell without asking anybody."""
    yield from strange_names()
    yield callers(settings)
    yield from itself(settings)


def strange_names() -> Iterator[Finding]:
    """Variables of the environment and of `.env` that look like settings and are none."""
    here = os.environ.keys() | in_file(".env").keys()
    found = [*misspelt(here)]
    for name, meant in found:
        hint = f"; is {meant} meant?" if meant else ""
        yield warning("settings", f"{name} is no setting, nothing reads it{hint}")
    if not found:
        yield ok("settings", "every name that looks like a setting is one")


def misspelt(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each name that is no setting but begins as ours do, or is nearly one; with the setting that may be meant."""
    known = {name.upper() for name in known_names()}
    for name in sorted(names):
        if name.upper() in known | OTHERS or name.startswith("_"):
            continue
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=ALIKE)
        if near or name.upper().startswith("BOX_"):
            yield name, near[0] if near else ""


def known_names() -> Iterator[str]:
    """Every name under which a setting is read."""
    for name in Settings.model_fields:
        yield from Settings.names(name)


def callers(settings: Settings) -> Finding:
    """Who may call."""
    names = [*settings.box_api_keys, *(["callers by Entra ID"] if settings.entra_owners else [])]
    if names:
        return ok("keys", f"for {', '.join(names)}")
    if settings.uses_azure_storage:
        words = "no setting lets anybody in (BOX_API_KEYS, ENTRA_OWNERS): only those may call whom `owners list` shows"
        return warning("keys", words)
    return ok("keys", "the embedded host makes its own")


def itself(settings: Settings) -> Iterator[Finding]:
    """Where the model's address leads back to the box, or comes from a variable that programs read, too."""
    own = ", ".join(name.upper() for name in own_addresses(settings))
    if own:
        yield warning("address", f"{own} is this box's own address: it and its key are not used")
    elif used := ", ".join(settings.model_from_environment()):
        yield warning("address", f"the model comes from {used} of your environment, which other programs read, too")
