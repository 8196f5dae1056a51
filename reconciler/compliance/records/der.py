"""RSA public keys in DER: SubjectPublicKeyInfo (RFC 5280) or a bare RSAPublicKey (RFC 8017 appendix A.1.1)."""

from dataclasses import dataclass
from functools import lru_cache

_SEQUENCE, _INTEGER, _BIT_STRING, _OID = 0x30, 0x02, 0x03, 0x06
_RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")


@dataclass(frozen=True, slots=True)
class RsaKey:
    """Modulus and exponent."""

    modulus: int
    exponent: int

    @property
    def bits(self) -> int:
        """The length of the modulus, which is what people call the key's size."""
        return self.modulus.bit_length()


class _Broken(ValueError):
    pass


@lru_cache(maxsize=4096)
def rsa_key(der: bytes) -> RsaKey | None:
    """The RSA key in some bytes; None where there is none (cut off, another algorithm, something else)."""
    try:
        body, rest = _take(der, _SEQUENCE)
        if rest:
            return None
        if body[:1] == bytes([_INTEGER]):
            return _bare(body)
        algorithm, after = _take(body, _SEQUENCE)
        oid, _ = _take(algorithm, _OID)
        bits, rest = _take(after, _BIT_STRING)
        if rest or oid != _RSA_ENCRYPTION or bits[:1] != b"\0":
            return None
        inner, rest = _take(bits[1:], _SEQUENCE)
        return None if rest else _bare(inner)
    except _Broken:
        return None


def _bare(body: bytes) -> RsaKey | None:
    modulus, rest = _take(body, _INTEGER)
    exponent, rest = _take(rest, _INTEGER)
    if rest or not modulus or not exponent:
        return None
    return RsaKey(int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big"))


def _take(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The contents of the first element, which must have that tag, and what follows it."""
    if len(data) < 2 or data[0] != tag:
        raise _Broken
    length, at = data[1], 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4 or len(data) < 2 + size:
            raise _Broken
        length, at = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
    if len(data) < at + length:
        raise _Broken
    return data[at : at + length], data[at + length :]
