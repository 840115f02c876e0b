"""Tools that Foundry Agents (classic) has beside those of the Assistants API: shapes, kept as they came.

Field for field as in azure-ai-agents 1.1.0 and 1.2.0b6. How a run carries a kind out is not said here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, StringConstraints, Tag, model_validator

from shared.json_types import Json
from shared.objects.bounds import AtMost
from shared.objects.common import RequestBody
from shared.objects.openapi_document import BrokenDocument
from shared.objects.parse import BY_SHAPE, rejected, shown
from shared.objects.read_documents import READ
from shared.objects.tools.functions import FunctionDefinition
from shared.objects.tools.headers import SecretHeaders, SecretToken, values_of
from shared.objects.tools.kind import ToolKind

#: Connections, search configurations, functions of a document: each list of a definition.
MOST: Final = 100
#: Tools of one MCP server.
MOST_NAMES: Final = 1000

#: The header that `authorization` stands for.
AUTHORIZATION: Final = "authorization"

#: May be empty: SDKs write members down that a program left out.
Text = Annotated[str, StringConstraints(max_length=512)]
Url = Annotated[str, StringConstraints(max_length=2048)]
Prose = Annotated[str, AtMost(256_000)]
Names = Annotated[list[Text], AtMost(MOST_NAMES)]


class FoundryTool(ToolKind):
    """A tool that is stored and answered as it was sent."""

    def to_json(self) -> Json:
        """The tool as stored and answered."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Connection(RequestBody):
    """A connection of a Foundry project, by its id."""

    connection_id: Text


class AzureAISearchTool(FoundryTool):
    """An index of Azure AI Search, which `tool_resources.azure_ai_search` names."""

    type: Literal["azure_ai_search"]


class StorageQueue(RequestBody):
    """A queue of Azure Storage."""

    queue_service_endpoint: Url
    queue_name: Text


class QueueBinding(RequestBody):
    """Where an Azure function takes its input from, or leaves its output."""

    type: Literal["storage_queue"]
    storage_queue: StorageQueue


class AzureFunction(RequestBody):
    """A function behind two queues."""

    function: FunctionDefinition
    input_binding: QueueBinding
    output_binding: QueueBinding


class AzureFunctionTool(FoundryTool):
    """An Azure function that is called by queues."""

    type: Literal["azure_function"]
    azure_function: AzureFunction


class ConnectedAgent(RequestBody):
    """Another assistant, as a tool of this one."""

    id: Text
    name: Text
    description: Prose


class ConnectedAgentTool(FoundryTool):
    """Another assistant as a tool."""

    type: Literal["connected_agent"]
    connected_agent: ConnectedAgent


class ToolNames(RequestBody):
    """Tools of an MCP server, by name."""

    tool_names: Names


class Approvals(RequestBody):
    """Which tools of an MCP server need an approval."""

    always: ToolNames | None = None
    never: ToolNames | None = None


RequireApproval = Annotated[
    Annotated[Literal["always", "never"], Tag("(a string)")] | Annotated[Approvals, Tag("(=)")], BY_SHAPE
]
AllowedTools = Annotated[Annotated[Names, Tag("(an array)")] | Annotated[ToolNames, Tag("(=)")], BY_SHAPE]


class McpTool(FoundryTool):
    """The tools of an MCP server: as Foundry has it, and the members by which the Responses API says the same."""

    type: Literal["mcp"]
    server_label: Text
    server_url: Url
    server_description: Prose | None = None
    allowed_tools: AllowedTools | None = None
    require_approval: RequireApproval | None = None
    headers: SecretHeaders | None = None
    authorization: SecretToken | None = None

    @model_validator(mode="after")
    def _authorized_once(self) -> McpTool:
        if self.authorization is not None and AUTHORIZATION in {name.lower() for name in self.headers or ()}:
            text = "Invalid '{path}': only one of 'authorization' and a header of that name can be provided."
            raise rejected(text, "invalid_value", "authorization")
        return self

    def secrets(self) -> dict[str, str | None]:
        """What its server is to be sent besides; None: the value that is known already."""
        headers = values_of(self.headers)
        if self.authorization is not None:
            headers[AUTHORIZATION] = f"Bearer {self.authorization.get_secret_value()}"
        elif "authorization" in self.model_fields_set:
            headers[AUTHORIZATION] = None
        return headers


def _with_labels_of_their_own(listed: Sequence[Any]) -> Sequence[Any]:
    """Headers, approvals and steps know an MCP server by its label alone."""
    labels = [getattr(each, "server_label", None) for each in listed]
    for index, label in enumerate(labels):
        if label is not None and label in labels[:index]:
            text = f"Invalid '{{path}}': an MCP server before it is called '{shown(label)}', too."
            raise rejected(text, "invalid_value", f"[{index}].server_label")
    return listed


#: Put on each list that may name MCP servers.
LABELS = AfterValidator(_with_labels_of_their_own)


class AnonymousAuth(RequestBody):
    """The API asks nobody who they are."""

    type: Literal["anonymous"]


class ConnectionAuth(RequestBody):
    """The API takes the key of a connection."""

    type: Literal["connection"]
    security_scheme: Connection


class Audience(RequestBody):
    """For whom a token is made."""

    audience: Text


class ManagedIdentityAuth(RequestBody):
    """The API takes a token of the box's identity."""

    type: Literal["managed_identity"]
    security_scheme: Audience


OpenApiAuth = Annotated[
    Annotated[AnonymousAuth, Tag("(=anonymous)")]
    | Annotated[ConnectionAuth, Tag("(=connection)")]
    | Annotated[ManagedIdentityAuth, Tag("(=managed_identity)")],
    BY_SHAPE,
]


class OpenApi(RequestBody):
    """An API by its OpenAPI document; `functions` is what the hosted service makes of it, and is taken back."""

    name: Text
    description: Prose | None = None
    spec: Json
    auth: OpenApiAuth
    default_params: Names | None = None
    functions: Annotated[list[FunctionDefinition], AtMost(MOST_NAMES)] | None = None

    @model_validator(mode="after")
    def _spec_is_a_document(self) -> OpenApi:
        try:
            READ.operations(self.spec)
        except BrokenDocument as fault:
            text = f"Invalid OpenAPI document at '{{path}}': {fault}."
            raise rejected(text, "invalid_openapi_document", f"spec.{fault.place}") from None
        return self


class OpenApiTool(FoundryTool):
    """The operations of an API as functions."""

    type: Literal["openapi"]
    openapi: OpenApi
