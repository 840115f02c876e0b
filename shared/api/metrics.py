"""What the box counts and measures, for Prometheus: for administrators, where the settings ask for it."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from shared.errors import NotFoundError

router = APIRouter(include_in_schema=False)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
NOT_HERE: Final = "This box keeps no metrics for Prometheus: set OTEL_METRICS_EXPORTER=prometheus, and start it again."


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """All metrics of all the box's processes, each with the process that counted it."""
    deps = request.app.state.deps
    text = await deps.telemetry.exposition({"runs": deps.queue, "ingestion": deps.ingestion})
    if text is None:
        raise NotFoundError(NOT_HERE)
    return Response(text, media_type=CONTENT_TYPE)
