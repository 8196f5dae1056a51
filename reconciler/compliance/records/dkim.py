"""DKIM key records (RFC 6376 section 3.6.1, RFC 8301, RFC 8463)."""

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache

from reconciler.compliance.records import tags

# RSA keys are in DER: SubjectPublicKeyInfo (RFC 5280) or a bare RSAPublicKey (RFC 8017 appendix A.1.1).
_SEQUENCE, _INTEGER, _BIT_STRING, _OID = 0x30, 0x02, 0x03, 0x06
_RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")


@dataclass(frozen=True, slots=True)
class RsaKey:
    """An RSA public key."""

    modulus: int
    exponent: int

    @property
    def bits(self) -> int:
        """The length of the modulus, commonly called the size of the key."""
        return self.modulus.bit_length()


class _Broken(ValueError):
    pass


@lru_cache(maxsize=4096)
def rsa_key(der: bytes) -> RsaKey | None:
    """The RSA key in DER bytes; None if they are truncated, invalid, or a key of another algorithm."""
    try:
        body, rest = _take(der, _SEQUENCE)
        if rest:
            return None
        # RFC 6376 section 3.6.1 names this form, but most tools publish SubjectPublicKeyInfo.
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
    """The contents of the first element, which must have that tag, and the bytes after it."""
    if len(data) < 2 or data[0] != tag:
        raise _Broken
    length, at = data[1], 2
    if length & 0x80:
        size = length & 0x7F
        # Four bytes of length cover any key. Longer lengths and the indefinite form are invalid in DER.
        if not 1 <= size <= 4 or len(data) < 2 + size:
            raise _Broken
        length, at = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
    if len(data) < at + length:
        raise _Broken
    return data[at : at + length], data[at + length :]


_SPACE = re.compile(r"\s+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimRecord:
    """A key record.

    Attributes:
        key_type: `rsa` by default.
        hashes, services, flags: the lists in `h=`, `s=`, `t=`; None = absent, which allows everything.
        key: `p=` without white space; empty = revoked, None = absent.
        faults: faults that invalidate the record.
    """

    key_type: str = "rsa"
    hashes: tuple[str, ...] | None = None
    services: tuple[str, ...] | None = None
    flags: tuple[str, ...] | None = None
    key: str | None = None
    faults: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def parse_dkim(text: str) -> DkimRecord:
    """Parses the text of a TXT record."""
    found = tags.parse(text)
    faults = list(found.faults)
    version = found.get("v")
    if version is not None and version != "DKIM1":
        faults.append(f"the version is “{version[:30]}” instead of DKIM1")
    if version is not None and found.names[0] != "v":
        faults.append("v=DKIM1 must be the first tag")
    key = found.get("p")
    if key is None:
        faults.append("the p= tag with the key is missing")
    return DkimRecord(
        key_type=found.get("k") or "rsa",
        hashes=_words(found.get("h")),
        services=_words(found.get("s")),
        flags=_words(found.get("t")),
        key=None if key is None else _SPACE.sub("", key),
        faults=tuple(faults),
    )


@lru_cache(maxsize=4096)
def key_bytes(text: str) -> bytes | None:
    """Decodes a key in base64, ignoring white space; None if it is not valid."""
    try:
        return base64.b64decode(_SPACE.sub("", text).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None


def rsa(text: str) -> RsaKey | None:
    """The RSA key in base64 text; None if it is not one."""
    raw = key_bytes(text)
    return None if raw is None else rsa_key(raw)


def same_key(one: str, other: str) -> bool:
    """Whether two keys in base64 are equal: the same bytes, or one RSA key in both DER forms."""
    left, right = key_bytes(one), key_bytes(other)
    if not left or not right:
        return False
    return left == right or ((key := rsa_key(left)) is not None and key == rsa_key(right))


def compose_dkim(public_key: str) -> str:
    """The record for a public key in base64: RSA, or Ed25519 if it has 32 raw bytes (RFC 8463 section 4.2)."""
    raw = key_bytes(public_key)
    kind = "ed25519" if raw is not None and len(raw) == 32 else "rsa"
    return f"v=DKIM1; k={kind}; p={_SPACE.sub('', public_key)}"


def _words(value: str | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(word.strip().lower() for word in value.split(":"))
