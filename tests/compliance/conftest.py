"""A DNS out of a few lines, and the domain that the checks look at."""

import asyncio
import base64
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from reconciler.compliance.gather import check_subjects
from reconciler.compliance.subject import Subject
from reconciler.core.dns import Address, Answer, Host, Mx, Rdata, RecordType, Srv, Txt
from reconciler.core.expectations import Expected
from reconciler.core.findings import DomainReport, Finding
from reconciler.core.model import Dkim, DkimKey

TROUBLES = {"!temporary": "temporary", "!refused": "refused"}


class FakeDns:
    """Answers out of lines like `example.com MX 10 mail.example.net.`; `example.com TXT !temporary` has trouble.

    TXT values are taken as they stand; ` | ` separates the strings of one record.
    """

    def __init__(self, *lines: str, trouble: dict[tuple[str, str], str] | None = None) -> None:
        self.records: dict[tuple[str, str], list[Rdata]] = {}
        self.trouble: dict[tuple[str, str], str] = dict(trouble or {})
        self.asked: list[tuple[str, str]] = []
        for line in lines:
            name, rtype, value = line.split(" ", 2)
            if value in TROUBLES:
                self.trouble[name, rtype] = TROUBLES[value]
            else:
                self.records.setdefault((name, rtype), []).append(_rdata(rtype, value))

    async def lookup(self, name: str, rtype: RecordType) -> Answer:
        assert name == name.lower().removesuffix("."), "names are asked in canonical form"
        self.asked.append((name, rtype))
        await asyncio.sleep(0)
        trouble = self.trouble.get((name, rtype)) or self.trouble.get(("*", "*"))
        if trouble:
            return Answer(name=name, rtype=rtype, outcome=trouble, text="192.0.2.53:53 answered SERVFAIL")
        aliases: list[str] = []
        end = name
        while (end, "CNAME") in self.records and len(aliases) < 8:
            target = self.records[end, "CNAME"][0]
            assert isinstance(target, Host)
            end = target.name
            aliases.append(end)
        found = self.records.get((end, rtype), [])
        if found:
            return Answer(name=name, rtype=rtype, outcome="records", records=tuple(found), aliases=tuple(aliases))
        exists = any(known == end or known.endswith(f".{end}") for known, _ in self.records)
        outcome = "nodata" if exists else "nxdomain"
        return Answer(name=name, rtype=rtype, outcome=outcome, aliases=tuple(aliases), text=f"{end}: {outcome}")


def _rdata(rtype: str, value: str) -> Rdata:
    words = value.split(" ")
    match rtype:
        case "MX":
            return Mx(int(words[0]), words[1].removesuffix("."))
        case "SRV":
            return Srv(int(words[0]), int(words[1]), int(words[2]), words[3].removesuffix("."))
        case "TXT":
            return Txt(tuple(value.split(" | ")))
        case "CNAME":
            return Host(value.removesuffix("."))
        case _:
            return Address(value)


def _spki(bits: int) -> str:
    key = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(
        key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).decode()


@pytest.fixture(scope="session")
def keys() -> SimpleNamespace:
    """Public keys in base64: `good` and `other` (RSA 2048), `short` (1024), `bare` (`good` as RSAPublicKey), `ed`."""
    private = rsa.generate_private_key(65537, 2048).public_key()
    der, pem = serialization.Encoding.DER, serialization.PublicFormat
    good = base64.b64encode(private.public_bytes(der, pem.SubjectPublicKeyInfo)).decode()
    bare = base64.b64encode(private.public_bytes(der, pem.PKCS1)).decode()
    raw = ed25519.Ed25519PrivateKey.generate().public_key()
    ed = base64.b64encode(raw.public_bytes(serialization.Encoding.Raw, pem.Raw)).decode()
    return SimpleNamespace(good=good, bare=bare, other=_spki(2048), short=_spki(1024), ed=ed)


@pytest.fixture
def expected() -> Callable[..., Expected]:
    """An expectation, with what differs from the usual one as keywords."""

    def make(**changes: Any) -> Expected:
        usual: dict[str, Any] = {
            "mx_hosts": ("mail1.example.net",),
            "spf_primary": "include:spf.example.net",
            "spf_secondary": ("ip4:192.0.2.4",),
            "autodiscover_host": "mail1.example.net",
            "autodiscover_srv_target": "mail1.example.net",
            "dmarc_check": True,
            "dmarc_rua": "dmarc@example.net",
            "dmarc_policy": "quarantine",
        }
        return Expected(**{**usual, **changes})

    return make


@pytest.fixture
def subject(expected: Callable[..., Expected], keys: SimpleNamespace) -> Callable[..., Subject]:
    """A subject; keywords of Expected and of Subject may be mixed."""

    def make(**changes: Any) -> Subject:
        own = {key: changes.pop(key) for key in ("domain", "server", "dkim", "alias_of") if key in changes}
        usual: dict[str, Any] = {
            "domain": "example.com",
            "server": "mail1",
            "dkim": Dkim(active=True, key=DkimKey(selector="8DC1", public_key=keys.good, size=2048)),
        }
        return Subject(expected=expected(**changes), **{**usual, **own})

    return make


@pytest.fixture
def hosts() -> tuple[str, ...]:
    """The zone of the mail host."""
    return (
        "mail1.example.net A 192.0.2.4",
        "spf.example.net TXT v=spf1 ip4:192.0.2.4 -all",
    )


@pytest.fixture
def good(hosts: tuple[str, ...], keys: SimpleNamespace) -> tuple[str, ...]:
    """A DNS in which example.com is all right."""
    return (
        *hosts,
        "example.com MX 10 mail1.example.net.",
        "example.com TXT v=spf1 include:spf.example.net ~all",
        f"8dc1._domainkey.example.com TXT v=DKIM1; k=rsa; p={keys.good}",
        "autodiscover.example.com CNAME mail1.example.net.",
        "_autodiscover._tcp.example.com SRV 0 0 443 mail1.example.net.",
        "_dmarc.example.com TXT v=DMARC1; p=quarantine; rua=mailto:dmarc@example.net",
    )


@pytest.fixture
def report(subject: Callable[..., Subject]) -> Callable[..., DomainReport]:
    """Checks one subject against a DNS of lines (or a FakeDns)."""

    def run(lines: Sequence[str] | FakeDns, **changes: Any) -> DomainReport:
        dns = lines if isinstance(lines, FakeDns) else FakeDns(*lines)
        (found,) = asyncio.run(check_subjects([subject(**changes)], dns))
        return found

    return run


@pytest.fixture
def finding(report: Callable[..., DomainReport]) -> Callable[..., Finding]:
    """The finding of one check."""

    def run(check: str, lines: Sequence[str] | FakeDns, **changes: Any) -> Finding:
        return next(f for f in report(lines, **changes).checks if f.id == check)

    return run


@pytest.fixture
def fake() -> type[FakeDns]:
    """The class, for tests that need the questions asked."""
    return FakeDns
