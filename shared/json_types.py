"""JSON as Python has it."""

from __future__ import annotations

from typing import Any

#: An object.
Json = dict[str, Any]
