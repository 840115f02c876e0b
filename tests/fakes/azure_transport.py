"""Transports of the Azure SDKs that reach nobody."""

from __future__ import annotations

from azure.core.exceptions import AzureError, ServiceRequestError
from azure.core.pipeline.transport import AsyncHttpTransport


class Refusing(AsyncHttpTransport):
    """Raises instead of sending; keeps the last request that would have been sent."""

    def __init__(self, error: AzureError | None = None):
        self.error = error or ServiceRequestError("kept")
        self.request = None

    async def send(self, request, **options):
        self.request = request
        raise self.error

    async def open(self): ...
    async def close(self): ...
    async def __aenter__(self):
        return self

    async def __aexit__(self, *details): ...
    async def sleep(self, duration): ...
