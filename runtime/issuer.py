"""Which OIDC issuer is believed, and where one may live: at an https address; on this machine only in the demo."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

LENGTH_MAX = 500
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Those that can be allowed: all with a key pair, none with a secret that both sides know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oidc:
    """What the settings say of the issuer. `outage_s_max`: how long its keys are used on while it does not answer."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    leeway_s: int
    outage_s_max: int


def refusal_of(url: str, *, demo: bool) -> str | None:
    """Why the service may not ask there, in words that follow a name; None where it may.

    A name that only resolves to this machine passes: over https its certificate would have to be right as well.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "is no address"
    if not host or port == 0 or len(url) > LENGTH_MAX or not url.isascii() or not url.isprintable() or " " in url:
        return "is no address"
    if _has_extras(parts):
        return "has more than host, port and path"
    local = is_loopback(host)
    if parts.scheme not in ("https", "http") or (parts.scheme == "http" and not local):
        return "is not https"
    if local and not demo:
        return "is on this machine, which only the demo may use"
    return None


def is_loopback(host: str) -> bool:
    """Of this machine, however it is written: by name, as IPv4 in IPv6, or as the short numbers that resolvers take."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return address is not None and (address.is_loopback or address.is_unspecified)


def is_loopback_address(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(name))
    except OSError:
        return None


def _has_extras(parts: SplitResult) -> bool:
    return bool(parts.query or parts.fragment or parts.username is not None or parts.password is not None)
