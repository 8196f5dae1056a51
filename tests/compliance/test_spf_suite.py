"""The complete test suite of RFC 7208 (openspf.org, release 2014.04): `data/rfc7208-tests.yml`, unchanged.

License: `data/rfc7208-tests.LICENSE` (BSD, three clauses).
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.compliance.records.spf_check import check_host
from reconciler.core.lookups import Address, Answer, Host, Mx, Rdata, RecordType, Txt

SUITE = Path(__file__).parent / "data" / "rfc7208-tests.yml"
SHA256 = "901f561a6e2b1c1590a40a61b1ac7601226fd7045a7aae591a4d25421358d6f9"

Zone = dict[str, dict[str, list[Any]]]


def _zone(data: dict[str, list[Any]]) -> Zone:
    """Names in lower case. By the suite's rules, an SPF record is also a TXT record unless the name has a TXT record."""
    zone: Zone = {}
    for name, rows in data.items():
        entry = zone.setdefault(str(name).lower(), {})
        own = any(isinstance(row, dict) and "TXT" in row for row in rows)
        for row in rows:
            if row == "TIMEOUT":
                entry["TIMEOUT"] = []
                continue
            for rtype, value in row.items():
                entry.setdefault(rtype, []).append(value)
                if rtype == "SPF" and not own:
                    entry.setdefault("TXT", []).append(value)
    return zone


def _rdata(rtype: str, value: Any) -> Rdata:
    match rtype:
        case "TXT":
            return Txt(tuple(value) if isinstance(value, list) else (str(value),))
        case "MX":
            return Mx(value[0], str(value[1]).lower().removesuffix("."))
        case "A" | "AAAA":
            return Address(str(ip_address(value)))
        case _:
            return Host(str(value).lower().removesuffix("."))


def _finder(zone: Zone) -> Callable[[str, RecordType], Answer]:
    def find(name: str, rtype: RecordType) -> Answer:
        at, aliases = name.lower(), []
        for _ in range(10):
            entry = zone.get(at)
            if at.startswith("error."):
                return Answer(name=name, rtype=rtype, outcome="temporary")
            if entry is None:
                return Answer(name=name, rtype=rtype, outcome="nxdomain")
            values = entry.get(rtype, [])
            there = [v for v in values if v not in ("NONE", "TIMEOUT")]
            if "TIMEOUT" in values or ("TIMEOUT" in entry and not there):
                return Answer(name=name, rtype=rtype, outcome="temporary")
            if there:
                records = tuple(_rdata(rtype, v) for v in there)
                return Answer(name=name, rtype=rtype, outcome="records", records=records, aliases=tuple(aliases))
            if "CNAME" not in entry:
                return Answer(name=name, rtype=rtype, outcome="nodata")
            at = str(entry["CNAME"][0]).lower().removesuffix(".")
            aliases.append(at)
        return Answer(name=name, rtype=rtype, outcome="temporary")

    return find


def _cases() -> Iterator[Any]:
    for scenario in yaml.safe_load_all(SUITE.read_text("utf-8")):
        zone = _zone(scenario["zonedata"])
        for name, case in scenario["tests"].items():
            yield pytest.param(zone, case, id=name)


CASES = list(_cases())


@pytest.mark.parametrize(("zone", "case"), CASES)
def test_check_host_gives_the_results_of_the_suite_of_rfc_7208(zone: Zone, case: dict[str, Any]) -> None:
    helo, sender = str(case["helo"]), case.get("mailfrom") or ""
    domain = sender.rpartition("@")[2] or helo
    found = check_host(case["host"], domain, sender, helo, _finder(zone))
    wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
    assert found.result in wanted, found
    if "explanation" in case and found.result == "fail":
        assert found.explanation == ("" if case["explanation"] == "DEFAULT" else case["explanation"])


def test_the_suite_is_complete_and_unchanged() -> None:
    assert len(CASES) == 203
    assert sha256(SUITE.read_bytes()).hexdigest() == SHA256


@pytest.mark.parametrize(("zone", "case"), CASES)
def test_evaluation_step_by_step_gives_the_same_result_and_asks_nothing_twice(zone: Zone, case: dict[str, Any]) -> None:
    helo, sender = str(case["helo"]), case.get("mailfrom") or ""
    domain = sender.rpartition("@")[2] or helo
    find = _finder(zone)
    known: dict[tuple[str, RecordType], Answer] = {}

    def find_known(name: str, rtype: RecordType) -> Answer | None:
        return known.get((name, rtype))

    for _ in range(100):
        found = check_host(case["host"], domain, sender, helo, find_known)
        if not found.open:
            break
        assert not set(found.open) & set(known), "asked before"
        known |= {question: find(*question) for question in found.open}
    assert found == check_host(case["host"], domain, sender, helo, find)
