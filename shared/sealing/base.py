"""The port of what encrypts secrets at rest, and the form that a sealed secret has, whoever holds the key.

AES-GCM under a data key of 256 bits, with a nonce of its own and bound to a place: what is copied elsewhere opens
nowhere. Its beginning says which key opens it, so keys can change while what they sealed is still there.
"""

from __future__ import annotations

import base64
import secrets
from typing import Final, Protocol

#: Bytes of a data key and of a nonce.
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class SealingError(Exception):
    """A secret could not be sealed or opened; see the kinds below."""


class KeyUnavailable(SealingError):
    """The key cannot be had now."""

    def __init__(self, reason: str):
        """`reason` is for operators, in words of ours alone: it goes into the log."""
        super().__init__(reason)
        self.reason = reason


class NotOpened(SealingError):
    """Sealed with a key that is not there (any more), for another place, or damaged."""


class Sealing(Protocol):
    """Seals texts and opens them."""

    @property
    def description(self) -> str:
        """Where the key is, in words."""
        ...

    async def seal(self, secret: str, place: str) -> str:
        """The secret, encrypted for the place, such as owner and label. Raises KeyUnavailable."""
        ...

    async def open(self, sealed: str, place: str) -> str:
        """The inverse, for the same place. Raises KeyUnavailable and NotOpened."""
        ...


def encrypted(key: bytes, secret: str, place: str) -> str:
    """The secret under a data key, as text."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(NONCE_BYTES)
    return to_text(nonce + AESGCM(key).encrypt(nonce, secret.encode(), place.encode()))


def decrypted(key: bytes, text: str, place: str) -> str:
    """The inverse of `encrypted`. Raises NotOpened."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data = to_bytes(text)
    try:
        return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], place.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise NotOpened("sealed with another key, for another place, or damaged") from error


def to_text(data: bytes) -> str:
    """Bytes as base64url without padding, as JSON Web Keys have them."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def to_bytes(text: str) -> bytes:
    """The inverse of `to_text`. Raises NotOpened."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise NotOpened("this is no sealed secret") from error
