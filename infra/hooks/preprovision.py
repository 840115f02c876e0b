"""Before `azd provision`: make the box's API key and hand its SHA-256, and those of other keys, to the deployment.

The key stays in this machine's azd environment (`azd env get-value BOX_API_KEY`); Azure only ever sees the hash.
Standard library only, so that any Python 3.9 or newer can run it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import subprocess
import sys

KEY = "BOX_API_KEY"
HASHES = "BOX_KEY_HASHES"
#: Of administrators, who are optional.
ADMIN_KEY = "BOX_ADMIN_KEY"
ADMIN_HASHES = "BOX_ADMIN_KEY_HASHES"
SHORTEST_KEY = 32
#: What the app accepts as a name: it would not start with another.
OWNER = r"[a-z0-9][a-z0-9_]{0,62}"


def keys_of(variable: str, environment: dict[str, str]) -> dict[str, str]:
    """Name -> key: `BOX_API_KEY` is the key of `default`, `BOX_API_KEY_ALICE` that of `alice`."""
    keys = {"default": environment[variable]} if environment.get(variable) else {}
    for name, value in sorted(environment.items()):
        owner = re.fullmatch(variable + r"_(\w+)", name) if name not in (HASHES, ADMIN_HASHES) else None
        if owner is not None and value:
            keys[owner[1].lower()] = value
    return keys


def hashed(keys: dict[str, str]) -> str:
    """The JSON the app reads: owner -> `sha256:<hex>`. Short keys could be guessed from their hash: refused."""
    for owner, key in keys.items():
        if re.fullmatch(OWNER, owner) is None:
            raise SystemExit(f"{owner!r} is no name of an owner or administrator: letters, digits and _, at most 63.")
        if len(key) < SHORTEST_KEY:
            raise SystemExit(f"The key of {owner!r} is too short: it needs {SHORTEST_KEY} characters.")
    return json.dumps({owner: "sha256:" + hashlib.sha256(key.encode()).hexdigest() for owner, key in keys.items()})


def azd_set(name: str, value: str) -> None:
    """Keep a value in the azd environment this hook runs for (azd names it in AZURE_ENV_NAME)."""
    subprocess.run(["azd", "env", "set", name, value], check=True)  # noqa: S603, S607


def main() -> int:
    """Make an owner's key if there is none, then store the hashes of all keys."""
    environment = dict(os.environ)
    if not environment.get(KEY):
        environment[KEY] = "box-" + secrets.token_urlsafe(32)
        azd_set(KEY, environment[KEY])
        print(f"Made an API key. Read it with: azd env get-value {KEY}")
    owners, admins = keys_of(KEY, environment), keys_of(ADMIN_KEY, environment)
    if set(owners.values()) & set(admins.values()):
        raise SystemExit("An administrator's key is an owner's, too: one key opens one kind of routes.")
    azd_set(HASHES, hashed(owners))
    azd_set(ADMIN_HASHES, hashed(admins))
    return 0


if __name__ == "__main__":
    sys.exit(main())
