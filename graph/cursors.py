"""Sealed cursors: clients hold them, only we read and make them, and each opens for one tenant, party and list alone.

AES-SIV (RFC 5297) authenticates the scope along with the text. It needs no nonce: one place in a list has one cursor.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.errors import CursorInvalid, Path

SECRET_BYTES_MIN = 32
_KEY_BYTES = 64
_CURSOR_CHARS_MAX = 1_024


class Seal:
    """Seals and opens cursors under one secret. `purpose` is a name in our code, one for each kind of list."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SECRET_BYTES_MIN:
            raise ValueError(f"the cursor secret needs {SECRET_BYTES_MIN} bytes or more, not {len(secret)}")
        self._secret = secret
        self._ciphers: dict[str, AESSIV] = {}

    def seal(self, purpose: str, scope: tuple[str, ...], payload: bytes) -> str:
        sealed = self._cipher(purpose).encrypt(payload, _associated(scope))
        return urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    def open(self, purpose: str, scope: tuple[str, ...], text: str, *, path: Path = ()) -> bytes:
        """The payload; raises CursorInvalid for garbage and for another's cursor alike."""
        try:
            if len(text) > _CURSOR_CHARS_MAX:
                raise ValueError("longer than any cursor")
            sealed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            return self._cipher(purpose).decrypt(sealed, _associated(scope))
        except (NotBase64, InvalidTag, ValueError):
            raise CursorInvalid("this cursor does not belong to this list", path=path) from None

    def _cipher(self, purpose: str) -> AESSIV:
        cipher = self._ciphers.get(purpose)
        if cipher is None:
            derive = HKDF(
                algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"interpact cursor: " + purpose.encode()
            )
            cipher = self._ciphers[purpose] = AESSIV(derive.derive(self._secret))
        return cipher


def _associated(scope: tuple[str, ...]) -> list[bytes]:
    """Each part is authenticated by itself, so ("ab", "c") and ("a", "bc") differ."""
    return [part.encode() for part in scope]
