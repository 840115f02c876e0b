"""Which events there are, who hears of them, and whether what the operator says of that can be used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from shared import web_address
from shared.config import Settings
from shared.settings.values import Webhook
from shared.webhooks import signing

#: All types of events.
TYPES: Final = (
    *(
        f"thread.run.{status}"
        for status in ("completed", "failed", "cancelled", "expired", "incomplete", "requires_action")
    ),
    "vector_store.file.completed",
    "vector_store.file.failed",
)
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def matches(pattern: str, type_: str) -> bool:
    """Whether `thread.run.*`, or a type's whole name, means the type."""
    return type_.startswith(pattern[:-1]) if pattern.endswith("*") else pattern == type_


def listening(settings: Settings, owner: str, type_: str) -> Iterator[str]:
    """The names of the webhooks that hear of such an event of this owner's."""
    for name, hook in settings.webhooks.items():
        if hears(hook, owner) and any(matches(each, type_) for each in hook.events):
            yield name


def hears(hook: Webhook, owner: str) -> bool:
    """Whether a webhook is told of what is this owner's."""
    return "*" in hook.owners or owner in hook.owners


def check(webhooks: Mapping[str, Webhook]) -> None:
    """Raises ValueError for what cannot be used of the setting `WEBHOOKS`, without its secrets."""
    for name, hook in webhooks.items():
        try:
            _check(name, hook)
        except ValueError as error:
            raise ValueError(f"WEBHOOKS: {name}: {error}") from None


def _check(name: str, hook: Webhook) -> None:
    if NAME.fullmatch(name) is None:
        raise ValueError("a name has up to 64 letters, digits, - and _")
    address = web_address.parts_of(hook.url)
    if address is None or "@" in address.netloc:
        raise ValueError("its url is no http or https address, or has a name and password")
    signing.keys_of(hook.secret.get_secret_value())
    for pattern in hook.events:
        if not any(matches(pattern, type_) for type_ in TYPES):
            raise ValueError(f"there are no events {pattern!r}; there are {', '.join(TYPES)}")
