"""Origins of web pages, and addresses of proxies, as settings name them."""

from __future__ import annotations

from ipaddress import ip_network
from urllib.parse import urlsplit

_SCHEMES = frozenset({"http", "https"})


def is_origin(text: str) -> bool:
    """Whether this is an origin as browsers write it: scheme, host and port, nothing more, and no wildcard."""
    try:
        parts = urlsplit(text)
        written = f"{parts.scheme}://{parts.netloc}"
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and written == text.lower() == text and not any(character in text for character in "*@ \\")


def is_network(text: str) -> bool:
    """Whether this is one address, or a network whose address has no bits beyond its length."""
    try:
        ip_network(text)
    except ValueError:
        return False
    return True
