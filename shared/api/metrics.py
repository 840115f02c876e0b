"""What the box counts and measures, for Prometheus: for administrators, where the settings ask for it."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from shared.api.directory import Pages
from shared.errors import NotFoundError

pages = Pages()

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
NOT_HERE: Final = "This box keeps no metrics for Prometheus: set OTEL_METRICS_EXPORTER=prometheus, and start it again."


@pages.get("/metrics")
async def metrics(request: Request) -> Response:
    """All metrics of all the box's processes, each with the process that counted it."""
    deps = request.app.deps
    text = await deps.telemetry.exposition({"runs": deps.queue, "ingestion": deps.ingestion})
    if text is None:
        raise NotFoundError(NOT_HERE)
    return Response(text, media_type=CONTENT_TYPE)
