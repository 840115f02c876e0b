"""Which calls are passed on, and what becomes of their bodies: the model's name, and that nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared import json_text
from shared.errors import NotFoundError
from shared.forwarding.storage import check
from shared.json_types import Json
from shared.settings.model_aliases import resolve

SWITCHED_OFF: Final = "it is passed on to the model's provider, which FORWARD_OTHER_CALLS forbids in this box."
NO_PROVIDER: Final = "it is passed on to the model's provider, and this box has none (see docs/guides/model.md)."


@dataclass(frozen=True, slots=True)
class OtherCall:
    """A call of the provider's API."""

    #: The same there and, under the prefixes, here.
    path: str
    #: Chat models answer it: `*` of MODEL_ALIASES holds, which would make of an embedding model another kind of model.
    chat: bool = False
    #: The provider would store the answer, unless it is told not to.
    stored: bool = False
    #: A multipart form may be its body.
    takes_form: bool = False


CHAT: Final = OtherCall("/chat/completions", chat=True, stored=True)
COMPLETIONS: Final = OtherCall("/completions", chat=True)
RESPONSES: Final = OtherCall("/responses", chat=True, stored=True)
EMBEDDINGS: Final = OtherCall("/embeddings")
MODERATIONS: Final = OtherCall("/moderations")
IMAGE_GENERATIONS: Final = OtherCall("/images/generations")
IMAGE_EDITS: Final = OtherCall("/images/edits", takes_form=True)
IMAGE_VARIATIONS: Final = OtherCall("/images/variations", takes_form=True)
SPEECH: Final = OtherCall("/audio/speech")
TRANSCRIPTIONS: Final = OtherCall("/audio/transcriptions", takes_form=True)
TRANSLATIONS: Final = OtherCall("/audio/translations", takes_form=True)


@dataclass(frozen=True, slots=True)
class Naming:
    """How the model of a forwarded call is found: by its path or its body, then by the aliases."""

    aliases: Mapping[str, str]
    #: Of the path; it wins over the body, as on Azure. Empty: there is none.
    deployment: str = ""

    def model(self, call: OtherCall, named: str | None) -> str | None:
        """What the provider is asked for; None: its own default."""
        wanted = self.deployment or named
        if wanted is None:
            return None
        return resolve(wanted, self.aliases, default=call.chat)


def outgoing(call: OtherCall, body: Json, naming: Naming) -> bytes:
    """The JSON body as it goes out. Raises InvalidRequest for what would reach into the provider's storage."""
    check(body, in_responses=call is RESPONSES)
    changed = dict(body)
    named = body.get("model")
    if named is None or isinstance(named, str):
        model = naming.model(call, named)
        if model is not None:
            changed["model"] = model
    if call.stored:
        changed["store"] = False
    return json_text.ascii_bytes(changed)


def not_passed_on(path: str, *, allowed: bool) -> NotFoundError:
    """The 404 of a box that has nobody to ask, or must not; `path` as the client wrote it."""
    return NotFoundError(f"Invalid URL (POST {path}): {NO_PROVIDER if allowed else SWITCHED_OFF}")
