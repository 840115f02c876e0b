"""HTTP for the tools: one TLS context for the whole process."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def tls() -> ssl.SSLContext:
    """Making it reads every root certificate, which takes longer than many a call."""
    import httpx2

    return httpx2.create_ssl_context(trust_env=False)
