"""The provider port over the endpoints that there are: a call goes to the first that has the model and answers."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Final

from shared import json_text
from shared.config import Settings
from shared.errors import ProviderError
from shared.llm.provider import ProviderAnswer, ProviderCall
from shared.llm.responses.circuit import Circuits
from shared.llm.responses.forwarding import EndpointProvider
from shared.llm.responses.members import Member, Members

logger = logging.getLogger(__name__)

_NOT_FOUND: Final = 404
_BUSY: Final = 429
#: Nothing came in time: the endpoint may be at work still, and asks for money again.
_NO_ANSWER: Final = 504


class SeveralProviders:
    """`Provider` at several endpoints.

    A form goes to the first of them alone, since nothing of it is held: rather to one that takes every model.
    """

    def __init__(self, members: Members, circuits: Circuits | None = None):
        self._members, self._circuits = members, circuits or Circuits()
        self._providers = {each.name: EndpointProvider(each.endpoint) for each in members.all}

    @asynccontextmanager
    async def call(self, call: ProviderCall) -> AsyncGenerator[ProviderAnswer]:
        """The answer while the block lasts. Raises ProviderError, and what the body's pieces raise."""
        async with AsyncExitStack() as stack:
            yield await self._first(stack, call)

    async def close(self) -> None:
        """Close the connections."""
        await self._members.close()

    async def _first(self, stack: AsyncExitStack, call: ProviderCall) -> ProviderAnswer:
        model = _model(call)
        left = self._order(model, call)
        while True:
            member = left.pop(0)
            try:
                answer = await stack.enter_async_context(self._providers[member.name].call(_named(call, member, model)))
            except ProviderError as error:
                if not _may_go_on(error):
                    raise
                if error.status != _NOT_FOUND:
                    self._circuits.failed(member.name, model or "")
                if not left or not isinstance(call.body, bytes):
                    raise
                extra = {"action": "provider_passed_over", "endpoint": member.name, "status": error.status}
                logger.warning("provider passed over", extra=extra)
            else:
                self._circuits.answered(member.name, model or "")
                return answer

    def _order(self, model: str | None, call: ProviderCall) -> list[Member]:
        found = self._members.having(model)
        if not found:
            text = f"The model '{model}' does not exist: no endpoint of this box has it."
            raise ProviderError(text, _NOT_FOUND, type="invalid_request_error", param="model", code="model_not_found")
        has_names = not isinstance(call.body, bytes)
        return sorted(
            found,
            key=lambda each: (
                self._circuits.left(each.name, model or "") > 0,
                has_names and bool(each.entry.deployments),
            ),
        )


def _may_go_on(error: ProviderError) -> bool:
    """Whether another endpoint may answer what this one has not."""
    return error.status in (_NOT_FOUND, _BUSY) or (error.status >= 500 and error.status != _NO_ANSWER)


def _model(call: ProviderCall) -> str | None:
    """The model that a JSON body names."""
    if not isinstance(call.body, bytes):
        return None
    named = json_text.read(call.body).get("model")
    return named if isinstance(named, str) else None


def _named(call: ProviderCall, member: Member, model: str | None) -> ProviderCall:
    """The call with the member's own name of the model."""
    own = None if model is None else member.deployment(model)
    if own == model or not isinstance(call.body, bytes):
        return call
    return replace(call, body=json_text.ascii_bytes(json_text.read(call.body) | {"model": own}))


def provider_of(settings: Settings) -> EndpointProvider | SeveralProviders | None:
    """Who takes the calls that are not ours: the model's endpoints; None if there are none, or they may not."""
    members = Members.of(settings) if settings.forward_other_calls else Members([])
    if members.all and settings.model_endpoints:
        return SeveralProviders(members)
    return EndpointProvider(members.all[0].endpoint) if members.all else None
