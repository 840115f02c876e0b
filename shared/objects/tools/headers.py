"""Headers for MCP servers, as requested: secrets, of which objects show the names alone.

Whatever is made of a request's model, JSON or text for a log, has `null` where a value was. A `null` that comes in is
one that went out: it means the value that is known already.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, PlainSerializer, SecretStr, SerializationInfo, StringConstraints

from shared.objects.bounds import AtMost
from shared.objects.common import MAP
from shared.objects.parse import rejected

#: Headers for one server, characters of a name and of a value.
MOST_HEADERS: Final = 32
LONGEST_NAME: Final = 256
LONGEST_VALUE: Final = 8192
#: What a request with headers is told where the box has no key to encrypt them with.
NO_HEADERS: Final = "Invalid '{path}': this box keeps no secrets in objects. Send no headers for MCP servers."
#: The context of a request that is compared with another, and shown and kept nowhere: there secrets count.
TO_COMPARE: Final[dict[str, bool]] = {"secrets": True}
#: Headers that say how a request is sent, not who sends it, and those of the protocol itself.
OF_THE_BOX: Final = frozenset({
    "accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host",
    "keep-alive", "last-event-id", "mcp-protocol-version", "mcp-session-id", "te", "trailer", "transfer-encoding",
    "upgrade",
})  # fmt: skip


def _printable(secret: SecretStr) -> SecretStr:
    """A value that can be sent; the message never quotes it."""
    value = secret.get_secret_value()
    if len(value) > LONGEST_VALUE or not value.isascii() or not value.isprintable() or value != value.strip():
        text = f"Invalid '{{path}}': must be at most {LONGEST_VALUE} printable ASCII characters without spaces around."
        raise rejected(text, "invalid_value")
    return secret


def _callers(headers: dict[str, SecretStr | None]) -> dict[str, SecretStr | None]:
    """Headers that a caller may say, each once."""
    names = [name.lower() for name in headers]
    for name, lower in zip(headers, names, strict=True):
        if lower in OF_THE_BOX or lower.startswith("proxy-"):
            raise rejected(f"Invalid '{{path}}': '{name}' is the box's own to send.", "invalid_value")
        if names.count(lower) > 1:
            raise rejected(f"Invalid '{{path}}': '{name}' is there twice.", "invalid_value")
    return headers


def _names_alone(headers: dict[str, Any] | None, info: SerializationInfo) -> dict[str, str | None] | None:
    return None if headers is None else {name: _nothing(value, info) for name, value in headers.items()}


def _nothing(secret: SecretStr | None, info: SerializationInfo) -> str | None:
    return secret.get_secret_value() if info.context is TO_COMPARE and secret is not None else None


HeaderName = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST_NAME, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
]
Secret = Annotated[SecretStr, AfterValidator(_printable)]
SecretHeaders = Annotated[
    dict[HeaderName, Secret | None],
    AtMost(MOST_HEADERS),
    MAP,
    AfterValidator(_callers),
    PlainSerializer(_names_alone, return_type=dict[str, str | None] | None),
]
#: An access token, sent as `Authorization: Bearer`.
SecretToken = Annotated[Secret, PlainSerializer(_nothing, return_type=str | None)]


def values_of(headers: dict[str, SecretStr | None] | None) -> dict[str, str | None]:
    """The headers as they are sent; None: as they are known already."""
    return {name: None if value is None else value.get_secret_value() for name, value in (headers or {}).items()}
