#!/usr/bin/env bash
# pydantic 2: `hide_input_in_errors` counts where a validation begins, and there alone. A model that hides the input of its
# own errors shows it when it is validated as a field of a model that does not; and the other way round, an outer model
# that hides it hides it for everything within. So settings that hold secrets in nested models must say it at the top.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pydantic==2.12.4
"$work/venv/bin/python" - <<'PROGRAM'
from pydantic import BaseModel, ConfigDict, ValidationError, VERSION


class Endpoint(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    port: int


class Plain(BaseModel):
    endpoint: Endpoint


class Careful(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    endpoint: Endpoint


def shows(model, value):
    try:
        model.model_validate(value)
    except ValidationError as error:
        return "a-word" in str(error)


alone, nested, careful = shows(Endpoint, {"port": "a-word"}), *(
    shows(model, {"endpoint": {"port": "a-word"}}) for model in (Plain, Careful)
)
print(f"pydantic {VERSION}: the input is shown alone: {alone}, nested: {nested}, nested in one that hides: {careful}")
assert (alone, nested, careful) == (False, True, False), "it is different now"
PROGRAM
