"""Calls of the endpoint through the OpenAI SDK, beside streams: what it lists, whether it works, turns left running."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any, Final, cast

from shared import web_address
from shared.json_types import Json
from shared.llm.base import ModelHealth, OfferedModel
from shared.llm.responses import probe
from shared.llm.responses.calendar import offered
from shared.llm.responses.endpoint import CONNECT_SECONDS, Endpoint
from shared.llm.responses.errors import facts, foreign_errors, last_error

logger = logging.getLogger(__name__)

#: Seconds of a call that takes no turn, of a look whether the endpoint answers, and of a list that somebody waits for.
_SHORT_CALL_SECONDS: Final = 30.0
_PROBE_SECONDS: Final = 10.0
_LIST_SECONDS: Final = 5.0
#: Not every server lists its models.
_NO_SUCH_CALL: Final = (404, 405, 501)
#: How a request without a model and an input is refused.
_INCOMPLETE: Final = (400, 422)


class ShortCalls:
    """The calls of one endpoint. Unless they say so, they raise what is in `foreign_errors`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def call(self, method: str, path: str, **arguments: Any) -> Json:
        """What it answers; `arguments` as the SDK takes them."""
        client = self._endpoint.client()
        send = client.get if method == "get" else client.post
        return cast("Json", await send(path, cast_to=object, **arguments))

    async def short(self, method: str, path: str) -> Json:
        """The same for what takes no time."""
        return await self.call(method, path, options={"timeout": timeout_of(_SHORT_CALL_SECONDS)})

    async def response(self, response_id: str) -> Json:
        """A turn left running. Raises ConnectionError for what a proxy on the way has put in its place, too."""
        try:
            answer: Any = await self.short("get", f"/responses/{response_id}")
        except (json.JSONDecodeError, UnicodeDecodeError):
            answer = None
        if not isinstance(answer, dict) or answer.get("status") is None:
            raise ConnectionError("what came is no response")
        return answer

    async def models(self) -> list[OfferedModel]:
        """What the endpoint lists, by id, soon. Raises LlmError."""
        try:
            async with asyncio.timeout(_LIST_SECONDS):
                listed = await self.short("get", "/models")
            return sorted((offered(model) for model in listed["data"]), key=lambda model: model.id)
        except foreign_errors() as error:
            logger.warning("model list failed", extra={"action": "model_list_failed", **facts(error)})
            raise last_error(error) from error

    async def health(self, wanted: Sequence[str]) -> ModelHealth:
        """Whether the endpoint lists its models, and the wanted ones among them, unless it has deployments."""
        if web_address.parts_of(self._endpoint.base_url) is None:
            return ModelHealth(answers=False, words=probe.NO_ADDRESS)
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                listed = await self.short("get", "/models")
            names = [str(model["id"]) for model in listed["data"]]
        except foreign_errors() as error:
            if getattr(error, "status_code", None) in _NO_SUCH_CALL and await self._takes_turns():
                return ModelHealth(answers=True)
            logger.warning("model probe failed", extra={"action": "model_probe_failed", **facts(error)})
            return ModelHealth(answers=False, words=probe.trouble(error))
        unlisted = [] if self._endpoint.has_deployments else probe.unlisted(wanted, names)
        if unlisted:
            return ModelHealth(answers=False, words=f"The model's server does not list {', '.join(unlisted)}.")
        return ModelHealth(answers=True)

    async def _takes_turns(self) -> bool:
        """Whether a turn that asks for nothing is refused as such: then there is the call, and it costs nothing."""
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await self.call("post", "/responses", body={}, options={"timeout": timeout_of(_PROBE_SECONDS)})
        except foreign_errors() as error:
            return getattr(error, "status_code", None) in _INCOMPLETE
        return True


def timeout_of(seconds: float) -> Any:
    """As the SDK takes it; a connection is waited for less."""
    from openai import Timeout

    return Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
