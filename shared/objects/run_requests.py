"""The requests that make, change and continue runs."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from shared.json_types import Json
from shared.objects.assistant_requests import Instructions, ModelName, Temperature, TopP
from shared.objects.bounds import AtMost
from shared.objects.common import MetadataIn, ReasoningEffort, RequestBody
from shared.objects.parse import rejected
from shared.objects.thread_requests import CreateThread, NewMessages
from shared.objects.tools.foundry import LABELS
from shared.objects.tools.headers import SecretHeaders
from shared.objects.tools.resources import ToolResources
from shared.objects.tools.response_format import ResponseFormat
from shared.objects.tools.tools import Tool, ToolChoice

#: Outputs in one request; far more calls than a model makes in a turn.
MAX_OUTPUTS: Final = 1000


class TruncationStrategy(RequestBody):
    """How much of the thread the model sees."""

    type: Literal["auto", "last_messages"]
    last_messages: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _last_messages_needs_a_number(self) -> TruncationStrategy:
        if self.type == "last_messages" and self.last_messages is None:
            text = "Missing required parameter: '{path}'."
            raise rejected(text, "missing_required_parameter", "last_messages")
        return self

    def to_json(self) -> Json:
        """The strategy as answered."""
        return {"type": self.type, "last_messages": self.last_messages}


class RunSettings(RequestBody):
    """What both ways of creating a run have in common; what is unset comes from the assistant."""

    assistant_id: str
    model: ModelName | None = None
    instructions: Instructions | None = None
    tools: Annotated[list[Tool], AtMost(20), LABELS] | None = None
    metadata: MetadataIn | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: ReasoningEffort | None = None
    stream: bool | None = None
    max_prompt_tokens: Annotated[int, Field(ge=256)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=256)] | None = None
    truncation_strategy: TruncationStrategy | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None

    def truncation_json(self) -> Json:
        """The truncation strategy as answered."""
        strategy = self.truncation_strategy
        return {"type": "auto", "last_messages": None} if strategy is None else strategy.to_json()


class CreateRun(RunSettings):
    """The body of POST /threads/{id}/runs."""

    additional_instructions: Instructions | None = None
    additional_messages: NewMessages | None = None
    tool_resources: ToolResources | None = None


class CreateThreadAndRun(RunSettings):
    """The body of POST /threads/runs."""

    thread: CreateThread | None = None
    tool_resources: ToolResources | None = None


class ModifyRun(RequestBody):
    """The body of POST /threads/{id}/runs/{id}."""

    metadata: MetadataIn | None = None


class ToolOutput(RequestBody):
    """What a function returned."""

    tool_call_id: str
    output: str | None = None
    #: Foundry's SDKs say it, and 1.2 says it otherwise; there is nothing else that it could be.
    type: Literal["function", "function_call_output"] | None = None


class ToolApproval(RequestBody):
    """Whether a tool call of the box may be carried out."""

    tool_call_id: str
    approve: bool
    #: For the tool's server. Null and an empty object say nothing.
    headers: SecretHeaders | None = None


class SubmitToolOutputs(RequestBody):
    """The body of POST /threads/{id}/runs/{id}/submit_tool_outputs: outputs, or approvals where a run asks for them."""

    tool_outputs: Annotated[list[ToolOutput], AtMost(MAX_OUTPUTS)] | None = Field(default=None, validate_default=False)
    tool_approvals: Annotated[list[ToolApproval], AtMost(MAX_OUTPUTS)] | None = None
    stream: bool | None = None

    @model_validator(mode="after")
    def _says_one_of_both(self) -> SubmitToolOutputs:
        if self.tool_outputs is None and self.tool_approvals is None:
            raise rejected("Missing required parameter: '{path}'.", "missing_required_parameter", "tool_outputs")
        return self
