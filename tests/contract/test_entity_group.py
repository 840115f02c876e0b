"""A transaction has the bytes that the client library would have sent, and its answer is read as it reads it."""

from __future__ import annotations

import re

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import DecodeError, ServiceRequestError
from azure.data.tables import EdmType, TableTransactionError, UpdateMode

from shared.azure.account import EMULATOR, StorageAccount, code_of
from shared.store.entity_group import Envelope, Write, decode, path_of
from tests.fakes.azure_transport import Refusing

VERSION = "W/\"datetime'2026-11-28T10%3A00%3A00.0000000Z'\""
ENTITIES = [
    {
        "PartitionKey": "me:thread_1",
        "RowKey": "run_1",
        "token": "t",
        "due": 1_767_225_600,
        "data": '{"text":"\\u00e9"}',
    },
    {"PartitionKey": "it's", "RowKey": "a b+c%&=;", "token": "t", "data00": bytes(range(256)), "data01": b""},
    {"PartitionKey": "p", "RowKey": "~!$()*,:@", "blob": "spill/p/a-1"},
]
REPLACE = {"mode": UpdateMode.REPLACE}
IF = {"match_condition": MatchConditions.IfNotModified, "etag": VERSION}


@pytest.fixture
async def library():
    """The client library's own table client, its transport, and the table's address."""
    kept = Refusing()
    account = StorageAccount(EMULATOR, options={"transport": kept})
    yield account.tables.get_table_client("records"), kept, f"{account.tables.url}/records"
    await account.close()


def for_library(entity):
    return {name: (value, EdmType.INT64) if isinstance(value, int) else value for name, value in entity.items()}


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity["RowKey"])
async def test_a_transaction_has_the_bytes_of_the_library_s(library, entity):
    client, kept, url = library
    theirs = for_library(entity)
    with pytest.raises(ServiceRequestError):
        await client.submit_transaction(
            [
                ("create", theirs, {}),
                ("upsert", theirs, REPLACE),
                ("update", theirs, REPLACE),
                ("update", theirs, REPLACE | IF),
                ("delete", theirs, {}),
                ("delete", theirs, IF),
            ]
        )
    headers = kept.request.headers
    # The library looks at the clock for each part.
    body = re.sub(rb"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", headers["x-ms-date"].encode(), kept.request.content)
    batch, changeset = (re.search(rb"%s_[0-9a-f-]{36}" % kind, body)[0].decode() for kind in (b"batch", b"changeset"))
    envelope = Envelope(url, headers["x-ms-version"], headers["x-ms-date"], (batch, changeset))
    ours = envelope.encode(
        [
            Write("POST", entity),
            Write("PUT", entity),
            Write("PUT", entity, "*"),
            Write("PUT", entity, VERSION),
            Write("DELETE", entity, "*"),
            Write("DELETE", entity, VERSION),
        ]
    )
    assert ours == body
    assert envelope.content_type == headers["Content-Type"]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity["RowKey"])
async def test_an_entity_is_where_the_library_looks_for_it(library, entity):
    client, kept, url = library
    with pytest.raises(ServiceRequestError):
        await client.get_entity(entity["PartitionKey"], entity["RowKey"])
    assert kept.request.url == url + path_of(entity["PartitionKey"], entity["RowKey"])


def answer(*parts: str) -> bytes:
    head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    changeset = "".join(f"--changesetresponse_1\r\n{head}{part}\r\n" for part in parts)
    outer = "--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n"
    return f"{outer}{changeset}--changesetresponse_1--\r\n--batchresponse_1--\r\n".encode()


INSERTED = f'HTTP/1.1 201 Created\r\nETag: {VERSION}\r\n\r\n{{"data":"HTTP/1.1 500 --changesetresponse_1"}}'
DELETED = "HTTP/1.1 204 No Content\r\nDataServiceVersion: 1.0;\r\n\r\n"
ERROR = '{"odata.error":{"code":"%s","message":{"lang":"en-US","value":"%s"}}}'
REFUSED = "HTTP/1.1 409 Conflict\r\n\r\n" + ERROR % ("EntityAlreadyExists", "12:The specified entity already exists.")


def test_an_answer_has_an_etag_for_every_write():
    assert decode(answer(INSERTED, DELETED, INSERTED), 3) == [VERSION, "", VERSION]


def test_a_refusal_tells_which_operation_it_is_about():
    with pytest.raises(TableTransactionError) as raised:
        decode(answer(REFUSED), 13)
    assert (raised.value.index, raised.value.status_code) == (12, 409)
    assert code_of(raised.value) == "EntityAlreadyExists"


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b"", 1),
        (answer(INSERTED)[:90], 1),
        (answer(INSERTED), 2),
        (answer("HTTP/1.1 409 Conflict\r\n\r\nno JSON"), 1),
        (answer("HTTP/1.1 500 Sorry\r\n\r\n[]"), 1),
        (answer("HTTP/1.1 \r\n\r\n"), 1),
    ],
    ids=["empty", "cut", "too few", "no reason", "no error", "no status"],
)
def test_an_answer_that_cannot_be_read_is_no_success(body, count):
    with pytest.raises(DecodeError):
        decode(body, count)
