#!/usr/bin/env bash
# orjson 3.13.0 reads an integer that needs more than 64 bits as a float and says nothing: what a model wrote as the
# argument 18446744073709551617 comes out as 1.8446744073709552e+19. The standard library and msgspec 0.22.0 keep every digit.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check orjson==3.13.0 msgspec==0.22.0 2>/dev/null
"$work/python/bin/python" - <<'PROGRAM'
import json

import msgspec
import orjson

written = b'{"account": 18446744073709551617}'
read = {each.__name__: function(written)["account"] for each, function in
        ((json, json.loads), (msgspec, msgspec.json.decode), (orjson, orjson.loads))}
print("orjson", orjson.__version__, "msgspec", msgspec.__version__, read)
assert read["json"] == read["msgspec"] == 18446744073709551617
assert isinstance(read["orjson"], float), "it keeps the digits now"
PROGRAM
