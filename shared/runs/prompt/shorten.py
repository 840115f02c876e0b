"""Shortening what is too much: the middle goes, a mark says so. Pure, so the same text always becomes the same."""

from __future__ import annotations

from typing import Final

from shared.runs.prompt.tokens import text_tokens

#: What the mark weighs at most.
MARK_TOKENS: Final = 16


def shortened(text: str, tokens: int) -> str:
    """The text if it weighs no more than that; else its beginning and its end, with a mark between them."""
    weight = text_tokens(text)
    if weight <= tokens:
        return text
    room = max(0, tokens - MARK_TOKENS)
    kept = len(text) * room // weight
    while True:
        head, tail = text[: kept - kept // 2], text[len(text) - kept // 2 :]
        if text_tokens(head) + text_tokens(tail) <= room or kept == 0:
            return f"{head}\n({len(text) - kept:,} characters left out)\n{tail}".strip("\n")
        kept = kept * 9 // 10
