"""The command line where the package is not installed as `box`: `python -m shared`."""

from __future__ import annotations

import sys

from shared.cli.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
