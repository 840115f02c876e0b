"""Tokens for browsers and devices, as stored and as shown to their owner."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from shared.objects.common import StoredRecord

#: What a token may be made for.
Verb = Literal["read", "post_messages", "run", "submit_outputs"]
VERBS: Final[tuple[Verb, ...]] = ("read", "post_messages", "run", "submit_outputs")


class TokenLimits(StoredRecord):
    """How much may be done with one token. Attempts that fail count, too."""

    messages: int = 100
    runs: int = 20
    #: Tokens that the model may write in each run (`max_completion_tokens`); None: as the run says.
    completion_tokens: int | None = None


class TokenUse(StoredRecord):
    """How much has been done with it."""

    messages: int = 0
    runs: int = 0
    #: 1 if the bearer made its thread.
    threads: int = 0


class ClientToken(StoredRecord):
    """What the bearer of a token may do, and until when; the token itself is kept nowhere."""

    id: str
    object: Literal["client_token"] = "client_token"
    created_at: int
    expires_at: int
    #: Its one thread; None: the bearer makes it.
    thread_id: str | None = None
    #: Those that it may run.
    assistant_ids: list[str]
    verbs: list[Verb] = Field(default_factory=lambda: list(VERBS))
    limits: TokenLimits = Field(default_factory=TokenLimits)
    used: TokenUse = Field(default_factory=TokenUse)


class NewClientToken(ClientToken):
    """The same, just made: the one answer that shows the token."""

    token: str
