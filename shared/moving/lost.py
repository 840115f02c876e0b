"""What cannot come in."""

from __future__ import annotations


class Lost(Exception):
    """An object cannot come in; says why."""
