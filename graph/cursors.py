"""Sealed cursors: clients hold them, only we read and make them, and each opens for one tenant, party and list alone.

AES-SIV (RFC 5297) authenticates the scope along with the text. It needs no nonce: one place in a list has one cursor
for as long as the secret that seals stays the same.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.errors import CursorInvalid, Path

SECRET_BYTES_MIN = 32
_KEY_BYTES = 64
_CURSOR_CHARS_MAX = 1_024


class Seal:
    """Seals cursors under the first secret and opens those of any, so that a secret can be replaced.

    `purpose` is a name in our code, one for each kind of list.
    """

    def __init__(self, *secrets: bytes) -> None:
        if not secrets or min(map(len, secrets)) < SECRET_BYTES_MIN:
            raise ValueError(f"a cursor secret is needed, and each one needs {SECRET_BYTES_MIN} bytes or more")
        self._secrets = secrets
        self._ciphers: dict[str, tuple[AESSIV, ...]] = {}

    def seal(self, purpose: str, scope: tuple[str, ...], payload: bytes) -> str:
        sealed = self._of(purpose)[0].encrypt(payload, _associated(scope))
        return urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    def open(self, purpose: str, scope: tuple[str, ...], text: str, *, path: Path = ()) -> bytes:
        """The payload; raises CursorInvalid for garbage and for another's cursor alike."""
        try:
            if len(text) > _CURSOR_CHARS_MAX:
                raise ValueError("longer than any cursor")
            sealed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            for cipher in self._of(purpose):
                with suppress(InvalidTag):
                    return cipher.decrypt(sealed, _associated(scope))
        except (NotBase64, ValueError):
            pass
        raise CursorInvalid("this cursor does not belong to this list", path=path)

    def _of(self, purpose: str) -> tuple[AESSIV, ...]:
        ciphers = self._ciphers.get(purpose)
        if ciphers is None:
            ciphers = self._ciphers[purpose] = tuple(_cipher(secret, purpose) for secret in self._secrets)
        return ciphers


def _cipher(secret: bytes, purpose: str) -> AESSIV:
    derive = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"interpact cursor: " + purpose.encode())
    return AESSIV(derive.derive(secret))


def _associated(scope: tuple[str, ...]) -> list[bytes]:
    """Each part is authenticated by itself, so ("ab", "c") and ("a", "bc") differ."""
    return [part.encode() for part in scope]
