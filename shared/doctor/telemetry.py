"""Whether those can be reached who are to be told of the box's work."""

from __future__ import annotations

from typing import Final

import httpx2 as httpx

from shared import web_address
from shared.deps import Deps
from shared.doctor.findings import Finding, broken, ok, warning
from shared.tls import tls

NAME: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
#: Seconds for the collector's answer.
ANSWER_SECONDS: Final = 5.0


async def telemetry(deps: Deps) -> Finding:
    """Whether the collector's address is one, and answers; the box goes on without it, and nobody hears of it."""
    settings = deps.settings
    address = settings.otel_exporter_otlp_endpoint
    if not settings.wants_telemetry:
        return ok("telemetry", "off")
    if not address:
        return ok("telemetry", "on, without a collector")
    if web_address.parts_of(address) is None:
        return broken("telemetry", f"{NAME}: not the address of a collector, such as http://localhost:4318")
    try:
        async with httpx.AsyncClient(verify=tls(), timeout=ANSWER_SECONDS, headers=settings.otlp_headers) as client:
            # An empty report: a collector takes it, and nothing is added.
            response = await client.post(
                f"{address.rstrip('/')}/v1/traces", headers={"content-type": "application/x-protobuf"}
            )
    except httpx.HTTPError as error:
        return broken("telemetry", f"{NAME}: no answer ({type(error).__name__}); spans and metrics are lost")
    if response.status_code in (401, 403):
        return broken(
            "telemetry", f"the collector refuses the box ({response.status_code}): OTEL_EXPORTER_OTLP_HEADERS"
        )
    if response.status_code == 404:
        return broken("telemetry", f"{NAME}: there is no collector behind it (404 for /v1/traces)")
    if not response.is_success:
        return warning("telemetry", f"the collector answers {response.status_code}")
    return ok("telemetry", "the collector takes it")
