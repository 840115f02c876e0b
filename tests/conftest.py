"""What holds for every test: searches for garbage leave out what is loaded, and the end says what was left out."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Generator
from typing import Final

import pytest

#: Words in a reason to skip -> something that can be had is missing.
TO_BE_HAD: Final = ("not installed", "bwrap", "bubblewrap", "Chromium", "install-node-packages")
HINT: Final = "`make test-tools` installs what is missing: bubblewrap, Chromium and its driver, Node and its packages."


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what is loaded and collected out of searches for garbage: each would take half a second with it."""
    gc.disable()
    found = yield
    gc.freeze()
    gc.enable()
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each reason to skip with the number of tests; say what would bring them in."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ") for report in skipped if isinstance(report.longrepr, tuple)
    )
    if not reasons:
        return
    terminalreporter.section("left out")
    for reason, number in reasons.most_common():
        terminalreporter.line(f"{number:4} {'test' if number == 1 else 'tests'}: {reason}")
    if any(word in reason for reason in reasons for word in TO_BE_HAD):
        terminalreporter.line(HINT)
