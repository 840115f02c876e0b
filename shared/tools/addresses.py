"""Which network addresses the public internet is made of, and which a server must not be talked into visiting."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

#: Everything else in IPv6 is local, or wraps an IPv4 address that a gateway may unwrap (mapped, NAT64).
_PUBLIC_IPV6 = ip_network("2000::/3")

#: What Python's `is_global` lets pass, in one version or another; see IANA's registries of special-purpose addresses.
_NEVER = [
    ip_network("168.63.129.16/32"),  # Azure's own services for its machines
    ip_network("192.0.0.0/24"),  # protocol assignments, among them a cloud's metadata service
    ip_network("192.31.196.0/24"),  # AS112: answered by whoever is nearest, be it inside
    ip_network("192.52.193.0/24"),  # relays of multicast (AMT), which wrap addresses
    ip_network("192.88.99.0/24"),  # 6to4 relays
    ip_network("192.175.48.0/24"),  # AS112
    ip_network("2001::/23"),  # protocol assignments, among them Teredo, which wraps IPv4
    ip_network("2002::/16"),  # 6to4, which wraps IPv4
    ip_network("2620:4f:8000::/48"),  # AS112
    ip_network("3ffe::/16"),  # the 6bone, given back: who routes it does so in private
    ip_network("3fff::/20"),  # documentation
]


def is_public(address: str) -> bool:
    """Whether the numeric address belongs to a host on the public internet."""
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if not parsed.is_global or parsed.is_multicast:
        return False
    if parsed.version == 6 and parsed not in _PUBLIC_IPV6:
        return False
    # An interface index, as in fe80::1%2, makes any address a local one.
    return "%" not in address and not any(parsed in network for network in _NEVER)
