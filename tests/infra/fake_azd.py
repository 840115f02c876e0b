"""A stand-in for azd: runs a hook as azd does, and keeps what the hook asks of it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

#: Of whoever is signed in.
TOKEN = "e30." + base64.urlsafe_b64encode(b'{"oid": "me", "tid": "home"}').decode().rstrip("=") + ".sig"
#: Writes down what it is asked and hands out a token.
AZD = f"""#!{sys.executable}
import json, os, sys
with open(os.environ["AZD_LOG"], "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1:3] == ["auth", "token"]:
    print(json.dumps({{"token": "{TOKEN}"}}))
"""


class Azd:
    """The stand-in's environment, and what it was asked."""

    def __init__(self, folder: Path, hooks: Path) -> None:
        self.log, self.hooks = folder / "azd.log", hooks
        self.environment = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "AZD_LOG": str(self.log)}
        (folder / "azd").write_text(AZD)
        (folder / "azd").chmod(0o755)

    def run(self, hook: str, **values: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(self.hooks / hook)]
        return subprocess.run(command, env={**self.environment, **values}, text=True, capture_output=True)

    def kept(self) -> dict[str, str]:
        """What was put into the azd environment."""
        calls = [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        return {name: value for verb, what, name, value in calls if (verb, what) == ("env", "set")}
