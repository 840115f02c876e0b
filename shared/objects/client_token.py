"""Tokens for browsers and devices, as stored and as shown to their owner."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import field

from shared.objects.stored import StoredRecord

#: What a token may be made for.
Verb = Literal["read", "post_messages", "run", "submit_outputs"]
VERBS: Final[tuple[Verb, ...]] = ("read", "post_messages", "run", "submit_outputs")


class TokenLimits(StoredRecord, kw_only=True):
    """How much may be done with one token. Attempts that fail count, too."""

    messages: int = 100
    runs: int = 20
    #: Tokens that the model may write in each run (`max_completion_tokens`); None: as the run says.
    completion_tokens: int | None = None


class TokenUse(StoredRecord, kw_only=True):
    """How much has been done with it."""

    messages: int = 0
    runs: int = 0
    #: 1 if the bearer made its thread.
    threads: int = 0


class ClientToken(StoredRecord, kw_only=True):
    """What the bearer of a token may do, and until when; the token itself is kept nowhere."""

    id: str
    object: Literal["client_token"] = "client_token"
    created_at: int
    expires_at: int
    #: Its one thread; None: the bearer makes it.
    thread_id: str | None = None
    #: Those that it may run.
    assistant_ids: list[str]
    verbs: list[Verb] = field(default_factory=lambda: list(VERBS))
    limits: TokenLimits = field(default_factory=TokenLimits)
    used: TokenUse = field(default_factory=TokenUse)


class NewClientToken(ClientToken, kw_only=True):
    """The same, just made: the one answer that shows the token."""

    token: str
