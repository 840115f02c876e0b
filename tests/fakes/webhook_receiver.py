"""A server that is told by webhooks, and behaves as it is told: well, or not at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.fakes.listening import Quiet, listening


@dataclass
class Told:
    """A request as it came."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What came, and what is answered: the behaviours in turn, then `otherwise`.

    A behaviour is a status, or `slow`, `huge`, `endless headers`, `redirect`, `closing`.
    """

    url: str = ""
    told: list[Told] = field(default_factory=list)
    behaviours: list[int | str] = field(default_factory=list)
    otherwise: int | str = 204
    #: Requests that came where a redirect leads.
    redirected: int = 0
    arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://").partition("/")[0]

    def wait(self, count: int, seconds: float = 15) -> list[Told]:
        """What came, once it is so many."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.told) >= count, seconds), f"{len(self.told)} of {count}"
            return [*self.told]

    def take(self, told: Told) -> int | str:
        with self.arrived:
            self.told.append(told)
            self.arrived.notify_all()
            return self.behaviours.pop(0) if self.behaviours else self.otherwise


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if self.path == "/elsewhere":
                receiver.redirected += 1
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            if len(body) < length:  # its sender died
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.answer(receiver.take(Told(headers, body)))

        def answer(self, behaviour: int | str) -> None:
            if behaviour == "slow":
                time.sleep(2)
            if behaviour == "closing":
                self.close_connection = True
                return
            self.send_response(behaviour if isinstance(behaviour, int) else 307 if behaviour == "redirect" else 200)
            if behaviour == "redirect":
                self.send_header("location", "/elsewhere")
            if behaviour == "endless headers":
                for number in range(20_000):
                    self.send_header(f"x-{number}", "x" * 100)
            self.end_headers()
            if behaviour == "huge":
                for _ in range(2_000):
                    self.wfile.write(b"x" * 100_000)

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

    with listening(Handler) as url:
        receiver.url = f"{url}/hook"
        yield receiver
