"""From where a request came, as the audit log keeps it. The address is nowhere else: no log line tells it."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from starlette.types import Scope

from domain.audit import Door, Origin


def whence(scope: Scope, door: Door, request_id: str) -> Origin:
    client: tuple[str, int] | None = scope.get("client")
    return Origin(door=door, address=None if client is None else plain_address(client[0]), request=request_id)


def plain_address(text: str) -> str | None:
    """In its one usual spelling; an IPv4 address within an IPv6 one as itself. None for what is no address.

    A socket of the machine has none, and a proxy may hand on anything.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)
