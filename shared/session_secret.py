"""The secret in the names of sandbox sessions: random, made once, known to every host of a box by its store.

It depends on nothing that an operator changes: new API keys rename no session. Without it, whoever knows an owner and a
thread could name the session.
"""

from __future__ import annotations

import secrets

from shared import layout
from shared.store.base import Conflict, Put, Store


class SessionSecret:
    """The secret of one box; read once by each process."""

    def __init__(self, store: Store):
        self._store = store
        self._secret: bytes | None = None

    async def get(self) -> bytes:
        """The secret, made if nobody has needed it before. Raises Unavailable."""
        if self._secret is None:
            self._secret = await self._stored() or await self._made()
        return self._secret

    async def _stored(self) -> bytes | None:
        row = await self._store.get(layout.BOX, layout.SESSION_NAMES_KEY)
        return None if row is None else bytes.fromhex(row.data["secret"])

    async def _made(self) -> bytes:
        secret = secrets.token_bytes(32)
        try:
            await self._store.commit(layout.BOX, [Put(layout.SESSION_NAMES_KEY, {"secret": secret.hex()})])
        except Conflict:  # another host was faster
            return await self._stored() or secret
        return secret
