"""A multipart form as it goes out: part by part as it comes in, with the model's name changed and nothing held."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from shared.errors import too_large
from shared.forwarding.calls import Naming, OtherCall
from shared.forwarding.storage import check_field

#: Bytes of a form: sixteen pictures as providers take them, or an hour of sound.
MAX_FORM: Final = 512 * 1024 * 1024


class Part(Protocol):
    """A part of the form that came in."""

    @property
    def name(self) -> str:
        """The name of its form field."""

    @property
    def filename(self) -> str | None:
        """The name of the uploaded file; None for a plain field."""

    @property
    def content_type(self) -> str | None:
        """As the client said it, if it did."""

    @property
    def pieces(self) -> AsyncIterator[bytes]:
        """What it holds, as it comes."""

    async def text(self) -> str:
        """What a field holds. Raises InvalidRequest."""


@dataclass(frozen=True, slots=True)
class OutgoingForm:
    """The form that is made of another one."""

    call: OtherCall
    naming: Naming
    boundary: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def content_type(self) -> str:
        """The header that names the boundary."""
        return f"multipart/form-data; boundary={self.boundary}"

    async def pieces(self, parts: AsyncIterator[Part]) -> AsyncIterator[bytes]:
        """The bytes. Raises InvalidRequest for a form that cannot be read, is too large, or names stored files."""
        sent = 0
        if self.naming.deployment:
            yield self._field("model", self.naming.model(self.call, None))
        async for part in parts:
            check_field(part.name)
            if part.name == "model" and part.filename is None:
                named = await part.text()
                if not self.naming.deployment:
                    yield self._field("model", self.naming.model(self.call, named))
                continue
            yield self._head(part.name, part.filename, part.content_type)
            async for piece in part.pieces:
                sent += len(piece)
                if sent > MAX_FORM:
                    raise too_large(MAX_FORM, sent)
                yield piece
            yield b"\r\n"
        yield f"--{self.boundary}--\r\n".encode()

    def _field(self, name: str, value: str | None) -> bytes:
        return self._head(name, None, None) + (value or "").encode() + b"\r\n"

    def _head(self, name: str, filename: str | None, content_type: str | None) -> bytes:
        lines = [f"--{self.boundary}", f'Content-Disposition: form-data; name="{_quoted(name)}"']
        if filename is not None:
            lines[1] += f'; filename="{_quoted(filename)}"'
        if content_type is not None:
            lines.append(f"Content-Type: {content_type}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode(errors="replace")


def _quoted(text: str) -> str:
    """A name inside a form part's quotes, escaped as browsers do."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
