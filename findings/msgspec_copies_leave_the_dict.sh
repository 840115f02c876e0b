#!/usr/bin/env bash
# msgspec 0.22.0: an instance of a Struct with `dict=True` can hold more than its fields, and loses it on the way: neither
# `copy.copy` nor `msgspec.structs.replace` takes its `__dict__` along, and nothing that writes JSON shows it. Two that
# differ in it alone are equal. Pickle and `copy.deepcopy` lose it, too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check msgspec==0.22.0
cat > "$work/program.py" <<'PROGRAM'
import copy
import pickle

import msgspec


class Run(msgspec.Struct, dict=True):
    status: str


run = Run("queued")
run.note = "added later"
copies = {
    "copy.copy": copy.copy(run),
    "copy.deepcopy": copy.deepcopy(run),
    "structs.replace": msgspec.structs.replace(run, status="queued"),
    "pickle": pickle.loads(pickle.dumps(run)),
}
print("msgspec", msgspec.__version__)
for name, made in copies.items():
    print(f"{name}: {made.__dict__}, equal: {made == run}")
print("as JSON:", msgspec.json.encode(run).decode())
assert run.__dict__ == {"note": "added later"}
for name, made in copies.items():
    assert made.__dict__ == {} and made == run, f"{name} keeps it now, or it counts when compared"
assert msgspec.json.encode(run) == b'{"status":"queued"}'
PROGRAM
"$work/python/bin/python" "$work/program.py"
