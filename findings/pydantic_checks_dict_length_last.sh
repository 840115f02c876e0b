#!/usr/bin/env bash
# pydantic 2.14.4 checks `max_length` of a list while it reads it, of a dictionary only when all its items were valid:
# six wrong items in a list of at most two are one error, "too_long"; in a dictionary of at most two they are six
# errors, and none says that it is too long. Of a dictionary it does not tell the length either.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check pydantic==2.14.4
"$work/python/bin/python" - <<'PROGRAM'
from typing import Annotated

import pydantic

read = []


def number(value):
    read.append(value)
    return int(value)


Number = Annotated[int, pydantic.BeforeValidator(number)]


def errors(kind, value):
    read.clear()
    try:
        pydantic.TypeAdapter(Annotated[kind, pydantic.Field(max_length=2)]).validate_python(value)
    except pydantic.ValidationError as error:
        found = [(each["type"], each.get("ctx", {}).get("actual_length")) for each in error.errors()]
        print(f"  {len(read)} items read:", found)
        return len(read), found
    raise AssertionError("no bound any more")


print("pydantic", pydantic.VERSION)
wrong, right = ["x"] * 6, [1] * 6
lists = [errors(list[Number], wrong), errors(list[Number], right)]
dictionaries = [errors(dict[str, Number], dict(zip("abcdef", items))) for items in (wrong, right)]
assert [found for _, found in lists] == [[("too_long", 6)]] * 2, "lists are read otherwise now"
assert dictionaries[0] == (6, [("value_error", None)] * 6), "a dictionary's length comes first now"
print("items read of lists:", [count for count, _ in lists])
assert dictionaries[1][1] == [("too_long", None)], "it tells a dictionary's length now"
PROGRAM
