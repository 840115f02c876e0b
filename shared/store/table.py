"""One table of the account: entities read and written, an attempt each. Repeating them is the caller's business."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote
from uuid import uuid4

from azure.core.exceptions import DecodeError
from azure.core.rest import AsyncHttpResponse
from azure.data.tables.aio import TableServiceClient

from shared import json_text
from shared.azure.requests import Requests, now
from shared.json_types import Json
from shared.store.entities import entity_of
from shared.store.entity_group import MINIMAL, Envelope, Write, decode, path_of

#: Of every request about entities.
HEADERS: Final = {"DataServiceVersion": "3.0", "Accept": MINIMAL}
#: Where an answer tells that there is more, and the parameter that asks for it.
NEXT: Final = {f"x-ms-continuation-Next{part}Key": f"Next{part}Key" for part in ("Partition", "Row")}


class EntityTable:
    """Every method raises AzureError, with the service's own word in `error_code`."""

    def __init__(self, service: TableServiceClient, name: str) -> None:
        self._requests = Requests.to_tables(service)
        self._service, self._name = service, name

    async def get(self, partition: str, key: str) -> Json:
        """An entity as `entities.entity_of` has it."""
        response = await self._requests.send("GET", self._name + path_of(partition, key), headers=HEADERS)
        entity = entity_of(answer_of(response))
        if "PartitionKey" not in entity:
            raise DecodeError("an answer that is no entity", response=response)
        return entity

    async def query(self, condition: str, limit: int, after: str = "") -> tuple[list[Json], str]:
        """Up to `limit` entities that meet an OData condition, and where to go on after them; empty: nowhere."""
        query = f"$top={limit}&$filter={quote(condition, safe='')}{after}"
        response = await self._requests.send("GET", f"{self._name}()", query, HEADERS)
        tokens = {parameter: response.headers.get(header) for header, parameter in NEXT.items()}
        more = "".join(f"&{name}={quote(token, safe='')}" for name, token in tokens.items() if token)
        return [entity_of(each) for each in answer_of(response)["value"]], more

    async def submit(self, writes: Sequence[Write]) -> list[str]:
        """Write all or nothing: the new etags, empty for deletes. Raises TableTransactionError for the one refused."""
        requests, boundaries = self._requests, (f"batch_{uuid4()}", f"changeset_{uuid4()}")
        envelope = Envelope(f"{requests.url}/{self._name}", requests.version, now(), boundaries)
        headers = {
            "DataServiceVersion": "3.0",
            "MaxDataServiceVersion": "3.0;NetFx",
            "Content-Type": envelope.content_type,
            "Accept": "application/json",
        }
        response = await requests.send("POST", "$batch", headers=headers, content=envelope.encode(writes))
        return decode(response.content, len(writes))

    async def create(self) -> None:
        """Create the table."""
        await self._service.create_table(self._name)


def answer_of(response: AsyncHttpResponse) -> Json:
    """The JSON object in an answer. Raises DecodeError."""
    try:
        answer: Json = json_text.read(response.content)
    except ValueError as error:
        raise DecodeError("an answer that is no JSON", response=response) from error
    return answer
