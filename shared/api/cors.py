"""Which pages of other origins may call the box from a browser: none, unless the settings name them.

The key is still asked for; so a page that calls has one, and whoever sees the page can read it there.
"""

from __future__ import annotations

import re
from typing import Final

ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9._-]+(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
METHODS: Final = ("GET", "POST", "DELETE")
#: What programs read of an answer beside its body.
EXPOSED: Final = (
    "x-request-id",
    "openai-version",
    "openai-processing-ms",
    "openai-poll-after-ms",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "idempotent-replayed",
    "apim-request-id",
    "x-ms-region",
    "x-ms-client-request-id",
    "content-disposition",
)


def origins(setting: str) -> list[str]:
    """The origins of `CORS_ORIGINS`, as browsers name them. Raises ValueError."""
    named = [part.strip().rstrip("/").lower() for part in setting.split(",") if part.strip()]
    for origin in named:
        if ORIGIN.fullmatch(origin) is None:
            raise ValueError(
                f"CORS_ORIGINS: {origin!r} is no origin such as https://app.example or http://localhost:3000"
            )
    return named
