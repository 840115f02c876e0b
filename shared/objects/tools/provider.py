"""Tools that only a model's provider or another service of Azure can have, kept as they came.

Those of Foundry Agents (classic) are field for field as in azure-ai-agents 1.1.0 and 1.2.0b6; the rest is the Responses
API's. Where a member may be missing, Foundry's SDK for JavaScript leaves it out, whatever the program said.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict

from shared.objects.bounds import AtMost
from shared.objects.common import RequestBody
from shared.objects.tools.foundry import MOST, Connection, FoundryTool, Text


class Connections(RequestBody):
    """Connections of a Foundry project."""

    connections: Annotated[list[Connection], AtMost(MOST)] | None = None


class BingSearch(RequestBody):
    """How Bing is asked: markets and languages as Bing names them."""

    connection_id: Text
    market: Text | None = None
    set_lang: Text | None = None
    count: int | None = None
    freshness: Text | None = None


class BingCustomSearch(BingSearch):
    """How a Bing custom search is asked."""

    instance_name: Text


class BingSearches(RequestBody):
    """The searches of grounding with Bing; `connections` is how earlier versions put it."""

    search_configurations: Annotated[list[BingSearch], AtMost(MOST)] | None = None
    connections: Annotated[list[Connection], AtMost(MOST)] | None = None


class BingGroundingTool(FoundryTool):
    """Grounding with Bing."""

    type: Literal["bing_grounding"]
    bing_grounding: BingSearches


class BingCustomSearches(RequestBody):
    """The searches of a custom search."""

    search_configurations: Annotated[list[BingCustomSearch], AtMost(MOST)]


class BingCustomSearchTool(FoundryTool):
    """Grounding with a Bing custom search."""

    type: Literal["bing_custom_search"]
    bing_custom_search: BingCustomSearches | None = None


class WebSearchTool(FoundryTool):
    """The Responses API's own web search; what it may be told is the model provider's affair."""

    model_config = ConfigDict(extra="allow")

    type: Literal["web_search"]


class WebSearchPreviewTool(FoundryTool):
    """The same, by its earlier name."""

    model_config = ConfigDict(extra="allow")

    type: Literal["web_search_preview"]


class ImageGenerationTool(FoundryTool):
    """The Responses API's image generation; likewise."""

    model_config = ConfigDict(extra="allow")

    type: Literal["image_generation"]


class FabricTool(FoundryTool):
    """A data agent of Microsoft Fabric."""

    type: Literal["fabric_dataagent"]
    fabric_dataagent: Connections | None = None


class SharepointTool(FoundryTool):
    """Documents of SharePoint."""

    type: Literal["sharepoint_grounding"]
    sharepoint_grounding: Connections | None = None


class ConnectionById(RequestBody):
    """A connection where only one can be named."""

    id: Text


class BrowserAutomation(RequestBody):
    """The Playwright workspace in which a browser runs."""

    connection: ConnectionById


class BrowserAutomationTool(FoundryTool):
    """A browser that the model steers."""

    type: Literal["browser_automation"]
    browser_automation: BrowserAutomation


class Computer(RequestBody):
    """A computer's screen, in pixels, and its system."""

    display_width: int
    display_height: int
    environment: Text


class ComputerUseTool(FoundryTool):
    """A computer that the model steers and the client runs."""

    type: Literal["computer_use_preview"]
    computer_use_preview: Computer


class DeepResearch(RequestBody):
    """The deployment that does the research, and where it searches."""

    deep_research_model: Text
    bing_grounding_connections: Annotated[list[Connection], AtMost(MOST)]


class DeepResearchTool(FoundryTool):
    """Research of many minutes by a model of its own."""

    type: Literal["deep_research"]
    deep_research: DeepResearch
