"""`python -m bench.siblings`: its load generator knows an answer's end, and that it measures both kinds of boxes."""

from __future__ import annotations

import pytest

from bench import siblings
from bench.lean import whole


@pytest.mark.parametrize(
    "received",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_an_answer_is_whole_with_its_last_byte(received: bytes) -> None:
    assert whole(received)
    assert not any(whole(received[:end]) for end in range(len(received)))


@pytest.mark.parametrize(
    ("places", "kind"),
    [
        (1, "streamed"),
        (2, "polled"),
        pytest.param(1, "polled", marks=pytest.mark.long),
        pytest.param(2, "streamed", marks=pytest.mark.long),
    ],
)
def test_each_number_of_processes_is_measured(places: int, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siblings, "WARM", 4)
    found = siblings.measure(places, kind, clients=8, count=100)  # processor time is counted in hundredths of a second
    assert found["runs/s"] > 0
    assert found["limit"] > 0
