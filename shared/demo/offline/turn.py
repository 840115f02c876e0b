"""What the demo model does in a turn: its rules say an answer or calls, in the shapes of the port."""

from __future__ import annotations

import json

from shared.demo.offline.conversation import PastCall, read
from shared.demo.offline.intents import reply
from shared.demo.offline.structured import shaped
from shared.ids import call_id, random_text
from shared.json_types import Json
from shared.llm.base import Turn, TurnRequest, TurnUsage


def turn_of(request: TurnRequest) -> Turn:
    """The whole turn, calls or an answer."""
    answer = reply(read(request), request.tool_choice)
    items = [_message(shaped(answer, request.text_format))] if isinstance(answer, str) else list(map(_call, answer))
    usage = TurnUsage(_tokens([request.instructions, request.input, request.tools]), _tokens(items))
    return Turn(items, usage, response_id="resp_" + random_text(24))


def _message(text: str) -> Json:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "role": "assistant", "status": "completed", "content": content}


def _call(call: PastCall) -> Json:
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    return {"type": "function_call", "call_id": call_id(), "name": call.name, "arguments": arguments}


def _tokens(value: object) -> int:
    """About what a language model would count."""
    return len(json.dumps(value)) // 4 + 1
