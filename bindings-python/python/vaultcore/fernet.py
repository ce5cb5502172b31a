"""A drop-in for `cryptography.fernet.MultiFernet` on a transit key: the way to move from it.

Old tokens are read with the old keys; `rotate` turns them into ciphertexts of the vault.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ._native import InvalidArgumentError, Transit

__all__ = ["InvalidToken", "VaultFernet"]

_FORMAT = b"\x01"
_SKEW = 60
"""Seconds that clocks may differ, as in Fernet."""


class VaultFernet:
    """Encrypts by a transit key, and decrypts what it or one of the old keys encrypted."""

    def __init__(self, transit: Transit, key: str, old: Iterable[Fernet] = ()) -> None:
        self._transit = transit
        self._key = key
        fernets = list(old)
        self._old = MultiFernet(fernets) if fernets else None

    def encrypt(self, msg: bytes) -> bytes:
        """Return a token of the bytes."""
        return self.encrypt_at_time(msg, int(time.time()))

    def encrypt_at_time(self, msg: bytes, current_time: int) -> bytes:
        """Return a token of the bytes, as made at a time in seconds."""
        stamp = current_time.to_bytes(8, "big")
        return self._transit.encrypt(self._key, _FORMAT + stamp + msg).encode()

    def decrypt(self, msg: bytes | str, ttl: int | None = None) -> bytes:
        """Return the bytes of a token, which is at most `ttl` seconds old."""
        return self._decrypt(msg, ttl, int(time.time()))

    def decrypt_at_time(self, msg: bytes | str, ttl: int, current_time: int) -> bytes:
        """Return the bytes of a token, which is at most `ttl` seconds old at a time."""
        return self._decrypt(msg, ttl, current_time)

    def extract_timestamp(self, msg: bytes | str) -> int:
        """Return when the token was made."""
        if not self._ours(msg):
            if self._old is None:
                raise InvalidToken
            return self._old.extract_timestamp(msg)
        return self._open(msg)[0]

    def rotate(self, msg: bytes | str) -> bytes:
        """Return the token anew by the newest version of the key, with its old time."""
        if self._ours(msg):
            try:
                return self._transit.rewrap(self._key, _text(msg)).encode()
            except (InvalidArgumentError, UnicodeDecodeError):
                raise InvalidToken from None
        return self.encrypt_at_time(self.decrypt(msg), self.extract_timestamp(msg))

    def _decrypt(self, msg: bytes | str, ttl: int | None, now: int) -> bytes:
        if not self._ours(msg):
            if self._old is None:
                raise InvalidToken
            if ttl is None:
                return self._old.decrypt(msg)
            return self._old.decrypt_at_time(msg, ttl, now)
        made, data = self._open(msg)
        if ttl is not None and (made + ttl < now or now + _SKEW < made):
            raise InvalidToken
        return data

    def _open(self, msg: bytes | str) -> tuple[int, bytes]:
        try:
            plain = self._transit.decrypt(self._key, _text(msg))
        except (InvalidArgumentError, UnicodeDecodeError):
            raise InvalidToken from None
        if len(plain) < 9 or plain[:1] != _FORMAT:
            raise InvalidToken
        return int.from_bytes(plain[1:9], "big"), plain[9:]

    @staticmethod
    def _ours(msg: bytes | str) -> bool:
        prefix: bytes | str = "vault:" if isinstance(msg, str) else b"vault:"
        return msg[:6] == prefix


def _text(msg: bytes | str) -> str:
    return msg if isinstance(msg, str) else msg.decode("ascii")
