"""Opaque node ids: the type's name and the UUID in one short text. Clients compare them and pass them on, no more."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from uuid import UUID

from domain.errors import Invalid, NotFound, Path

_UUID_BYTES = 16
_ID_CHARS_MAX = 128


@dataclass(frozen=True, slots=True)
class NodeId:
    """It names one node of one type. It says nothing of the tenant: rows of another are not there to be found."""

    type_name: str
    uuid: UUID


def encode(type_name: str, uuid: UUID) -> str:
    packed = type_name.encode("ascii") + uuid.bytes
    return urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def decode(text: str, *, path: Path = ()) -> NodeId:
    """The only text that `encode` gives for it, or Invalid."""
    if len(text) > _ID_CHARS_MAX:
        raise _malformed(path)
    try:
        packed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        node = NodeId(packed[:-_UUID_BYTES].decode("ascii"), UUID(bytes=packed[-_UUID_BYTES:]))
    except (NotBase64, ValueError):
        raise _malformed(path) from None
    # Base64 decoders skip foreign characters and ignore the last bits; an id has one spelling.
    if not node.type_name.isidentifier() or encode(node.type_name, node.uuid) != text:
        raise _malformed(path)
    return node


def uuid_of(text: str, type_name: str, *, path: Path = ()) -> UUID:
    """The UUID of an id that must be of this type. One of another type names nothing of this one."""
    node = decode(text, path=path)
    if node.type_name != type_name:
        raise NotFound(type_name, text, path=path)
    return node.uuid


def _malformed(path: Path) -> Invalid:
    return Invalid("this is not an id that the service gave out", path=path)
