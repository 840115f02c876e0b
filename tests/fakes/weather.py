"""The question that tests ask, and the function that a client may answer it with."""

from __future__ import annotations

from typing import Any, Final

from shared.llm.base import TurnRequest

#: As a tool of an assistant or a run.
WEATHER: Final[dict[str, Any]] = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
}
#: As a turn of the model.
QUESTION: Final = TurnRequest(model="m", instructions="", input=[{"role": "user", "content": "Weather?"}])
