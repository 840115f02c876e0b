"""What tools of Foundry Agents (classic) use, as requested: data in Azure, search indexes, MCP servers."""

from __future__ import annotations

from typing import Annotated

from shared.objects.bounds import AtMost
from shared.objects.common import RequestBody
from shared.objects.tools.foundry import MOST, RequireApproval, Text, Url
from shared.objects.tools.headers import SecretHeaders, values_of


class DataSource(RequestBody):
    """Data in Azure: a blob (`uri_asset`) or a data asset (`id_asset`)."""

    uri: Url
    type: Text


DataSources = Annotated[list[DataSource], AtMost(MOST)]


class DataConfiguration(RequestBody):
    """The data of a vector store."""

    data_sources: DataSources


class AzureVectorStore(RequestBody):
    """A vector store of data in Azure."""

    name: Text
    configuration: DataConfiguration


class SearchIndex(RequestBody):
    """An index of Azure AI Search, and how it is searched."""

    index_connection_id: Text | None = None
    index_name: Text | None = None
    query_type: Text | None = None
    top_k: int | None = None
    filter: Annotated[str, AtMost(32_768)] | None = None
    index_asset_id: Text | None = None


class SearchIndexes(RequestBody):
    """The indexes to search."""

    indexes: Annotated[list[SearchIndex], AtMost(MOST)] | None = None


class McpServer(RequestBody):
    """What a server of an `mcp` tool is told, by the tool's label."""

    server_label: Text
    headers: SecretHeaders | None = None
    require_approval: RequireApproval | None = None

    def secrets(self) -> dict[str, str | None]:
        """What the server is to be sent besides; None: the value that is known already."""
        return values_of(self.headers)
