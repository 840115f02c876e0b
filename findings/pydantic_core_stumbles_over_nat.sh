#!/usr/bin/env bash
# pydantic_core 2.50.5 takes pandas.NaT for a date (it is an instance of `datetime.datetime`) and reads its year, which
# is a float: `to_jsonable_python` ends in a TypeError about floats, `to_json` in a PydanticSerializationError. Neither
# asks `fallback`, which both ask for pandas.NA.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check pydantic_core==2.50.5 pandas==3.1.1
"$work/python/bin/python" - <<'PROGRAM'
import datetime

import pandas
import pydantic_core

asked = []


def fallback(value):
    asked.append(value)
    return None


def outcome(write, value):
    asked.clear()
    try:
        result = repr(write(value, fallback=fallback))
    except Exception as error:  # the point is which
        result = f"{type(error).__name__}: {error}"
    print(f"  {write.__name__}({value}): {result}, asked: {asked}")
    return result, bool(asked)


print("pydantic_core", pydantic_core.__version__, "pandas", pandas.__version__)
print("  a datetime:", isinstance(pandas.NaT, datetime.datetime), "of the year", repr(pandas.NaT.year))
assert outcome(pydantic_core.to_jsonable_python, pandas.NA) == ("None", True)
assert outcome(pydantic_core.to_json, pandas.NA) == ("b'null'", True)
python, asked_python = outcome(pydantic_core.to_jsonable_python, pandas.NaT)
text, asked_text = outcome(pydantic_core.to_json, pandas.NaT)
assert python.startswith("TypeError: 'float'") and text.startswith("PydanticSerializationError"), "it writes NaT now"
assert not asked_python and not asked_text, "it asks the fallback now"
PROGRAM
