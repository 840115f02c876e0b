"""Tool resources: what a request names is checked, and what an object shows leaves out files deleted since."""

from __future__ import annotations

from shared import layout
from shared.deps import Caller
from shared.errors import wrong_shape
from shared.files import files
from shared.json_types import Json
from shared.objects.tools.foundry_resources import AzureVectorStore
from shared.objects.tools.resources import (
    CodeInterpreterResources,
    FileSearchResources,
    FoundryResources,
    NewFileSearchResources,
    NewToolResources,
    NewVectorStore,
    ToolResources,
)
from shared.vector_stores import stores

Requested = NewToolResources | ToolResources | None


async def resolve(caller: Caller, requested: Requested, param: str = "tool_resources", days: int | None = None) -> Json:
    """The resources as stored and answered; a vector store that is created with them lives so many idle days.

    Raises InvalidRequest for files, NotFoundError for vector stores that do not exist.
    """
    if requested is None:
        return {}
    resolved = requested.model_dump(mode="json", include={*FoundryResources.model_fields}, exclude_unset=True)
    resolved = {tool: value for tool, value in resolved.items() if value is not None}
    if requested.code_interpreter is not None:
        file_ids = requested.code_interpreter.file_ids or []
        await _check_files(caller, file_ids, f"{param}.code_interpreter.file_ids")
        resolved["code_interpreter"] = {"file_ids": file_ids} | _in_azure(requested.code_interpreter)
    if requested.file_search is not None:
        store_ids = await _stores(caller, requested.file_search, days)
        # Programs read the first store of whatever is there.
        search = ({"vector_store_ids": store_ids} if store_ids else {}) | _in_azure(requested.file_search)
        if search:
            resolved["file_search"] = search
    return resolved


def _in_azure(requested: CodeInterpreterResources | FileSearchResources | NewFileSearchResources) -> Json:
    """Data in Azure that Foundry's tools could use: kept as it came."""
    if isinstance(requested, CodeInterpreterResources):
        sources = requested.data_sources
        return {} if sources is None else {"data_sources": [each.model_dump(mode="json") for each in sources]}
    stores = [each for each in requested.vector_stores or () if isinstance(each, AzureVectorStore)]
    return {"vector_stores": [each.model_dump(mode="json") for each in stores]} if stores else {}


def merge(stored: Json, requested: Requested, resolved: Json) -> Json:
    """Stored resources changed tool by tool: an omitted tool stays, null removes it; null for all removes all."""
    if requested is None:
        return {}
    kept = {tool: value for tool, value in stored.items() if tool not in requested.model_fields_set}
    return kept | resolved


async def present(caller: Caller, data: Json) -> Json:
    """The object without the files that were deleted since: they leave every tool when they go."""
    code_interpreter = data["tool_resources"].get("code_interpreter", {})
    file_ids = code_interpreter.get("file_ids")
    if not file_ids:
        return data
    lost = await files.missing(caller, file_ids)
    if not lost:
        return data
    kept = code_interpreter | {"file_ids": [file_id for file_id in file_ids if file_id not in lost]}
    return data | {"tool_resources": data["tool_resources"] | {"code_interpreter": kept}}


async def _check_files(caller: Caller, file_ids: list[str], param: str) -> None:
    for index, file_id in enumerate(file_ids):
        if not file_id.startswith(("file", layout.FOREIGN_FILE)):
            raise wrong_shape(f"{param}[{index}]", file_id, "file")
    await files.check(caller, file_ids, param)


async def _stores(
    caller: Caller, requested: FileSearchResources | NewFileSearchResources, days: int | None
) -> list[str]:
    store_ids = [*(requested.vector_store_ids or ())]
    await stores.check(caller, store_ids)
    for new in requested.vector_stores or ():
        if isinstance(new, NewVectorStore):
            store_ids.append(await stores.create_for_tools(caller, new, days))
    return store_ids
