"""The command line: `python -m shared run | demo | samples install`."""

from __future__ import annotations

import argparse
import sys

from shared import demo, host
from shared.config import Settings


def main(arguments: list[str]) -> int:
    """Run a command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m shared", description="API-in-a-Box")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start the embedded host")
    commands.add_parser("demo", help="go through a whole run with the openai SDK")
    chosen = parser.parse_args(arguments)
    settings = Settings()
    return host.run(settings) if chosen.command == "run" else demo.run(settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
