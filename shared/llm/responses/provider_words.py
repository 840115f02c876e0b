"""What a provider said, fit for a client: without keys, hosts, headers, accounts and paths of its machines.

The words go into `last_error.message`, which whoever may read the run sees; the log has them whole.
"""

from __future__ import annotations

import re
from typing import Final

#: Characters that are told.
LONGEST_MESSAGE: Final = 400
#: Looked at before anything is left out: a message may quote the prompt.
_LOOKED_AT: Final = 4000
HIDDEN: Final = "***"

#: Zones in which hosts live; `text.format.schema` and `gpt-5.4` are no hosts.
_ZONES: Final = (
    "com|net|org|io|ai|dev|app|cloud|azure|co|us|eu|uk|de|fr|cn|jp|ru|ch|at|nl|info|biz|run|sh|me|tech|site"
    "|local|localhost|localdomain|internal|intern|corp|lan|home|svc|cluster|test|invalid|example"
)
#: Most specific first: what one takes away, the next does not see.
_HIDDEN: Final = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        # Headers, to the end of the line or the braces.
        r"\b(?:request|response)?[ _-]?headers?['\"]?\s*[:=]\s*(?:\{[^}]*\}?|\[[^\]]*\]?|.*)",
        r"\b(?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?(?:(?:bearer|basic)\s+)?[^\s'\",;}]+",
        r"\b(?:set-)?cookie['\"]?\s*[:=].*",
        r"\b(?:x|ocp|cf|apim)-[a-z0-9-]+['\"]?\s*[:=]\s*[^\s,;}]+",
        r"\b(?:api|access|secret|subscription|account)[ _-]?(?:key|token)s?\b['\"]?(?:\s+provided)?\s*[:=]\s*[^\s,;}]+",
        r"\b(?:password|passwd|secret|sig|signature|token)['\"]?\s*[:=]\s*[^\s,;}]+",
        r"\b(?:bearer|basic)\s+[a-z0-9._~+/=-]{8,}",
        r"\bdata:[a-z0-9!#$&^_.+/=;-]*,[a-z0-9+/=%_-]*",
        r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>)\]}]+",
        r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
        # Keys, accounts, ids of subscriptions.
        r"\b(?:sk|pk|rk|sess|key|org|proj|acct|user)[-_][a-z0-9*_-]{6,}",
        r"\beyJ[a-z0-9_-]{8,}(?:\.[a-z0-9_-]+)*",
        r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
        r"\b(?=[a-z0-9+/_=-]*\d)(?=[a-z0-9+/_=-]*[a-z])[a-z0-9+/_=-]{32,}",
        # Hosts and ports.
        r"\[[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*\](?::\d+)?",
        r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b",
        rf"\b(?:[a-z0-9_-]+\.)+(?:{_ZONES})\b(?!['\"]?[\])])\.?(?::\d+)?",
        r"\blocalhost\b(?::\d+)?",
        r"\b[a-z][a-z0-9-]*:\d{2,5}\b",
        # Files of the provider's machines.
        r"(?<![\w#.$/])/(?:app|etc|home|mnt|opt|root|srv|tmp|usr|var|workspace)/\S+",
    )
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def fit_for_clients(message: str, host: str | None = None) -> str:
    """The provider's message with `***` where a secret or an address stood; `host` is the endpoint's own.

    One line of at most `LONGEST_MESSAGE` characters.
    """
    words = message[:_LOOKED_AT].encode(errors="replace").decode()
    if host:
        words = re.sub(rf"(?<![\w.-]){re.escape(host)}(?::\d+)?", HIDDEN, words, flags=re.I)
    for pattern in _HIDDEN:
        words = pattern.sub(HIDDEN, words)
    words = " ".join(_CONTROL.sub(" ", words).split())
    return words if len(words) <= LONGEST_MESSAGE else f"{words[: LONGEST_MESSAGE - 1].rstrip()}…"
