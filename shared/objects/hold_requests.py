"""Requests about legal holds."""

from __future__ import annotations

from shared.objects.common import MetadataIn, RequestBody


class CreateHold(RequestBody):
    """What is to be on hold: one thread, or all with this metadata; and why, in at most 512 characters."""

    thread_id: str | None = None
    metadata: MetadataIn | None = None
    reason: str | None = None
