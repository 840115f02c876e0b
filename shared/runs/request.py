"""What a run asks the model for: its resolved parameters in the Responses API's terms. Pure."""

from __future__ import annotations

from typing import Any, Final

from shared.json_types import Json
from shared.llm.base import TurnRequest
from shared.objects.run import RunRecord

#: The least a model takes as `max_output_tokens`.
LEAST_OUTPUT: Final = 16


def turn_request(record: RunRecord, items: list[Json], tools: list[Json]) -> TurnRequest:
    """The request for the run's next turn."""
    run = record.run
    return TurnRequest(
        model=run.model,
        instructions=run.instructions,
        input=items,
        tools=tools,
        tool_choice=tool_choice(record, tools),
        parallel_tool_calls=run.parallel_tool_calls,
        temperature=unless_default(run.temperature),
        top_p=unless_default(run.top_p),
        text_format=text_format(run.response_format),
        reasoning_effort=run.reasoning_effort,
        max_output_tokens=output_left(record),
    )


def unless_default(value: float | None) -> float | None:
    """Sampling parameters only where the client chose one: reasoning models refuse even the default."""
    return None if value == 1.0 else value


def exhausted(record: RunRecord) -> str | None:
    """Why the run may not take another turn: the token limit it has used up."""
    left = output_left(record)
    if left is not None and left < LEAST_OUTPUT:
        return "max_completion_tokens"
    limit = record.run.max_prompt_tokens
    if limit is not None and record.spent.prompt_tokens >= limit:
        return "max_prompt_tokens"
    return None


def output_left(record: RunRecord) -> int | None:
    """Completion tokens the client still allows; None: as many as the model likes."""
    limit = record.run.max_completion_tokens
    return None if limit is None else limit - record.spent.completion_tokens


def tool_choice(record: RunRecord, tools: list[Json]) -> Any:
    """The client's choice; a forced one holds for the first turn only, or the run would never end."""
    choice = record.run.tool_choice
    if not tools:
        return "auto"
    if choice in ("none", "auto"):
        return choice
    if record.turns > 0:
        return "auto"
    if choice == "required":
        return choice
    name = choice["function"]["name"] if choice["type"] == "function" else choice["type"]
    # A host without a sandbox offers no code interpreter; endpoints refuse a choice that they were not offered.
    offered = any(tool["name"] == name for tool in tools)
    return {"type": "function", "name": name} if offered else "auto"


def text_format(response_format: Any) -> Json | None:
    """`response_format` as `text.format`."""
    if response_format is None or response_format == "auto":
        return None
    if response_format["type"] != "json_schema":
        return {"type": response_format["type"]}
    schema = {key: value for key, value in response_format["json_schema"].items() if value is not None}
    return {"type": "json_schema", **schema}
