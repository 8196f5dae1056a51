"""Domains that publish all expected records: the zone, and the subjects to check.

Every record has a part that is unique to its domain, so that no cache makes the checks cheaper than in practice.
"""

import base64
import random
from collections.abc import Iterator

from reconciler.compliance.subject import Subject
from reconciler.core.expectations import Expected
from reconciler.core.model import Dkim, DkimKey

# The DER encoding of a 2048-bit RSA public key before and after its modulus.
_SPKI = bytes.fromhex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100")
_EXPONENT = bytes.fromhex("0203010001")

SHARED = """\
$ORIGIN .
$TTL 300
@ SOA ns.example. hostmaster.example. 1 3600 600 86400 60
@ NS ns.example.
ns.example. A 127.0.0.1
mail1.example.net. A 192.0.2.4
mail1.example.net. AAAA 2001:db8::4
example.net. MX 10 mail1.example.net.
spf.example.net. TXT "v=spf1 ip4:192.0.2.4 ip6:2001:db8::4 -all"
*._report._dmarc.example.net. TXT "v=DMARC1"
4.2.0.192.in-addr.arpa. PTR mail1.example.net.
"""


def domain(number: int) -> str:
    """Return the name of a domain."""
    return f"d{number:05}.example"


def key(seed: str) -> str:
    """Return a byte string with the structure of a 2048-bit RSA public key, in base64.

    Real key generation would take minutes for 2,000 keys.
    """
    modulus = bytearray(random.Random(seed).randbytes(256))
    # The highest bit makes it 2048 bits long, and a modulus is odd.
    modulus[0] |= 0x80
    modulus[-1] |= 1
    return base64.b64encode(_SPKI + bytes(modulus) + _EXPONENT).decode()


def zone(count: int) -> Iterator[str]:
    """Yield the lines of a root zone with so many domains.

    With one zone the authoritative server follows CNAME records, as a recursive resolver does.
    """
    yield SHARED
    for number in range(count):
        name = domain(number)
        yield f"{name}. MX 10 mail1.example.net.\n"
        yield f'{name}. TXT "v=spf1 include:spf.example.net ip4:{_own(number)} ~all"\n'
        yield f'{name}. TXT "site-verification={number:032x}"\n'
        for selector in ("s1", "s2"):
            # A character string of a TXT record has at most 255 bytes.
            text = f"v=DKIM1; k=rsa; p={key(selector + name)}"
            yield f'{selector}._domainkey.{name}. TXT "{text[:255]}" "{text[255:]}"\n'
        yield f"autodiscover.{name}. CNAME mail1.example.net.\n"
        yield f"_autodiscover._tcp.{name}. SRV 0 0 443 mail1.example.net.\n"
        yield f'_dmarc.{name}. TXT "v=DMARC1; p=quarantine; rua=mailto:d{number}@example.net"\n'


def _own(number: int) -> str:
    return f"198.51.{number // 250 % 250}.{number % 250}"


def subjects(count: int) -> list[Subject]:
    """Return the subjects of the checks."""
    return [_subject(number) for number in range(count)]


def _subject(number: int) -> Subject:
    name = domain(number)
    active, pending = (
        DkimKey(selector=selector, public_key=key(selector + name), size=2048) for selector in ("s1", "s2")
    )
    expected = Expected(
        hostname="mail1.example.net",
        mx_hosts=("mail1.example.net",),
        spf_primary="include:spf.example.net",
        spf_secondary=(),
        spf_senders=("192.0.2.4",),
        autodiscover_host="mail1.example.net",
        autodiscover_srv_target="mail1.example.net",
        dmarc_check=True,
        dmarc_rua=f"d{number}@example.net",
        dmarc_policy="quarantine",
    )
    return Subject(domain=name, server="mail1", expected=expected, dkim=Dkim(active=True, key=active, pending=pending))
