"""A key in a file of the box's home, made once, for this user alone. Backups do not have it."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from shared.sealing.base import KEY_BYTES, KeyUnavailable, NotOpened, decrypted, encrypted

#: How what it sealed begins.
FORM: Final = "file"


class KeyFile:
    """Seals with the key of the file, which the first secret makes."""

    def __init__(self, path: Path):
        self._path = path
        self._key: bytes | None = None

    @property
    def description(self) -> str:
        """Where the key is."""
        return f"{self._path} (made when it is first needed)" if not self._path.exists() else str(self._path)

    async def seal(self, secret: str, place: str) -> str:
        """The secret, as `file.KEY.CIPHERTEXT`, where KEY names the key. Raises KeyUnavailable."""
        key = self._load() or self._made()
        return f"{FORM}.{name_of(key)}.{encrypted(key, secret, place)}"

    async def open(self, sealed: str, place: str) -> str:
        """The inverse. Raises KeyUnavailable and NotOpened."""
        key = self._load()
        form, _, rest = sealed.partition(".")
        name, _, text = rest.partition(".")
        if form != FORM or key is None or name != name_of(key):
            raise NotOpened("sealed with a key that is not here")
        return decrypted(key, text, place)

    def _load(self) -> bytes | None:
        """The key, if there is one. Raises KeyUnavailable."""
        if self._key is None:
            try:
                self._key = bytes.fromhex(self._path.read_text("ascii"))
            except FileNotFoundError:
                return None
            except (OSError, ValueError) as error:
                raise KeyUnavailable(f"{self._path} cannot be read: {type(error).__name__}") from error
        if len(self._key) != KEY_BYTES:
            raise KeyUnavailable(f"{self._path} is no key of this box")
        return self._key

    def _made(self) -> bytes:
        """A new key, or that of whoever was faster: the file is there whole or not at all. Raises KeyUnavailable."""
        draft = self._path.with_name(f"{self._path.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(draft, self._path)
            draft.unlink()
        except OSError as error:
            raise KeyUnavailable(f"{self._path} cannot be made: {type(error).__name__}") from error
        key = self._load()
        assert key is not None
        return key


def name_of(key: bytes) -> str:
    """A name for the key that tells nothing of it."""
    return hashlib.sha256(b"name of a key of a box\n" + key).hexdigest()[:16]
