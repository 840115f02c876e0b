"""Records as table entities: small data as readable text, larger data in binary pieces, the largest in a blob."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from shared.json_types import Json

#: Characters that fit a text property.
TEXT: Final = 32 * 1024
#: Bytes that fit a binary property. Text counts double against the entity's limit, binary does not.
PIECE: Final = 64 * 1024
#: An entity holds 1 MiB with its names and keys.
MAX_PIECES: Final = 14
#: A transaction's request holds 4 MiB; what is left is for the envelope of a hundred parts.
TRANSACTION: Final = 3_700_000
#: What stands behind a property's name in the name of its type's.
TYPE: Final = "@odata.type"
BINARY: Final = "Edm.Binary"


def spilled(texts: Sequence[str]) -> set[int]:
    """Which of the texts of one commit go to a blob: those no entity holds, then the largest until the rest fits."""
    sent = {index: _sent(text) for index, text in enumerate(texts)}
    over = {index for index, text in enumerate(texts) if len(text) > PIECE * MAX_PIECES}
    for index in sorted(sent, key=lambda index: sent[index], reverse=True):
        if sum(size for kept, size in sent.items() if kept not in over) <= TRANSACTION:
            break
        over.add(index)
    return over


def data_properties(text: str) -> Json:
    """The properties that hold a record's text, which is ASCII."""
    if len(text) <= TEXT:
        return {"data": text}
    data = text.encode("ascii")
    return {f"data{n:02}": data[n * PIECE : (n + 1) * PIECE] for n in range(-(-len(data) // PIECE))}


def text_of(entity: Mapping[str, Any]) -> str:
    """The text that `data_properties` put there."""
    if "data" in entity:
        return str(entity["data"])
    pieces = sorted(name for name in entity if name.startswith("data"))
    return b"".join(entity[name] for name in pieces).decode("ascii")


def properties(entity: Mapping[str, str | int | bytes]) -> Json:
    """An entity as the service takes it: every property with its type; whole numbers have 64 bits."""
    sent: Json = {}
    for name, value in entity.items():
        match value:
            case str():
                sent[name], sent[name + TYPE] = value, "Edm.String"
            case int():
                sent[name], sent[name + TYPE] = str(value), "Edm.Int64"
            case bytes():
                sent[name], sent[name + TYPE] = base64.b64encode(value).decode("ascii"), BINARY
    return sent


def entity_of(answer: Mapping[str, Any]) -> Json:
    """An entity from the service's answer, its version as `etag`; numbers stay text."""
    entity: Json = {}
    for name, value in answer.items():
        if name.endswith(TYPE) or name.startswith("odata."):
            continue
        entity[name] = base64.b64decode(value) if answer.get(name + TYPE) == BINARY else value
    written = quote(entity.pop("Timestamp", ""))
    entity["etag"] = answer.get("odata.etag") or f"W/\"datetime'{written}'\""
    return entity


def _sent(text: str) -> int:
    """Bytes in the request: text is escaped once more, binary becomes base64."""
    if len(text) <= TEXT:
        return len(text) + text.count('"') + text.count("\\")
    return len(text) * 4 // 3
