"""No isolation: a plain child process with resource limits, for people who set SANDBOX=unsafe-subprocess."""

from __future__ import annotations

import os
from dataclasses import dataclass

from shared.sandbox.base import Isolation, Limits
from shared.sandbox.interpreter import INSIDE, Interpreter, environment
from shared.sandbox.local.isolation.base import Place, Plan, config
from shared.sandbox.local.procfs import threads_of_user


@dataclass(frozen=True, slots=True)
class Bare:
    """Starts interpreters that can do whatever the box itself can do."""

    interpreter: Interpreter
    name: str = "unsafe-subprocess"
    isolation: Isolation = "none"
    own_files: bool = False

    def missing(self) -> str | None:
        """Only Windows lacks what a child process needs."""
        return None if os.name == "posix" else "code can run on Linux and macOS only"

    def plan(self, place: Place, descriptor: int, limits: Limits) -> Plan:
        """How to start an interpreter beside the box."""
        settings = config(limits, data=place.data, uid=None, processes=threads_of_user(os.getuid()) + limits.processes)
        command = [self.interpreter.executable, "-IB", str(INSIDE / "kernel.py"), str(descriptor)]
        variables = environment(home=place.scratch, inside=str(INSIDE), executable=self.interpreter.executable)
        return Plan(command, variables, settings, place.data)
