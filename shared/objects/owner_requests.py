"""Requests about owners."""

from __future__ import annotations

from shared.objects.common import RequestBody


class CreateOwner(RequestBody):
    """Who is to get a key: up to 63 letters, digits, - and _."""

    name: str
