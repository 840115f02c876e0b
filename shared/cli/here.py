"""The box of this folder, in this process: for commands that look into its storage and serve nobody."""

from __future__ import annotations

import logging
import secrets

from pydantic import SecretStr

from shared.config import Settings


def quietly() -> None:
    """What goes wrong is told by the command; a log beside it would say it twice."""
    logging.disable(logging.CRITICAL)


def at_hand(settings: Settings, owner: str = "default", key: str = "") -> Settings:
    """The settings of a box that nobody but this process can call, as any owner: whoever has the storage has it all.

    It drives no runs: a command ends soon, and a call that it had begun would end with it.
    """
    keys = {owner: SecretStr(key or secrets.token_urlsafe(32))}
    return settings.model_copy(
        update={"box_api_keys": keys, "entra_owners": "", "cors_origins": "", "run_start": "queue"}
    )
