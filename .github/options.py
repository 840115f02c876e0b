"""Prints the deployment's options among the repository's variables (OPTIONS, a JSON object) as GITHUB_ENV takes them.

An option is a variable that infra/main.parameters.json names. What is not set is left out.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path

PARAMETERS = Path(__file__).parents[1] / "infra/main.parameters.json"


def main() -> int:
    """Write `NAME<<mark`, the value and the mark: values may have several lines."""
    variables = json.loads(os.environ["OPTIONS"])
    for parameter in json.loads(PARAMETERS.read_text())["parameters"].values():
        name = parameter["value"].strip("${}")
        if variables.get(name):
            mark = secrets.token_hex(16)
            print(f"{name}<<{mark}\n{variables[name]}\n{mark}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
