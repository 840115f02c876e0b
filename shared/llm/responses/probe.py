"""Whether the endpoint would take a turn: one short question that costs nothing, and what is wrong in one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from shared.llm.responses import unreachable
from shared.llm.responses.endpoint import CredentialRefused

NO_ADDRESS: Final = "The model's address is no URL: it begins with http:// or https:// and a host."
NO_IDENTITY: Final = "The model wants an Azure identity, and there is none here that it accepts."
_STATUSES: Final = {
    401: "The model's server refuses the key (401).",
    403: "The model's server refuses the key or identity (403): it may lack a role.",
    404: "The model's server has no list of models where it was asked (404): the path of its address may be wrong.",
    429: "The model is busy, or its quota is used up (429).",
}


def trouble(error: Exception) -> str:
    """What keeps the model from answering, without hosts, keys or the provider's words."""
    status = getattr(error, "status_code", None)
    if status is not None:
        fault = f"The model's server has a fault of its own ({status})."
        return _STATUSES.get(status) or (
            fault if status >= 500 else f"The model's server does not answer as a Responses API does ({status})."
        )
    if isinstance(error, CredentialRefused):
        return NO_IDENTITY
    if isinstance(error, TimeoutError):
        return "The model did not answer in time."
    return unreachable.kind(error) or "The model's server answers, but not as a Responses API does."


def unlisted(wanted: Iterable[str], listed: Iterable[str]) -> list[str]:
    """Models that the endpoint does not list; it may add `:latest` to their names."""
    known = {*listed}
    return [name for name in wanted if known and not {name, f"{name}:latest"} & known]
