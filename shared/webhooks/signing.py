"""Signatures of Standard Webhooks (github.com/standard-webhooks, version 1): symmetric, `v1`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

PREFIX: Final = "whsec_"
#: Bytes of a secret.
SHORTEST, LONGEST = 24, 64


def keys_of(secrets: str) -> list[bytes]:
    """The keys in a text of secrets, separated by spaces: a new one and the old. Raises ValueError without them."""
    keys = [_key(each) for each in secrets.split()]
    if not keys:
        raise ValueError("the secret is missing")
    return keys


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f"a secret is {PREFIX} and {SHORTEST} to {LONGEST} random bytes in base64")
    return key


def headers(keys: list[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a message that is sent at that time (unix seconds), with a signature by each key."""
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }
