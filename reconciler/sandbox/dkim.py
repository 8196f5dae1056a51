"""DKIM key pairs and their states (API reference section 8).

none: no key. disabled: a key, but signing is off. stand-by: a key that is not in DNS yet. active: signing.
pending: signing, with a second key that is not in DNS yet.
"""

from __future__ import annotations

import base64
import re

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from reconciler.sandbox.clock import Clock
from reconciler.sandbox.dns.zones import ZoneError, Zones
from reconciler.sandbox.model import Dkim, DkimKey, Domain

SIZES = (1024, 2048, 4096)
DEFAULT_SIZE = 2048
CHECK_EVERY = 3600.0
_EPOCH_TICKS = 621_355_968_000_000_000  # .NET ticks at 1970-01-01
_SLASHES = re.compile("/+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class KeyMaker:
    """Generates RSA key pairs. With `is_shared`, all domains have the same pair per size, under different selectors."""

    def __init__(self, clock: Clock, *, is_shared: bool) -> None:
        self._clock = clock
        self._is_shared = is_shared
        self._made: dict[int, tuple[str, str]] = {}
        self._last_ticks = 0

    def make(self, size: int) -> DkimKey:
        """A new key with a new selector. The selector is a time in hexadecimal .NET ticks, as on the real server."""
        if not self._is_shared or size not in self._made:
            self._made[size] = _pair(size)
        public_key, private_pem = self._made[size]
        now = self._clock.now()
        # Two keys within one tick must not get the same selector.
        self._last_ticks = max(self._last_ticks + 1, _EPOCH_TICKS + int(now * 10_000_000))
        return DkimKey(
            selector=f"{self._last_ticks:X}",
            size=size,
            public_key=public_key,
            private_pem=private_pem,
            next_check=now + CHECK_EVERY,
        )


def _pair(size: int) -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=size)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return base64.b64encode(public).decode(), private.decode()


def state(dkim: Dkim) -> str:
    """The name of the state, as listed above."""
    if dkim.seeded and dkim.active is None:
        return "active"
    if dkim.active is None:
        return "none" if dkim.pending is None else "stand-by"
    if not dkim.is_on:
        return "disabled"
    return "active" if dkim.pending is None else "pending"


def is_published(zones: Zones, domain: str, selector: str, public_key: str) -> bool:
    """Whether DNS has the record of the key: TXT at `<selector>._domainkey.<domain>` with `p=<publicKey>`.

    Several slashes in a row count as one: a path merges them, and some clients send the key as part of the path.
    """
    try:
        values = zones.lookup(f"{selector}._domainkey.{domain}", "TXT")
    except ZoneError:  # the selector is from a path and may be invalid in a DNS name
        return False
    for value in values:
        # A long key is split into several quoted strings, which belong together without separator.
        text = "".join(_QUOTED.findall(value)) or value
        tags = {
            name.strip(): "".join(content.split())
            for name, is_tag, content in (tag.partition("=") for tag in text.replace("\\;", ";").split(";"))
            if is_tag
        }
        if (
            _SLASHES.sub("/", tags.get("p", "")) == _SLASHES.sub("/", public_key)
            and tags.get("v", "DKIM1") == "DKIM1"
            and tags.get("k", "rsa") == "rsa"
        ):
            return True
    return False


def update_keys(domain: Domain, zones: Zones, keys: KeyMaker, clock: Clock) -> bool:
    """Do the work that the server does in the background: generate a seeded key, and look for a pending key in DNS.

    The lookup happens once in CHECK_EVERY seconds. Returns whether something changed.
    """
    dkim = domain.dkim
    if dkim.seeded:
        dkim.seeded, dkim.is_on, dkim.active = False, True, keys.make(DEFAULT_SIZE)
        return True
    pending = dkim.pending
    if pending is None or not dkim.is_on or clock.now() < pending.next_check:
        return False
    if is_published(zones, domain.name, pending.selector, pending.public_key):
        dkim.active, dkim.pending = pending, None
    else:
        pending.next_check = clock.now() + CHECK_EVERY
    return True
