#!/usr/bin/env bash
# bm25s 0.3.16: its tokenizer leaves out words of one letter or digit, so vitamin C and vitamin K, or turbine 7 and 9, are
# the same to a search. A sentence in a script without spaces is a single word. And a query of which no word is known does
# not come back empty: `retrieve` fills up to `k` with documents of score 0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check bm25s==0.3.16
"$work/python/bin/python" - <<'PROGRAM'
from importlib.metadata import version

import bm25s

TEXTS = ["Vitamin K: kale", "Vitamin C: lemons", "東京の天気は雨です"]


def words(text):
    return bm25s.tokenize([text], show_progress=False, return_ids=False)[0]


index = bm25s.BM25()
index.index(bm25s.tokenize(TEXTS, show_progress=False), show_progress=False)


def found(query):
    places, scores = index.retrieve(bm25s.tokenize(query, show_progress=False), k=2, show_progress=False)
    return [(TEXTS[place], round(float(score), 3)) for place, score in zip(places[0], scores[0], strict=True)]


print("bm25s", version("bm25s"))
print("words:", [words(text) for text in TEXTS])
for query in ("vitamin C", "天気", "oranges"):
    print(query, "->", found(query))
assert words("Vitamin C") == words("Vitamin K") == ["vitamin"], "single letters are words now"
assert len({score for _, score in found("vitamin C")}) == 1, "the letter counts now"
assert words(TEXTS[2]) == [TEXTS[2]], "it divides such sentences now"
assert [score for _, score in found("oranges")] == [0.0, 0.0], "what is not found is not returned any more"
PROGRAM
