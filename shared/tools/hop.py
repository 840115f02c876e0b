"""A URL whose addresses were checked, and how a request goes to one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Hop:
    """A checked URL and the addresses it may be fetched from."""

    url: Any
    host: str
    addresses: list[str]

    def requests(self, client: Any, method: str, **more: Any) -> list[Any]:
        """The request, once for each address, in order of preference."""
        return [client.build_request(method, self.at(each), **(more | self.told())) for each in self.addresses]

    def at(self, address: str) -> Any:
        """The URL with an address for its host."""
        return self.url.copy_with(host=address)

    def told(self) -> dict[str, Any]:
        """What a request to an address says of the host, in headers and in the handshake of TLS."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        named = host if self.url.port is None else f"{host}:{self.url.port}"
        return {"headers": {"Host": named}, "extensions": {"sni_hostname": self.host}}
