"""The scenarios: folders with a sentence, a piece of zone, and what the checks should say about it.

A case's zone is laid over that of a good domain: what it publishes replaces the good records of the same name and
type, and everything else is as it should be. So each case also says that no other check is disturbed.
"""

import importlib
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.zonefile
import yaml

from reconciler.compliance.subject import Subject
from reconciler.core.expectations import CHECK_IDS, CheckSetting, DnsOverrides, expectation
from reconciler.core.findings import DomainReport, Record
from reconciler.core.model import Dkim, DkimKey
from reconciler.core.source import Span

HERE = Path(__file__).parent
CASES = HERE / "cases"
HOST = "mail1.example.net"
NAMES = sorted(folder.name for folder in CASES.iterdir() if (folder / "case.yaml").is_file())
KEYS: Mapping[str, str] = yaml.safe_load((HERE / "keys.yaml").read_text("utf-8"))
PLACE = Span("domains/case.yaml", 5, 3, 5, 6)

_KEY = re.compile(r"\{\{(\w+)(?:\[(\d*):(\d*)\])?\}\}")
_ALLOWED = {"says", "about", "kind", "rows", "domain", "hostname", "dns", "dkim", "dkim_problem", "alias_of"}
_ALLOWED |= {"without", "bare", "second", "broken", "validated", "pages", "after", "mistake"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One scenario.

    Attributes:
        name: of its folder.
        says: the sentence.
        about: the check that it is about.
        kind: `good` = the check has nothing to say against it.
        rows: the rows of docs/reference/dns-checks.md that it covers.
        domain: that is judged; `NAME.example` where the case does not say otherwise.
        zone: what it publishes, keys filled in.
        without: `NAME TYPE` of the good domain's records that are absent.
        bare: nothing of the good domain is there.
        own: the domain is a zone of its own, with SOA and NS; otherwise it is a part of the root zone.
        second: what a second name server has in the zone; None = it does not know it.
        broken: the zone's file is missing, so its server answers SERVFAIL.
        validated: `no`: the resolver does not validate; `yes`: it does, and the domain is signed; `others`: and only
            the others are.
        pages: by URL what the web says.
        after: the statuses, by check, that stay even when what is proposed has been published, each with its reason.
        mistake: whether it is a mistake that people make often.
    """

    name: str
    says: str
    about: str
    kind: str
    rows: tuple[int, ...]
    domain: str
    zone: str
    subject: Subject
    without: frozenset[tuple[str, str]]
    bare: bool
    own: bool
    second: str | None
    broken: bool
    validated: str
    pages: Mapping[str, Mapping[str, Any]]
    after: Mapping[str, Mapping[str, str]]
    mistake: bool


@cache
def load(name: str) -> Case:
    """The case in a folder; a KeyError or an AssertionError says what is wrong with it."""
    folder = CASES / name
    raw = yaml.safe_load((folder / "case.yaml").read_text("utf-8"))
    assert set(raw) <= _ALLOWED, f"{name}: {set(raw) - _ALLOWED}"
    domain = raw.get("domain", f"{name}.example")
    zone = _filled((folder / "zone").read_text("utf-8"))
    second = _filled((folder / "zone.second").read_text("utf-8")) if raw.get("second") else None
    return Case(
        name=name,
        says=raw["says"],
        about=raw["about"],
        kind=raw["kind"],
        rows=tuple(raw["rows"]),
        domain=domain,
        zone=zone,
        subject=_subject(raw, domain),
        without=frozenset((_absolute(n, domain), t) for n, t in (row.split() for row in raw.get("without", ()))),
        bare=raw.get("bare", False),
        own=(f"{domain}.", "SOA") in rrsets(zone, domain),
        second=second,
        broken=raw.get("broken", False),
        validated={True: "yes", False: "no"}.get(raw.get("validated", False), "others"),
        pages=raw.get("pages", {}),
        after=raw.get("after", {}),
        mistake=raw.get("mistake", False),
    )


def expected(name: str) -> dict[str, dict[str, Any]]:
    """What every check should say about a case: as of the good domain, but for what the case lists."""
    base: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "good.expected.yaml").read_text("utf-8"))
    own: dict[str, dict[str, Any]] = yaml.safe_load((CASES / name / "expected.yaml").read_text("utf-8")) or {}
    return base | own


def _filled(text: str) -> str:
    """`{{good}}` and `{{good[:200]}}` are keys, or a part of one."""

    def key(found: re.Match[str]) -> str:
        start, end = found[2], found[3]
        return KEYS[found[1]][int(start) if start else None : int(end) if end else None]

    return _KEY.sub(key, text)


def _subject(raw: Mapping[str, Any], domain: str) -> Subject:
    base = DnsOverrides(
        spf_primary="include:spf.example.net",
        spf_secondary=("ip4:192.0.2.4",),
        spf_senders=("192.0.2.4", "2001:db8::4"),
        dmarc_check=True,
        dmarc_rua="dmarc@example.net",
        dmarc_policy="quarantine",
    )
    own = dict(raw.get("dns", {}))
    settings = own.pop("checks", {})
    base = replace(base, **{key: None for key, value in own.items() if value is None})
    checks = tuple(sorted((CheckSetting(id=k, level=v, origin=PLACE) for k, v in settings.items()), key=lambda c: c.id))
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in own.items()}
    alias = raw.get("alias_of")
    return Subject(
        domain=domain,
        server="mail1",
        expected=expectation(raw.get("hostname", HOST), base, DnsOverrides(**lists, checks=checks)),
        dkim=None if alias else _dkim(raw.get("dkim", {})),
        dkim_problem=raw.get("dkim_problem", ""),
        alias_of=alias,
    )


def _dkim(raw: Mapping[str, Any] | None) -> Dkim | None:
    """`{}` = the good key under the selector 8DC1; null = unknown."""
    if raw is None:
        return None
    found = {"active": True, "key": "good", "selector": "8DC1", "pending": None, "pending_selector": "8DC2", **raw}

    def key(name: str | None, selector: str) -> DkimKey | None:
        if name is None:
            return None
        text = KEYS.get(name, name)
        return DkimKey(
            selector=selector, public_key=text, size={"good": 2048, "weak": 1024, "tiny": 512}.get(name, 2048)
        )

    return Dkim(
        active=found["active"],
        key=key(found["key"], found["selector"]),
        pending=key(found["pending"], found["pending_selector"]),
    )


RRsets = dict[tuple[str, str], list[str]]
"""Records as in a zone file, by absolute name and type."""


def rrsets(text: str, domain: str) -> RRsets:
    """A piece of zone, read; names outside the domain are allowed, with their final dot."""
    manager = dns.zonefile.RRSetsReaderManager(dns.name.from_text(domain), False)
    with manager.writer(True) as writer:
        tokens = dns.tokenizer.Tokenizer(f"$TTL 300\n{text}", "zone")
        reader = dns.zonefile.Reader(tokens, dns.rdataclass.IN, writer)
        reader.zone_origin = dns.name.root  # it passes over what is outside of this
        reader.read()
    found: RRsets = {}
    for rrset in manager.rrsets:
        key = (rrset.name.to_text().lower(), dns.rdatatype.to_text(rrset.rdtype))
        found.setdefault(key, []).extend(rdata.to_text() for rdata in rrset)
    return found


def published(case: Case, zone: str | None = None) -> RRsets:
    """All that a case has in DNS; `zone` in the place of its own."""
    own = rrsets(case.zone if zone is None else zone, case.domain)
    aliased = {name for name, rtype in own if rtype == "CNAME"}
    good = {} if case.bare else rrsets(_filled((HERE / "good.zone").read_text("utf-8")), case.domain)
    kept = {
        (name, rtype): values
        for (name, rtype), values in good.items()
        if (name, rtype) not in own
        and (name, rtype) not in case.without
        and name not in aliased
        and not (rtype == "CNAME" and any(other == name for other, _ in own))
    }
    return kept | own


def server_zones(records: Mapping[str, RRsets]) -> dict[str, str | None]:
    """The zones of a server, by name: the root with everything in it, so that any other name does not exist.

    Args:
        records: what is published, by the name of the case.
    """
    zones: dict[str, str | None] = {}
    root = [
        ". 300 IN SOA a.root-servers.example. nobody.example. 1 3600 600 86400 300",
        ". 300 IN NS a.root-servers.example.",
        "a.root-servers.example. 300 IN A 127.0.0.1",
        *lines(rrsets((HERE / "common.zone").read_text("utf-8"), ".")),
    ]
    for name, found in records.items():
        case = load(name)
        if case.own or case.broken:
            zones[case.domain] = None if case.broken else "\n".join(lines(found)) + "\n"
        else:
            root += lines(found)
    return zones | {".": "\n".join(root) + "\n"}


def lines(records: RRsets) -> list[str]:
    """As in a zone file."""
    return [f"{name} 300 IN {rtype} {value}" for (name, rtype), values in records.items() for value in values]


def mended(records: RRsets, report: DomainReport) -> RRsets:
    """What a person does with a report: each fix replaces the records found under the same name."""
    after = {key: list(values) for key, values in records.items()}
    for check in report.checks:
        names = {record.name for record in check.fix}
        for record in check.found:
            key, value = _row(record)
            if record.name in names and key in after:
                after[key] = [kept for kept in after[key] if _same(kept, record.type) != _same(value, record.type)]
    for check in report.checks:
        for record in check.fix:
            key, value = _row(record)
            if value not in after.setdefault(key, []):
                after[key].append(value)
    return {key: values for key, values in after.items() if values}


def _row(record: Record) -> tuple[tuple[str, str], str]:
    from reconciler.output.records_zone import pieces

    rtype = dns.rdatatype.from_text(record.type)
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rtype, " ".join(pieces(record)))
    return (f"{record.name}.", record.type), rdata.to_text()


def _same(value: str, rtype: str) -> object:
    """A value for comparison: a TXT is the text that its strings make, however it is split."""
    rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rtype), value)
    return b"".join(rdata.strings) if rtype == "TXT" else rdata


def _absolute(name: str, domain: str) -> str:
    return f"{domain}." if name == "@" else f"{name}.{domain}."


def code_tables() -> dict[str, Mapping[str, str]]:
    """What each check may say, by its id; under the empty id what any of them may."""
    from reconciler.compliance import checks, verdict

    found: dict[str, dict[str, str]] = {"": dict(verdict.CODES)}
    for module in pkgutil.iter_modules(checks.__path__):
        table = getattr(importlib.import_module(f"{checks.__name__}.{module.name}"), "CODES", {})
        owner = max((i for i in CHECK_IDS if module.name.startswith(i.replace("-", "_"))), key=len)
        found.setdefault(owner, {}).update(table)
    return dict(found)


UNREACHED: Mapping[str, str] = yaml.safe_load((HERE / "unreached.yaml").read_text("utf-8")) or {}
"""Codes that no scenario says, and why not."""
