"""The steps in order, and what becomes of each. The long stream is held while the others go on beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from shared.smoke import cleaning, files, reach, runs, tools
from shared.smoke.box import BoxUnderTest, Options
from shared.smoke.report import StepOutcome

Step = Callable[[BoxUnderTest], dict[str, float]]

ANSWERS: Final = "the box answers"
HELD: Final = "a long stream"
CLEANED: Final = "cleaned up"
STEPS: Final[dict[str, Step]] = {
    "both prefixes": reach.both_prefixes,
    "a streamed run": runs.streamed,
    "a polled run": runs.polled,
    "a function of the client": runs.function_of_the_client,
    "a tool of the box": runs.tool_of_the_box,
    "code with a chart": tools.chart,
    "a file searched and cited": tools.searched,
    "a large file": files.uploaded_whole,
    "a file in parts": files.uploaded_in_parts,
    "a listener who leaves": runs.disconnected,
    "a cancelled run": runs.cancelled,
    HELD: tools.held,
}


def told(options: Options, only: Collection[str] = ()) -> Generator[StepOutcome, None, None]:
    """Each step's outcome as soon as it is known; `only` names those to take, else all. Cleans up in any case."""
    box = BoxUnderTest(options)
    try:
        yield (first := outcome(ANSWERS, reach.it_answers, box))
        if first.ok:
            yield from tried(box, [name for name in STEPS if name in (only or STEPS)])
    finally:
        box.close()


def tried(box: BoxUnderTest, names: list[str]) -> Generator[StepOutcome, None, None]:
    """The outcomes of these steps, the long one's at the end, and of cleaning up."""
    beside: Future[StepOutcome] | None = None
    with ThreadPoolExecutor(1) as pool:
        try:
            if HELD in names:
                beside = pool.submit(outcome, HELD, STEPS[HELD], box)
            for name in names:
                if name != HELD:
                    yield outcome(name, STEPS[name], box)
            if beside is not None:
                yield beside.result()
        finally:
            # Whoever leaves early gets no more outcomes, but leaves nothing behind: this cancels the held run, too.
            cleaned = outcome(CLEANED, cleaning.cleaned_up, box)
        yield cleaned


def outcome(name: str, step: Step, box: BoxUnderTest) -> StepOutcome:
    """Take a step. Whatever breaks in it is told and ends nothing else."""
    started = time.monotonic()
    try:
        figures = step(box)
    except Exception as error:
        wrong = reach.translated(error)
        return StepOutcome(name, False, time.monotonic() - started, wrong=str(wrong), look=wrong.look)
    return StepOutcome(name, True, time.monotonic() - started, figures)
