"""DKIM key records (RFC 6376 section 3.6.1, RFC 8301, RFC 8463)."""

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache

from reconciler.compliance.records import tags
from reconciler.compliance.records.der import RsaKey, rsa_key

_SPACE = re.compile(r"\s+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimRecord:
    """A key record.

    Attributes:
        key_type: `rsa` where not written.
        hashes, services, flags: the lists of `h=`, `s=`, `t=`; None where not written: everything is allowed.
        key: `p=` without white space; empty = revoked, None = absent.
        faults: what makes the record void, for people.
    """

    key_type: str = "rsa"
    hashes: tuple[str, ...] | None = None
    services: tuple[str, ...] | None = None
    flags: tuple[str, ...] | None = None
    key: str | None = None
    faults: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def parse(text: str) -> DkimRecord:
    """The record in a TXT text."""
    found = tags.parse(text)
    faults = list(found.faults)
    version = found.get("v")
    if version is not None and version != "DKIM1":
        faults.append(f"the version is “{version[:30]}” and must be DKIM1")
    if version is not None and found.names[0] != "v":
        faults.append("v=DKIM1 must be the first tag")
    key = found.get("p")
    if key is None:
        faults.append("there is no p= tag, so there is no key")
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
    """A key's bytes from base64, white space ignored; None where it is not base64."""
    try:
        return base64.b64decode(_SPACE.sub("", text).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None


def rsa(text: str) -> RsaKey | None:
    """The RSA key in base64 text; None where there is none."""
    raw = key_bytes(text)
    return None if raw is None else rsa_key(raw)


def same_key(one: str, other: str) -> bool:
    """Whether two keys in base64 are one: the same bytes, or the same RSA key in its two possible wrappings."""
    left, right = key_bytes(one), key_bytes(other)
    if not left or not right:
        return False
    return left == right or ((key := rsa_key(left)) is not None and key == rsa_key(right))


def compose(public_key: str) -> str:
    """The record for a public key in base64: RSA, or Ed25519 where it is 32 raw bytes (RFC 8463 section 4.2)."""
    raw = key_bytes(public_key)
    kind = "ed25519" if raw is not None and len(raw) == 32 else "rsa"
    return f"v=DKIM1; k={kind}; p={_SPACE.sub('', public_key)}"


def _words(value: str | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(word.strip().lower() for word in value.split(":"))
