"""What a server that the operator has credentials for (CONNECTIONS) is sent by tools of assistants."""

from __future__ import annotations

from shared.deps import Deps
from shared.settings.values import ServerConnection
from shared.tools.identity import token_of


async def headers_of(deps: Deps, connection: ServerConnection) -> dict[str, str]:
    """Its headers, and a token of the box's identity, if it has an audience. Raises ToolFailure without one."""
    if connection.audience == "":
        return connection.secrets()
    token = await token_of(deps.identity, f"{connection.audience.removesuffix('/.default')}/.default", "this server")
    return connection.secrets() | {"Authorization": f"Bearer {token}"}
