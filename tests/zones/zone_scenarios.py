"""The scenarios of `cases/`: a domain, its zone, and the findings that the checks must report.

The zone of a scenario replaces records of a good domain (good.zone) that have the same name and type. All other good
records stay. So each scenario also proves that its fault disturbs no other check.
"""

import importlib
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.zonefile
import yaml
import zone_files

from reconciler.compliance.subject import Subject
from reconciler.core.expectations import CHECK_IDS, CheckSetting, DnsOverrides, expectation
from reconciler.core.findings import DomainReport, Record
from reconciler.core.model import Dkim, DkimKey
from reconciler.core.source import Span

HERE = Path(__file__).parent
HOST = "mail1.example.net"
ENTRIES = zone_files.read_folder(HERE / "cases")
NAMES = list(ENTRIES)
KEYS: Mapping[str, str] = yaml.safe_load((HERE / "keys.yaml").read_text("utf-8"))
PLACE = Span("domains/case.yaml", 5, 3, 5, 6)
EXPECTED_OF_GOOD: Mapping[str, Mapping[str, Any]] = yaml.safe_load((HERE / "good.expected.yaml").read_text("utf-8"))
UNREACHED: Mapping[str, str] = yaml.safe_load((HERE / "unreached.yaml").read_text("utf-8")) or {}
"""Codes that no scenario can reach, each with the reason."""

_KEY = re.compile(r"\{\{(\w+)(?:\[(\d*):(\d*)\])?\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One scenario, ready to be served and checked. zone_files.py describes the keys of the file.

    Attributes:
        about: the check that the scenario is about.
        kind: `good` = the check passes; `bad` = the check reports something.
        rows: rows of docs/reference/dns-checks.md.
        zone: what the domain publishes, with the keys filled in.
        without: absolute name and type of good records that the domain lacks.
        bare: the domain has no record of good.zone.
        own: the domain is a zone with SOA and NS; otherwise its records are part of the root zone.
        second: the zone on the second name server; None = that server does not know the zone.
        broken: the file of the zone is missing, so that its server answers SERVFAIL.
        validated: `no` = the resolver does not validate; `yes` = it does, and the domain is signed; `others` = it does,
            and only the other zones are signed.
        pages: the web pages, by URL.
        after_fix: status and reason of findings that stay after the proposed records are published, by check.
    """

    name: str
    summary: str
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
    after_fix: Mapping[str, Mapping[str, str]]
    common_mistake: bool


@cache
def load(name: str) -> Case:
    """The scenario of a name.

    Raises:
        ScenarioFileError: a zone cannot be read.
    """
    entry = ENTRIES[name]
    raw = entry.values
    domain = raw.get("domain", f"{name}.example")
    zone = _filled(raw.get("zone", ""))
    second = _filled(raw["second"]) if "second" in raw else None
    if second is not None:
        _zone_of(entry, "second", second, domain)
    return Case(
        name=name,
        summary=raw["summary"],
        about=entry.about,
        kind=raw["kind"],
        rows=tuple(raw["rows"]),
        domain=domain,
        zone=zone,
        subject=_subject(raw, domain),
        without=frozenset((_absolute(n, domain), t) for n, t in (row.split() for row in raw.get("without", ()))),
        bare=raw.get("bare", False),
        own=(f"{domain}.", "SOA") in _zone_of(entry, "zone", zone, domain),
        second=second,
        broken=raw.get("broken", False),
        validated={True: "yes", False: "no"}.get(raw.get("validated", False), "others"),
        pages=raw.get("pages", {}),
        after_fix=raw.get("after_fix", {}),
        common_mistake=raw.get("common_mistake", False),
    )


def _zone_of(entry: zone_files.Entry, key: str, zone: str, domain: str) -> "RRsets":
    """The records of a zone. A syntax error names the line of the scenario file."""
    try:
        return rrsets(zone, domain)
    except dns.exception.DNSException as e:
        # `rrsets` puts a line in front, so that line 2 of the message is the first line below the key.
        place = re.match(r"zone:(\d+): ", str(e))
        raise entry.error(key, str(e), offset=int(place[1]) - 1 if place else 0) from None


def expected(name: str) -> dict[str, Mapping[str, Any]]:
    """The expected findings of a scenario, by check: those of the good domain, replaced by those of the scenario."""
    return {**EXPECTED_OF_GOOD, **ENTRIES[name].values["expected"]}


def _filled(text: str) -> str:
    """Replaces `{{good}}` and `{{good[:200]}}` by the key of that name, or by a part of it."""

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
    """The mail server's DKIM state. `{}` = the good key under the selector 8DC1; None = unknown."""
    if raw is None:
        return None
    found: dict[str, Any] = {
        "active": True,
        "key": "good",
        "selector": "8DC1",
        "pending": None,
        "pending_selector": "8DC2",
        **raw,
    }

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
"""Values in the format of zone files, by absolute name and type."""


def rrsets(text: str, domain: str) -> RRsets:
    """Reads a zone. Names outside the domain are allowed; they end with a dot."""
    manager = dns.zonefile.RRSetsReaderManager(dns.name.from_text(domain), False)
    with manager.writer(True) as writer:
        tokens = dns.tokenizer.Tokenizer(f"$TTL 300\n{text}", "zone")
        reader = dns.zonefile.Reader(tokens, dns.rdataclass.IN, writer)
        reader.zone_origin = dns.name.root  # the reader ignores names outside of this origin
        reader.read()
    found: RRsets = {}
    for rrset in manager.rrsets:
        key = (rrset.name.to_text().lower(), dns.rdatatype.to_text(rrset.rdtype))
        found.setdefault(key, []).extend(rdata.to_text() for rdata in rrset)
    return found


def published(case: Case, zone: str | None = None) -> RRsets:
    """All records that a scenario publishes. `zone` replaces the scenario's own zone."""
    # A server does not load a CNAME together with other records. So a CNAME replaces all good records of its name,
    # and any record replaces a good CNAME.
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
    """The zones of a server, by name. Domains that are not zones are in the root zone; every other name is NXDOMAIN.

    Args:
        records: the published records, by the name of the scenario.
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
    """The records as lines of a zone file."""
    return [f"{name} 300 IN {rtype} {value}" for (name, rtype), values in records.items() for value in values]


def fixed(records: RRsets, report: DomainReport) -> RRsets:
    """The records after an administrator published all fixes: a fix replaces the records found under its name."""
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
    """A value for comparison. The strings of a TXT record are joined, because how they are split has no meaning."""
    rdata = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rtype), value)
    return b"".join(rdata.strings) if rtype == "TXT" else rdata


def _absolute(name: str, domain: str) -> str:
    return f"{domain}." if name == "@" else f"{name}.{domain}."


def code_tables() -> dict[str, Mapping[str, str]]:
    """The codes of each check, by its id. The codes that every check can report are under the empty id."""
    from reconciler.compliance import checks, verdict

    found: dict[str, dict[str, str]] = {"": dict(verdict.CODES)}
    for module in pkgutil.iter_modules(checks.__path__):
        table = getattr(importlib.import_module(f"{checks.__name__}.{module.name}"), "CODES", {})
        owner = max((i for i in CHECK_IDS if module.name.startswith(i.replace("-", "_"))), key=len)
        found.setdefault(owner, {}).update(table)
    return dict(found)
