"""The models that can be asked for."""

from __future__ import annotations

from typing import Final

from shared.deps import Deps
from shared.errors import NotFoundError
from shared.json_types import Json
from shared.llm.base import LlmError

OWNED_BY: Final = "api-in-a-box"
#: Providers do not say when a model was made; clients only need a number.
CREATED: Final = 1_686_935_002


async def list_all(deps: Deps) -> list[Json]:
    """Models of the provider, and the names the settings map to them; these alone if the provider does not list."""
    aliases = deps.settings.model_aliases
    try:
        offered = await deps.llm.models()
    except LlmError:
        offered = [*aliases, *aliases.values()]
    names = dict.fromkeys(name for name in [*offered, *aliases] if name != "*")
    return [{"id": name, "object": "model", "created": CREATED, "owned_by": OWNED_BY} for name in names]


async def get(deps: Deps, model: str) -> Json:
    """One of them. Raises NotFoundError."""
    for each in await list_all(deps):
        if each["id"] == model:
            return each
    raise NotFoundError(f"The model '{model}' does not exist", param="model", code="model_not_found")
