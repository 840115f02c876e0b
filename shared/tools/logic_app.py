"""Delivery through a Logic App's HTTP trigger, with the identity's bearer token and never a signed URL.

A call is made once: whether a lost answer means a lost mail is not known, and a second mail is worse than a question.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from shared.tls import tls
from shared.tools.base import ToolContext, ToolFailure
from shared.tools.identity import Identity, token_of

SCOPE = "https://management.azure.com/.default"

#: Seconds for an answer, and until a connection stands.
_ANSWER_SECONDS = 50
_CONNECT_SECONDS = 10
_REFUSALS = {
    400: "the Logic App does not accept the fields of this call",
    401: "the Logic App does not accept this box's identity",
    403: "the Logic App does not accept this box's identity",
    404: "there is no such Logic App, or it is disabled",
    429: "the Logic App accepts no more calls for now",
}


class NoAnswer(Exception):
    """The Logic App may or may not have done its work."""


class LogicApp:
    """One workflow, which answers within `seconds`; `done` is what the model is told then."""

    def __init__(self, url: str, identity: Identity, done: str, *, seconds: float = _ANSWER_SECONDS):
        parts = urlsplit(url)
        if any(name.lower() in ("sig", "sp", "sv") for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
            raise ValueError(
                "a Logic App's URL must not carry a signature (sig=, sp=, sv=): remove it from the setting"
            )
        if parts.scheme != "https" and parts.hostname != "127.0.0.1":
            raise ValueError("a Logic App's URL must begin with https://")
        self._url, self._identity, self._done, self._seconds = url, identity, done, seconds

    async def deliver(self, body: dict[str, str], context: ToolContext) -> str:
        """Call the workflow. Raises ToolFailure if it did nothing, NoAnswer if that is not known."""
        import httpx2

        token = await token_of(self._identity, SCOPE, "the Logic App")
        headers = {
            "Authorization": f"Bearer {token}",
            "x-ms-client-tracking-id": re.sub(r"[^\w.-]", "_", context.call_id, flags=re.ASCII)[:100],
        }
        timeout = httpx2.Timeout(self._seconds, connect=_CONNECT_SECONDS)
        try:
            # Its status says all: what stands in the answer, however much, nobody reads.
            async with (
                httpx2.AsyncClient(verify=tls(), timeout=timeout) as client,
                client.stream("POST", self._url, json=body, headers=headers) as response,
            ):
                pass
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise ToolFailure("the Logic App could not be reached") from error
        except httpx2.HTTPError as error:
            raise NoAnswer(f"no answer from the Logic App ({type(error).__name__})") from error
        if response.is_success:
            return self._done
        if response.status_code in _REFUSALS:
            raise ToolFailure(_REFUSALS[response.status_code])
        raise NoAnswer(f"the Logic App answered with status {response.status_code}; is its mailbox connected?")

    async def forget(self, run_id: str) -> None:
        """Nothing was left here; what the workflow and the mailbox keep is their owner's business."""
