"""A fake DNS from a few lines of text, and the domain that the checks judge."""

import asyncio
import base64
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from reconciler.compliance.checks import FIRST
from reconciler.compliance.gather import check_subjects
from reconciler.compliance.subject import Subject
from reconciler.core.expectations import Expected
from reconciler.core.findings import DomainReport, Finding
from reconciler.core.lookups import Address, Answer, Host, Mx, Rdata, RecordType, Soa, Srv, Tlsa, Txt
from reconciler.core.model import Dkim, DkimKey

TROUBLES = {"!temporary": "temporary", "!refused": "refused"}


class FakeDns:
    """Answers from lines like `example.com MX 10 mail.example.net.`; `example.com TXT !temporary` is a failure.

    TXT values are used unchanged; ` | ` separates the strings of one record. `*.example.com` answers for nonexistent
    names below it (RFC 4592). Answers in `signed` zones (the root is the empty name) are validated. `at` contains the
    answers of authoritative servers by address.
    """

    def __init__(
        self,
        *lines: str,
        trouble: dict[tuple[str, str], str] | None = None,
        signed: tuple[str, ...] = (),
        at: "dict[str, FakeDns] | None" = None,
    ) -> None:
        self.signed = signed
        self.at = dict(at or {})
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
        answer = self._answer(name, rtype)
        await asyncio.sleep(0)
        end = answer.aliases[-1] if answer.aliases else name
        secure = any(end == zone or end.endswith(f".{zone}") for zone in self.signed if zone) or (
            name == "" and "" in self.signed
        )
        return replace(answer, authenticated=secure and not answer.unknown, ttl=300)

    async def lookup_at(self, server: str, name: str, rtype: RecordType) -> Answer:
        self.asked.append((f"@{server} {name}", rtype))
        if server in self.at:
            return await self.at[server].lookup(name, rtype)
        return Answer(name=name, rtype=rtype, outcome="temporary", text=f"{server}:53 did not answer within 2 s")

    def _answer(self, name: str, rtype: RecordType) -> Answer:
        assert name == name.lower().removesuffix("."), "questions use canonical names"
        self.asked.append((name, rtype))
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
        found = self.records.get((end, rtype), []) or self._wild(end, rtype)
        if found:
            return Answer(name=name, rtype=rtype, outcome="records", records=tuple(found), aliases=tuple(aliases))
        outcome = "nodata" if self._exists(end) else "nxdomain"
        return Answer(name=name, rtype=rtype, outcome=outcome, aliases=tuple(aliases), text=f"{end}: {outcome}")

    def _wild(self, name: str, rtype: str) -> list[Rdata]:
        if self._exists(name):
            return []
        parents = name.split(".")[1:]
        nearest = next(
            (".".join(parents[at:]) for at in range(len(parents)) if self._exists(".".join(parents[at:]))), ""
        )
        return self.records.get((f"*.{nearest}", rtype), [])

    def _exists(self, name: str) -> bool:
        return any(known == name or known.endswith(f".{name}") for known, _ in self.records)


def _rdata(rtype: str, value: str) -> Rdata:
    words = value.split(" ")
    match rtype:
        case "MX":
            return Mx(int(words[0]), words[1].removesuffix("."))
        case "SRV":
            return Srv(int(words[0]), int(words[1]), int(words[2]), words[3].removesuffix("."))
        case "TXT":
            return Txt(tuple(value.split(" | ")))
        case "CNAME" | "NS" | "PTR":
            return Host(value.removesuffix("."))
        case "SOA":
            return Soa(int(words[1]), words[0].removesuffix("."))
        case "TLSA":
            return Tlsa(int(words[0]), int(words[1]), int(words[2]), words[3])
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
    """An expectation; keywords replace the default values."""

    def make(**changes: Any) -> Expected:
        usual: dict[str, Any] = {
            "hostname": "mail1.example.net",
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
    """A subject; keywords may be fields of Expected and of Subject."""

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
    """The zone of the mail host, whose operator accepts reports about all domains."""
    return (
        "example.net MX 10 mail1.example.net.",
        "*._report._dmarc.example.net TXT v=DMARC1",
        "mail1.example.net A 192.0.2.4",
        "4.2.0.192.in-addr.arpa PTR mail1.example.net.",
        "spf.example.net TXT v=spf1 ip4:192.0.2.4 -all",
    )


@pytest.fixture
def good(hosts: tuple[str, ...], keys: SimpleNamespace) -> tuple[str, ...]:
    """A DNS in which example.com passes all checks."""
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
    """Checks one subject against lines or a FakeDns; passes keywords to check_subjects."""

    def run(lines: Sequence[str] | FakeDns, **changes: Any) -> DomainReport:
        dns = lines if isinstance(lines, FakeDns) else FakeDns(*lines)
        how = {key: changes.pop(key) for key in ("table", "everything", "fetcher") if key in changes}
        (found,) = asyncio.run(check_subjects([subject(**changes)], dns, **how))
        return found

    return run


@pytest.fixture
def finding(report: Callable[..., DomainReport]) -> Callable[..., Finding]:
    """The finding of one check."""

    def run(check: str, lines: Sequence[str] | FakeDns, **changes: Any) -> Finding:
        changes.setdefault("everything", check not in {row.id for row in FIRST})
        return next(f for f in report(lines, **changes).checks if f.id == check)

    return run


@pytest.fixture(scope="session")
def fake() -> type[FakeDns]:
    """The class, for tests that count its questions."""
    return FakeDns
