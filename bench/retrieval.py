"""Quality of retrieval on questions about Python's standard library: `python -m bench.retrieval [--model NAME]`.

A file is what one source file of the library says in its docstrings. A question is the first sentence of the docstring
of a function or class in it, without its own names; the sentence itself is cut out of the indexed text. What is asked
for is the file. Measured are recall@5, recall@10 and the mean reciprocal rank of keyword, vector and hybrid search.

Then the scores: the share of right answers above 0.5; of questions about everyday matters without any hit above it; and
of the set's own questions, their answer's file removed, likewise. The last are about the same subject: what is left
often has all of their words. The line `cosine` gives what a table in `shared/search/relevance.py` is made from.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import random
import re
import sysconfig
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import elsewhere
from bench.search import home
from shared.search.base import Embedded, Embedder, Ranking, Scope, given
from shared.search.embeddings.hashed import HashedEmbedder
from shared.search.embeddings.openai import OpenAIEmbedder, VectorSource
from shared.search.index import SegmentIndex
from shared.search.parsing.chunking import Strategy, chunk

QUESTIONS = 600
SKIPPED = {
    "test",
    "tests",
    "idlelib",
    "lib2to3",
    "site-packages",
    "turtledemo",
    "ensurepip",
    "pydoc_data",
    "__pycache__",
}
STORE_ID = "vs_bench"
#: Right answers above it, other texts below: what the scores are for.
EVEN = 0.5
WAYS = {"keyword": Ranking(embedding_weight=0), "vector": Ranking(text_weight=0), "hybrid": Ranking()}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the file that answers it."""

    text: str
    file_id: str


def sources() -> Iterator[tuple[str, ast.Module]]:
    """The library's modules."""
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root)
        if not SKIPPED & set(relative.parts):
            try:
                yield ".".join(relative.with_suffix("").parts), ast.parse(path.read_text("utf-8"))
            except (SyntaxError, UnicodeDecodeError):
                continue


def docstrings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names of the public functions and classes with their docstrings; the module's own comes under an empty name."""
    yield "", ast.get_docstring(tree) or ""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            text = ast.get_docstring(node)
            if text and not node.name.startswith("_"):
                yield node.name, text


def masked(sentence: str, names: set[str]) -> str:
    """The sentence without names: own ones and whatever looks like code."""
    words = [word for word in sentence.split() if not re.search(r"[_().=<>`'\"\[\]]\w|\w[_(=]", word)]
    return " ".join(word for word in words if word.strip(".,:;()").lower() not in names)


def dataset() -> tuple[dict[str, str], list[Question]]:
    """Texts by file, and the questions about them."""
    texts: dict[str, str] = {}
    questions: list[Question] = []
    for module, tree in sources():
        names = set(module.lower().split("."))
        parts = []
        for name, text in docstrings(tree):
            first = re.split(r"(?<=[.!?])\s|\n\n", text, maxsplit=1)[0]
            question = masked(" ".join(first.split()), names | {name.lower()})
            if name and 6 <= len(question.split()) <= 40 and len(text) - len(first) > 80:
                questions.append(Question(question, f"file-{module}"))
                text = text[len(first) :]
            parts.append(f"{name}\n{text}")
        whole = "\n\n".join(parts)
        if len(whole) > 500:
            texts[f"file-{module}"] = whole
    known = {question.text: question for question in questions if question.file_id in texts}
    return texts, random.Random(1).sample(sorted(known.values(), key=lambda q: q.text), min(QUESTIONS, len(known)))


async def build(index: SegmentIndex, texts: dict[str, str], embedder: Embedder) -> int:
    """Index every file."""
    count = 0
    for file_id, text in texts.items():
        chunks = list(chunk(text, Strategy()))
        vectors = await embedder.embed([piece.text for piece in chunks])
        await index.add(STORE_ID, file_id, chunks, Embedded(embedder.name, vectors))
        await index.compact(STORE_ID)
        count += len(chunks)
    return count


async def rank_of(index: SegmentIndex, question: Question, ranking: Ranking, embedder: Embedder) -> int | None:
    """The place of the right file among the found files, from 1."""
    embedded = Embedded(embedder.name, await embedder.embed([question.text]))
    hits = await index.search([Scope(STORE_ID)], [question.text], 50, ranking, given(embedded))
    files = list(dict.fromkeys(hit.file_id for hit in hits))
    return files.index(question.file_id) + 1 if question.file_id in files else None


