"""A multipart form as it arrives: part by part, piece by piece, so that a large file is never held in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from shared.api.file_name import file_name
from shared.errors import InvalidRequest

Headers = dict[bytes, bytes]
#: A part's headers, a piece of its body, or None for its end.
Seen = Headers | bytes | None

#: Bytes of a field that is no file.
MAX_FIELD: Final = 64 * 1024
#: No form of the API's own has more than five; each field may be 64 KB, and is held in memory.
MAX_PARTS: Final = 20


@dataclass(slots=True)
class FormPart:
    """A part whose headers are there and whose body is on its way; read it before asking for the next."""

    name: str
    #: None: an ordinary field.
    filename: str | None
    pieces: AsyncIterator[bytes]
    #: What the client says that it is.
    content_type: str | None = None

    async def text(self) -> str:
        """A field's value. Raises InvalidRequest."""
        value = b""
        async for piece in self.pieces:
            value += piece
            if len(value) > MAX_FIELD:
                raise malformed(f"the field '{self.name}' is too long")
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise malformed(f"the field '{self.name}' is not UTF-8") from None


def malformed(why: str) -> InvalidRequest:
    """The 400 for a form that cannot be read."""
    return InvalidRequest(f"We could not parse the multipart form of your request: {why}.")


async def parts(request: Request, most: int = MAX_PARTS) -> AsyncIterator[FormPart]:
    """The parts of the form, `most` at most; what is not read of one is skipped. Raises InvalidRequest."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise malformed("the content type must be multipart/form-data with a boundary")
    seen = _seen(request.stream(), boundary)
    count = 0
    async for each in seen:
        if isinstance(each, dict):
            count += 1
            if count > most:
                raise malformed("it has too many parts")
            yield _part(each, _pieces(seen))


async def _pieces(seen: AsyncIterator[Seen]) -> AsyncIterator[bytes]:
    async for each in seen:
        if not isinstance(each, bytes):
            return
        yield each


def _part(headers: Headers, pieces: AsyncIterator[bytes]) -> FormPart:
    # Names are UTF-8 on the wire; the parser wants one character per byte.
    disposition = headers.get(b"content-disposition", b"").decode("latin-1")
    _, options = parse_options_header(disposition)
    if b"name" not in options:
        raise malformed("a part has no name")
    kind = headers.get(b"content-type")
    return FormPart(
        options[b"name"].decode(errors="replace"),
        file_name(disposition, options),
        pieces,
        None if kind is None else kind.decode("latin-1"),
    )


async def _seen(chunks: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[Seen]:
    """Headers, pieces of the body and end of each part, as the chunks of the request are pulled through the parser."""
    collector = _Collector()
    try:
        parser = MultipartParser(boundary, collector.callbacks())
        async for chunk in chunks:
            parser.write(chunk)
            while collector.seen:
                yield collector.seen.popleft()
    except FormParserError as error:
        raise malformed(str(error)) from None
    if not collector.complete:
        raise malformed("it ends early")


class _Collector:
    """What the parser has seen and nobody has taken yet."""

    def __init__(self) -> None:
        self.seen: deque[Seen] = deque()
        self.complete = False
        self._headers: Headers = {}
        self._field = self._value = b""

    def callbacks(self) -> Any:
        """What `MultipartParser` calls: its hooks by name, with slices of the chunk it was fed."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_field,
            "on_header_value": self._on_value,
            "on_header_end": self._end_header,
            "on_headers_finished": lambda: self.seen.append(self._headers),
            "on_part_data": lambda data, start, end: self.seen.append(data[start:end]),
            "on_part_end": lambda: self.seen.append(None),
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._headers = {}

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _end(self) -> None:
        self.complete = True
