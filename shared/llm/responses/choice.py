"""The model adapters that the settings name: one endpoint, or several."""

from __future__ import annotations

from shared.busy import BusyLines
from shared.config import Settings
from shared.llm.responses.adapter import ResponsesLlm
from shared.llm.responses.caching import prompt_cache
from shared.llm.responses.endpoint import Endpoint, endpoint_of
from shared.llm.responses.members import Member, members_of
from shared.llm.responses.several import SeveralLlm


def from_settings(settings: Settings, busy: BusyLines | None = None) -> ResponsesLlm | SeveralLlm | None:
    """The model that the settings name, or None; `busy` has the lines of those who wait for it.

    Raises ValueError for entries that cannot be.
    """
    found = members_of(settings)
    if found:
        members = {each.name: (each, _at(each.endpoint, settings, busy, each)) for each in found}
        return SeveralLlm(members, settings.model_aliases)
    endpoint = endpoint_of(settings)
    return None if endpoint is None else _at(endpoint, settings, busy)


def _at(endpoint: Endpoint, settings: Settings, busy: BusyLines | None, member: Member | None = None) -> ResponsesLlm:
    return ResponsesLlm(
        endpoint,
        settings.model_aliases,
        cache=prompt_cache(settings),
        summary=settings.reasoning_summary,
        obfuscation=settings.model_stream_obfuscation,
        member=member,
        busy=busy,
    )
