#!/usr/bin/env bash
# click 8.5.1: a pair of flags, `--yes/--no`, that is declared `required=True` with `default=None` is not required: without
# either the command runs and gets None. Without `default` it is required, as one would think of both.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check click==8.5.1
cat > pair.py <<'PROGRAM'
import click
from click.testing import CliRunner


@click.command()
@click.option("--yes/--no", "answer", required=True, default=None)
def with_default(answer):
    print("answer:", answer)


@click.command()
@click.option("--yes/--no", "answer", required=True)
def without_default(answer):
    print("answer:", answer)


first, second = CliRunner().invoke(with_default, []), CliRunner().invoke(without_default, [])
print("with default=None:", first.exit_code, first.output.strip())
print("without a default:", second.exit_code, second.output.strip().splitlines()[-1])
assert (first.exit_code, first.output.strip()) == (0, "answer: None"), "it is required now"
assert second.exit_code == 2, "it is not required either way now"
PROGRAM
venv/bin/python pair.py