async def best_score(
    index: SegmentIndex, text: str, ranking: Ranking, embedder: Embedder, files: Collection[str] | None
) -> float:
    """The highest score of a hit in some files, or in all; 0 without any."""
    embedded = Embedded(embedder.name, await embedder.embed([text]))
    hits = await index.search([Scope(STORE_ID, files)], [text], 50, ranking, given(embedded))
    return max((hit.score for hit in hits), default=0.0)


async def scores(
    index: SegmentIndex, ranking: Ranking, embedder: Embedder, questions: Sequence[Question], files: set[str]
) -> tuple[list[float], list[float], list[float]]:
    """Best scores of right answers, of questions about something else, and of those whose answer is gone."""
    right = [await best_score(index, question.text, ranking, embedder, {question.file_id}) for question in questions]
    other = [await best_score(index, text, ranking, embedder, None) for text in elsewhere.QUESTIONS]
    gone = [
        await best_score(index, question.text, ranking, embedder, files - {question.file_id}) for question in questions
    ]
    return right, other, gone


def shares(way: str, right: Sequence[float], other: Sequence[float], gone: Sequence[float]) -> str:
    """A line of how well the scores tell them apart."""
    above = sum(score > EVEN for score in right) / len(right)
    below = [sum(score < EVEN for score in others) / len(others) for others in (other, gone)]
    return (
        f"{way:>8}  right above {EVEN} {above:.3f}  other subject below {below[0]:.3f}  answer removed {below[1]:.3f}"
    )


async def cosines(texts: dict[str, str], questions: Sequence[Question], embedder: Embedder) -> str:
    """The cosine below which 95 of 100 questions about something else stay, and above which 90 right answers do."""
    chunks = [(file_id, piece.text) for file_id, text in texts.items() for piece in chunk(text, Strategy())]
    owners = np.array([file_id for file_id, _ in chunks])
    vectors = unit(await embedder.embed([text for _, text in chunks]))
    others = (unit(await embedder.embed(elsewhere.QUESTIONS)) @ vectors.T).max(axis=1)
    asked = unit(await embedder.embed([question.text for question in questions])) @ vectors.T
    right = [row[owners == question.file_id].max() for row, question in zip(asked, questions, strict=True)]
    other, least = np.quantile(others, 0.95), np.quantile(right, 0.1)
    return f"  cosine  other subject, 95th of 100 {other:.3f}  right, 10th of 100 {least:.3f}"


def unit(vectors: Sequence[Sequence[float]]) -> np.ndarray:
    """Rows of length 1."""
    matrix = np.asarray(vectors, dtype=np.float32)
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)


def report(way: str, ranks: Sequence[int | None]) -> str:
    """A line of figures."""
    found = [rank for rank in ranks if rank is not None]
    at = [sum(rank <= depth for rank in found) / len(ranks) for depth in (5, 10)]
    return (
        f"{way:>8}  recall@5 {at[0]:.3f}  recall@10 {at[1]:.3f}  MRR {sum(1 / rank for rank in found) / len(ranks):.3f}"
    )


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Quality of retrieval; see the module's docstring.")
    parser.add_argument("--model", help="an embedding model; where it is comes from OPENAI_BASE_URL and OPENAI_API_KEY")
    return parser.parse_args()


def embedder_of(model: str | None) -> Embedder:
    """The model's, or the one that needs none."""
    if model is None:
        return HashedEmbedder()
    from openai import AsyncOpenAI

    client = AsyncOpenAI()
    return OpenAIEmbedder([VectorSource(lambda: client, model)], model, client.close)


async def main() -> None:
    """Build the set, index it and ask."""
    embedder = embedder_of(arguments().model)
    texts, questions = dataset()
    with tempfile.TemporaryDirectory() as folder:
        index = SegmentIndex(*home(Path(folder)))
        chunks = await build(index, texts, embedder)
        print(f"{len(questions)} questions, {len(texts)} files, {chunks} chunks, vectors: {embedder.name}")
        for way, ranking in WAYS.items():
            print(report(way, [await rank_of(index, question, ranking, embedder) for question in questions]))
        for way, ranking in WAYS.items():
            print(shares(way, *await scores(index, ranking, embedder, questions, set(texts))))
    print(await cosines(texts, questions, embedder))


if __name__ == "__main__":
    asyncio.run(main())
