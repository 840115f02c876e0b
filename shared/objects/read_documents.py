"""OpenAPI documents that were read lately: what an assistant was made with is read once, not by each of its runs again.

A large document takes longer to read than a run takes to begin, and its text a hundredth of that to be recognised.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from typing import Final

from shared.json_types import Json
from shared.objects.openapi_document import ApiOperation, operations

#: Documents that a process remembers: their schemas may have a million characters each.
REMEMBERED: Final = 8


class ReadDocuments:
    """The operations of the last documents; nobody may change what is in them."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._found: OrderedDict[bytes, list[ApiOperation]] = OrderedDict()

    def operations(self, document: Json) -> list[ApiOperation]:
        """What the document's API does. Raises BrokenDocument."""
        key = hashlib.sha256(json.dumps(document).encode()).digest()
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = operations(document)
        self._found.move_to_end(key)
        while len(self._found) > self._most:
            self._found.popitem(last=False)
        return found


#: Of this process.
READ: Final = ReadDocuments()
