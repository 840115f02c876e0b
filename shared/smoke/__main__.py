"""`python -m shared.smoke --url URL`, with the key in BOX_KEY: what `make smoke` calls."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import warnings
from contextlib import closing
from dataclasses import replace

from shared.smoke.address import root
from shared.smoke.box import Options
from shared.smoke.report import as_json
from shared.smoke.story import STEPS, told


def main(arguments: list[str]) -> int:
    """Tell the story and return the exit code: 0 if all went well, 1 if not, 130 if interrupted."""
    warnings.simplefilter("ignore", DeprecationWarning)
    parsing = parser()
    chosen = parsing.parse_args(arguments)
    try:
        url = root(chosen.url)
    except ValueError as error:
        parsing.error(str(error))
    if not chosen.key:
        parsing.error("the key is missing: --key, or BOX_KEY in the environment")
    options = Options(url, chosen.key, chosen.model)
    options = replace(options, hold=chosen.hold, megabytes=chosen.megabytes, patience=chosen.patience)
    # An end that is asked for is an exception, so that everything is deleted before.
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has the first one ignored in the background
        signal.signal(number, signal.default_int_handler)
    started, outcomes = time.monotonic(), []
    try:
        with closing(told(options, chosen.only)) as story:
            for each in story:
                outcomes.append(each)
                if not chosen.json:
                    print(each.line(), flush=True)
    except KeyboardInterrupt:
        return 130
    if chosen.json:
        print(as_json(options.url, outcomes, time.monotonic() - started))
    return 0 if all(each.ok for each in outcomes) else 1


def parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    given = Options("", "")
    parser = argparse.ArgumentParser(
        prog="python -m shared.smoke", description="A client's whole story, against a box."
    )
    parser.add_argument("--url", required=True, help="the box's address, with or without /v1")
    parser.add_argument("--key", default=os.environ.get("BOX_KEY", ""), help="the API key (default: BOX_KEY)")
    parser.add_argument("--model", default=given.model, help=f"the model to ask for (default: {given.model})")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=[*STEPS],
        metavar="STEP",
        help="take this step: " + "; ".join(STEPS),
    )
    parser.add_argument("--hold", type=held, default=given.hold, help="seconds of the long stream (1 to 120)")
    parser.add_argument("--megabytes", type=int, default=given.megabytes, help="size of the large file")
    parser.add_argument("--patience", type=float, default=given.patience, help="seconds that a run may take")
    return parser


def held(text: str) -> float:
    """Seconds of the long stream."""
    seconds = float(text)
    if not 1 <= seconds <= 120:
        raise argparse.ArgumentTypeError("from 1 to 120: that is how long a program may run")
    return seconds


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))
