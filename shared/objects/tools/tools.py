"""Tools and the choices among them, as requested; `to_json` gives what is stored and answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field, Tag

from shared.json_types import Json
from shared.objects.common import RequestBody
from shared.objects.parse import BY_SHAPE
from shared.objects.tools import foundry, provider
from shared.objects.tools.functions import FunctionDefinition
from shared.objects.tools.kind import Name, ToolKind

DEFAULT_RANKER: Final = "default_2024_08_21"


class CodeInterpreterTool(ToolKind):
    """The code interpreter: the model writes Python, the box runs it in a sandbox."""

    type: Literal["code_interpreter"]

    def to_json(self) -> Json:
        """The tool as stored and answered."""
        return {"type": self.type}


class RankingOptions(RequestBody):
    """How file search ranks; `hybrid_search` is only there because answers carry it and clients send them back."""

    ranker: Literal["auto", "default_2024_08_21"] | None = None
    score_threshold: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    hybrid_search: None = None


class FileSearchOverrides(RequestBody):
    """Settings of the file search tool."""

    max_num_results: Annotated[int, Field(ge=1, le=50)] | None = None
    ranking_options: RankingOptions | None = None


class FileSearchTool(ToolKind):
    """File search, with its overrides."""

    type: Literal["file_search"]
    file_search: FileSearchOverrides | None = None

    def to_json(self) -> Json:
        """The tool as answered: ranking options are always there."""
        overrides = self.file_search or FileSearchOverrides()
        ranking = overrides.ranking_options or RankingOptions()
        settings: Json = {}
        if overrides.max_num_results is not None:
            settings["max_num_results"] = overrides.max_num_results
        settings["ranking_options"] = {
            "ranker": ranking.ranker or DEFAULT_RANKER,
            "score_threshold": ranking.score_threshold or 0.0,
            "hybrid_search": None,
        }
        return {"type": self.type, "file_search": settings}


class FunctionTool(ToolKind):
    """A function that the client runs, or the box if it has one of that name and the run allows it."""

    type: Literal["function"]
    function: FunctionDefinition

    def to_json(self) -> Json:
        """The tool as answered: `parameters` and `strict` are always there."""
        function: Json = {"name": self.function.name}
        if self.function.description is not None:
            function["description"] = self.function.description
        no_parameters = {"type": "object", "properties": {}}
        function["parameters"] = no_parameters if self.function.parameters is None else self.function.parameters
        function["strict"] = self.function.strict or False
        return {"type": self.type, "function": function}


Tool = Annotated[
    Annotated[CodeInterpreterTool, Tag("(=code_interpreter)")]
    | Annotated[FileSearchTool, Tag("(=file_search)")]
    | Annotated[FunctionTool, Tag("(=function)")]
    | Annotated[foundry.AzureAISearchTool, Tag("(=azure_ai_search)")]
    | Annotated[foundry.AzureFunctionTool, Tag("(=azure_function)")]
    | Annotated[provider.BingCustomSearchTool, Tag("(=bing_custom_search)")]
    | Annotated[provider.BingGroundingTool, Tag("(=bing_grounding)")]
    | Annotated[provider.BrowserAutomationTool, Tag("(=browser_automation)")]
    | Annotated[provider.ComputerUseTool, Tag("(=computer_use_preview)")]
    | Annotated[foundry.ConnectedAgentTool, Tag("(=connected_agent)")]
    | Annotated[provider.DeepResearchTool, Tag("(=deep_research)")]
    | Annotated[provider.FabricTool, Tag("(=fabric_dataagent)")]
    | Annotated[provider.ImageGenerationTool, Tag("(=image_generation)")]
    | Annotated[foundry.McpTool, Tag("(=mcp)")]
    | Annotated[foundry.OpenApiTool, Tag("(=openapi)")]
    | Annotated[provider.SharepointTool, Tag("(=sharepoint_grounding)")]
    | Annotated[provider.WebSearchTool, Tag("(=web_search)")]
    | Annotated[provider.WebSearchPreviewTool, Tag("(=web_search_preview)")],
    BY_SHAPE,
]


#: What a request's `tools` become.
AnyTool = CodeInterpreterTool | FileSearchTool | FunctionTool | foundry.FoundryTool


def tools_json(tools: Sequence[AnyTool] | None) -> list[Json]:
    """The tools as answered; none for null."""
    return [tool.to_json() for tool in tools or ()]


class FunctionName(RequestBody):
    """A function by its name, as `tool_choice` has it."""

    name: Name


class FunctionChoice(ToolKind):
    """The model must call this function."""

    type: Literal["function"]
    function: FunctionName


class CodeInterpreterChoice(ToolKind):
    """The model must use the code interpreter."""

    type: Literal["code_interpreter"]


class FileSearchChoice(ToolKind):
    """The model must use file search."""

    type: Literal["file_search"]


class FoundryChoice(ToolKind):
    """The model must use this tool: what can be chosen in Foundry, or the provider's own search."""

    type: Literal[
        "azure_ai_search",
        "bing_custom_search",
        "bing_grounding",
        "connected_agent",
        "deep_research",
        "fabric_dataagent",
        "sharepoint_grounding",
        "web_search",
        "web_search_preview",
    ]


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("(a string)")]
    | Annotated[FunctionChoice, Tag("(=function)")]
    | Annotated[CodeInterpreterChoice, Tag("(=code_interpreter)")]
    | Annotated[FileSearchChoice, Tag("(=file_search)")]
    | Annotated[FoundryChoice, Tag("(=azure_ai_search)")]
    | Annotated[FoundryChoice, Tag("(=bing_custom_search)")]
    | Annotated[FoundryChoice, Tag("(=bing_grounding)")]
    | Annotated[FoundryChoice, Tag("(=connected_agent)")]
    | Annotated[FoundryChoice, Tag("(=deep_research)")]
    | Annotated[FoundryChoice, Tag("(=fabric_dataagent)")]
    | Annotated[FoundryChoice, Tag("(=sharepoint_grounding)")]
    | Annotated[FoundryChoice, Tag("(=web_search)")]
    | Annotated[FoundryChoice, Tag("(=web_search_preview)")],
    BY_SHAPE,
]


def choice_json(value: str | RequestBody | None) -> Any:
    """A tool choice or response format as answered: what was sent, `auto` by default."""
    if isinstance(value, RequestBody):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return "auto" if value is None else value
