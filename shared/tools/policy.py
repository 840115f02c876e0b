"""What runs may do with the tools of the box: the one place that is asked, by offers and by calls.

The operator says it by owner (SERVER_TOOLS_ALLOWED), an assistant or run for itself (`metadata["server_tools"]`), both
in the same words: `send_email` (or `send_email:auto`), `send_email:ask`, `send_email:deny`, and `*` for every tool. Of
all words that are about a tool the strictest counts. A kind of tools that an assistant has by its `tools`, such as
`openapi`, has words, too; it needs none. How often it may be called is `runs/side_effects.py`'s business,
how a call ends the engine's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal

#: `auto`: runs may call the tool. `ask`: each call waits until somebody approves it. `deny`: it is not offered, and a
#: call is answered with an error.
Verdict = Literal["auto", "ask", "deny"]

#: From the mildest to the strictest.
STRICTNESS: Final[tuple[Verdict, ...]] = ("auto", "ask", "deny")
#: As an owner: everybody who is not named. As a tool: all tools.
ANY: Final = "*"


def verdict(allowed: Mapping[str, Collection[str]], owner: str, tool: str, chosen: Iterable[str] = (ANY,)) -> Verdict:
    """Whether the owner's runs may call the tool; `allowed` is SERVER_TOOLS_ALLOWED, owner -> words.

    `chosen` are the words of the assistant or run. A tool that one of the two does not name is denied.
    """
    return strictest([of_words(allowed.get(owner, allowed.get(ANY, ())), tool), of_words(chosen, tool)])


def names(words: Iterable[str], tool: str) -> bool:
    """Whether any of the words is about the tool."""
    return any(word.partition(":")[0] in (tool, ANY) for word in words)


def of_words(words: Iterable[str], tool: str) -> Verdict:
    """What the words say about the tool: nothing means no. A verdict that is none means `deny`, too."""
    said = (word.partition(":") for word in words)
    found = [verdict or "auto" for name, _, verdict in said if name in (tool, ANY)]
    return strictest([_known(each) for each in found]) if found else "deny"


def strictest(verdicts: Iterable[Verdict]) -> Verdict:
    """The strictest of them."""
    return max(verdicts, key=STRICTNESS.index)


def _known(word: str) -> Verdict:
    return next((each for each in STRICTNESS if each == word), "deny")
