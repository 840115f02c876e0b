"""Making a box, and what keeps it from being made, in the same words for hosts and for the doctor."""

from __future__ import annotations

import sqlite3

from shared.app import build
from shared.box import Box
from shared.config import Settings


class CannotStart(Exception):
    """Settings or files of which no box can be made, in a line."""


def built(settings: Settings) -> Box:
    """The box. Raises CannotStart."""
    try:
        return build(settings)
    except ValueError as error:
        raise CannotStart(str(error)) from error
    except (OSError, sqlite3.Error) as error:
        raise CannotStart(f"BOX_HOME: {settings.box_home} cannot be used: {error}") from error
