"""Operations of APIs that an assistant names by an OpenAPI document, offered to the model as functions.

A call is made by the box: to checked addresses, without credentials unless the document asks for them and the operator
has some for that very server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.deps import Deps
from shared.json_types import Json
from shared.objects.openapi_document import ApiOperation
from shared.objects.read_documents import READ
from shared.objects.run import RunRecord
from shared.runs.offered_names import offered_name
from shared.runs.server_credentials import headers_of
from shared.runs.tool_call_views import CallView, DetailsView
from shared.runs.tool_calls import (
    UNKNOWN,
    Handler,
    ToolResult,
    function_definition,
    permitted,
    refused,
    told,
    verdict_on,
)
from shared.settings.values import ServerConnection
from shared.tools import openapi_call
from shared.tools.base import ToolFailure, arguments_object
from shared.tools.domains import domains_of
from shared.tools.openapi_call import Credentials

KIND: Final = "openapi"


@dataclass(frozen=True, slots=True)
class OperationFunction:
    """An operation of a document, as the model is offered it."""

    deps: Deps
    operation: ApiOperation
    auth: Json
    definition: Json
    needs_approval: bool

    @property
    def attempts(self) -> int | None:
        return None if self.operation.idempotent else 1

    @property
    def side_effects(self) -> bool:
        return not self.needs_approval and not self.operation.idempotent

    def view(self, call_id: str) -> CallView:
        return DetailsView(call_id, KIND, self.definition["name"])

    async def execute(self, call_id: str, arguments: str) -> ToolResult:
        return await told(self, call_id, arguments, self._request(arguments))

    async def _request(self, arguments: str) -> str:
        known = await credentials(self.deps, self.operation.url, self.auth)
        trusted = domains_of(self.deps.settings.openapi_allowed_hosts)
        return await openapi_call.request(self.operation, arguments_object(arguments), known, trusted)

    async def given_up(self, call_id: str, arguments: str) -> ToolResult:
        return refused(self.view(call_id), arguments, UNKNOWN)


def handlers(deps: Deps, record: RunRecord, taken: set[str]) -> list[Handler]:
    """The operations of the run's documents, which the operator may deny."""
    verdict = verdict_on(deps, record, KIND)
    found = list[Handler]()
    for tool in record.run.tools:
        if tool["type"] == KIND:
            api = tool[KIND]
            offered = [_offered(deps, each, api["auth"]) for each in READ.operations(api["spec"])]
            found += [
                OperationFunction(deps, each, api["auth"], _definition(api, each, taken), verdict == "ask")
                for each in offered
            ]
    return permitted(found, verdict, KIND)


async def credentials(deps: Deps, url: str, auth: Json) -> Credentials:
    """What a request to the URL carries. Raises ToolFailure where the operator has nothing for it."""
    if auth["type"] == "anonymous":
        return Credentials()
    connection = _connection(deps, url, auth)
    if connection is None:
        raise ToolFailure("this box has no connection (CONNECTIONS) for this API's server")
    headers = connection.secrets() if auth["type"] == "connection" else await headers_of(deps, connection)
    return Credentials(headers, connection.secret_query())


def _connection(deps: Deps, url: str, auth: Json) -> ServerConnection | None:
    """A document could name any server, and would be sent the key: so the operator says which it is for."""
    scheme = auth.get("security_scheme", {})
    for name, connection in deps.settings.connections.items():
        named = scheme.get("connection_id", "").rpartition("/")[2] == name
        meant = connection.audience != "" and connection.audience == scheme.get("audience")
        if (named or meant) and connection.covers(url):
            return connection
    return None


def _offered(deps: Deps, operation: ApiOperation, auth: Json) -> ApiOperation:
    connection = _connection(deps, operation.url, auth)
    return operation if connection is None else openapi_call.without_credentials(operation, connection.query)


def _definition(api: Json, operation: ApiOperation, taken: set[str]) -> Json:
    name = offered_name(api["name"], operation.name, taken)
    words = operation.description or api.get("description") or ""
    return function_definition(name, words, openapi_call.arguments_schema(operation))
