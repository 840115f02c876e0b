"""The models that can be asked for, and when those that the settings name will end."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from shared.deps import Deps
from shared.errors import NotFoundError
from shared.json_types import Json
from shared.llm.base import LlmError, OfferedModel
from shared.settings.model_aliases import is_named, is_pattern, resolve

logger = logging.getLogger(__name__)

OWNED_BY: Final = "api-in-a-box"
#: For models of which the provider does not say when they were made; clients only need a number.
CREATED: Final = 1_686_935_002
#: Days before a model's end from which on its users are warned.
WARNING_DAYS: Final = 90
#: Seconds.
DAY: Final = 24 * 3600
#: What a list may add to the name by which a model or deployment is asked for: a date or a number.
VERSION: Final = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d+(\.\d+)*)")


async def list_all(deps: Deps) -> list[Json]:
    """The names in the settings first, then the other models of the provider, as far as it lists them.

    Families of names have no end, and are not listed.
    """
    aliases = deps.settings.model_aliases
    offered = await _offered(deps)
    listed = {model.id for model in offered}
    default = [aliases["*"]] if "*" in aliases and aliases["*"] in listed else []
    names = dict.fromkeys(
        [*default, *(name for name in aliases if not is_pattern(name)), *(model.id for model in offered)]
    )
    return [_present(deps, name, offered) for name in names]


async def get(deps: Deps, model: str) -> Json:
    """One of them, or of a family that the settings name. Raises NotFoundError."""
    offered = await _offered(deps)
    if is_pattern(model) or not (
        is_named(model, deps.settings.model_aliases) or any(each.id == model for each in offered)
    ):
        raise NotFoundError(f"The model '{model}' does not exist", param="model", code="model_not_found")
    return _present(deps, model, offered)


async def _offered(deps: Deps) -> list[OfferedModel]:
    """The provider's models; while it lists none, those that the settings name."""
    try:
        return await deps.llm.models()
    except LlmError:
        return [OfferedModel(name) for name in deps.settings.model_aliases.values()]


async def report_endings(deps: Deps) -> None:
    """Log each model of the settings that ends soon, or has ended."""
    try:
        offered = await deps.llm.models()
    except LlmError:
        return
    for name in configured_names(deps):
        model = _meant(name, deps.settings.model_aliases, offered)
        if (words := ending(name, model, deps.now())) is not None:
            extra = {"action": "model_ends", "model": name, "means": model.id, "words": words}
            logger.warning("a model ends", extra=extra)


def configured_names(deps: Deps) -> list[str]:
    """The names in the settings: aliases, what they stand for, and the model that makes vectors."""
    settings = deps.settings
    aliases = settings.model_aliases
    embedding = [settings.embedding_model] if settings.names_model and settings.embedding_model else []
    return [*dict.fromkeys(name for name in [*aliases, *aliases.values(), *embedding] if not is_pattern(name))]


def ending(name: str, model: OfferedModel, now: int) -> str | None:
    """What users of the model are warned of, if its end is near."""
    if model.ends is None or model.ends - now > WARNING_DAYS * DAY:
        return None
    meant = name if model.id in ("", name) else f"{name} ({model.id})"
    return f"{meant} {'ends' if model.ends > now else 'ended'} on {_date(model.ends)}: name another in MODEL_ALIASES."


def _meant(name: str, aliases: dict[str, str], offered: Iterable[OfferedModel]) -> OfferedModel:
    """The model that answers to a name: itself, or the version of it that lives longest."""
    wanted = resolve(name, aliases, default=False)
    versions = []
    for model in offered:
        if model.id == wanted:
            return model
        if model.id.startswith(wanted) and VERSION.fullmatch(model.id.removeprefix(wanted)):
            versions.append(model)
    return max(versions, key=lambda model: float("inf") if model.ends is None else model.ends, default=OfferedModel(""))


def _present(deps: Deps, name: str, offered: Iterable[OfferedModel]) -> Json:
    """A model as clients see it, under the name by which they ask for it."""
    model, now = _meant(name, deps.settings.model_aliases, offered), deps.now()
    data: Json = {
        "id": name,
        "object": "model",
        "created": model.created or CREATED,
        "owned_by": OWNED_BY,
        "shutdown_date": None if model.ends is None else _date(model.ends),
    }
    asked = name in configured_names(deps) or is_named(name, deps.settings.model_aliases)
    words = ending(name, model, now) if asked else None
    return data if words is None else data | {"warning": words}


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
