"""What all tools have in common: one of several kinds, told apart by `type`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import StringConstraints

from shared.objects.common import OneOfKinds

#: Tools of an assistant.
MAX_TOOLS: Final = 128
#: Names of functions and of response schemas.
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")]


class ToolKind(OneOfKinds):
    """A tool, or the choice of one."""

    kinds: ClassVar[frozenset[str]] = frozenset(
        {
            "code_interpreter", "file_search", "function", "azure_ai_search", "azure_function", "bing_custom_search",
            "bing_grounding", "browser_automation", "computer_use_preview", "connected_agent", "deep_research",
            "fabric_dataagent", "openapi", "sharepoint_grounding",
        }
    )  # fmt: skip
