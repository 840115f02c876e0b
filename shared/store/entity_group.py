"""An entity-group transaction on the wire: the request's bytes as the client library writes them, and the answer read.

The library builds and parses both with the standard library's mail package, which costs more than all the rest of a
commit. Pure; sending is `table`'s business.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from azure.core.exceptions import DecodeError
from azure.data.tables import TableTransactionError

from shared.azure.requests import odata_error
from shared.json_types import Json
from shared.store.entities import properties

FAILED: Final = 300
MINIMAL: Final = "application/json;odata=minimalmetadata"
#: What the service answers to each kind of operation.
ACCEPTS: Final = {"POST": MINIMAL, "PUT": "application/json", "DELETE": MINIMAL}
PART: Final = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: "


@dataclass(frozen=True, slots=True)
class Write:
    """One entity to insert (POST), replace (PUT) or delete (DELETE)."""

    method: str
    entity: Json
    #: The etag it must have; `*`: any. Empty for an insert.
    match: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all the parts of one transaction share."""

    #: Address of the table.
    url: str
    version: str
    #: As HTTP has it.
    date: str
    #: Of batch and changeset; random.
    boundaries: tuple[str, str]

    @property
    def content_type(self) -> str:
        """Of the request that carries the transaction."""
        return f"multipart/mixed; boundary={self.boundaries[0]}"

    def encode(self, writes: Sequence[Write]) -> bytes:
        """The request's body."""
        batch, changeset = self.boundaries
        parts = [
            f"--{changeset}\r\n{PART}{number}\r\n\r\n{self._request(write)}\r\n" for number, write in enumerate(writes)
        ]
        begin = f"--{batch}\r\nContent-Type: multipart/mixed; boundary={changeset}\r\n\r\n"
        return (begin + "".join(parts) + f"--{changeset}--\r\n\r\n--{batch}--\r\n").encode()

    def _request(self, write: Write) -> str:
        """One operation as a request of its own."""
        body = "" if write.method == "DELETE" else json.dumps(properties(write.entity))
        content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        match = f"If-Match: {write.match}\r\n" if write.match else ""
        place = "" if write.method == "POST" else path_of(write.entity["PartitionKey"], write.entity["RowKey"])
        return (
            f"{write.method} {self.url}{place} HTTP/1.1\r\n{content}x-ms-version: {self.version}\r\n"
            f"DataServiceVersion: 3.0\r\nAccept: {ACCEPTS[write.method]}\r\n{match}"
            f"x-ms-date: {self.date}\r\nDate: {self.date}\r\n\r\n{body}"
        )


def path_of(partition: str, key: str) -> str:
    """Where an entity is, behind its table's address."""
    first, second = (quote(each.replace("'", "''"), safe="") for each in (partition, key))
    return f"(PartitionKey='{first}',RowKey='{second}')"


def decode(answer: bytes, count: int) -> list[str]:
    """The new etags of so many operations, empty for deletes.

    Raises TableTransactionError for the operation that failed, DecodeError when it is no whole answer.
    """
    etags = []
    # The parts' bodies are JSON on one line: a line of dashes stands between parts only.
    for piece in answer.split(b"\r\n--"):
        _, found, response = piece.partition(b"HTTP/1.1 ")
        if found:
            head, _, body = response.partition(b"\r\n\r\n")
            status, *headers = head.split(b"\r\n")
            if not status[:3].isdigit() or int(status[:3]) >= FAILED:
                raise failure(status, body)
            etags.append(etag_of(headers))
    if len(etags) != count:
        raise DecodeError(f"{len(etags)} answers to {count} operations")
    return etags


def etag_of(headers: Sequence[bytes]) -> str:
    """The value of that header, if it is there."""
    for header in headers:
        name, _, value = header.partition(b":")
        if name.lower() == b"etag":
            return value.strip().decode("ascii")
    return ""


def failure(status: bytes, body: bytes) -> TableTransactionError | DecodeError:
    """What the service says of an operation; its message begins with the operation's place."""
    try:
        code, message = odata_error(json.loads(body))
        error = TableTransactionError(message=message)
        error.status_code = int(status[:3])
        error.error_code = code  # type: ignore[attr-defined]  # as the library leaves it
    except (ValueError, KeyError, TypeError):
        return DecodeError(f"an operation's answer that cannot be read: {status!r}")
    return error
