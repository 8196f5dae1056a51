"""`check_host()` against pyspf, an independent implementation: on random zones both must give the same result.

`DIFFERENCES` lists the known differences of pyspf from RFC 7208, with the section. pyspf queries DNS through a function
of its module, which this test replaces.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.compliance.records.spf_check import Evaluation, check_host
from reconciler.core.lookups import Address, Answer, Host, Mx, Rdata, RecordType, Txt

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import spf as pyspf

Zone = dict[tuple[str, str], list[Any]]
"""Name and type to values in the form of pyspf. `TROUBLE` in a list is a server that does not answer."""

TROUBLE = "trouble"
DOMAINS = ("d.example", "e.example", "f.example", "g.example")
SENDERS = ("192.0.2.4", "192.0.2.77", "198.51.100.9", "2001:db8::4", "2001:db8:1::1", "::ffff:192.0.2.4")
LOCALS = ("postmaster", "strong-bad", "o+r", "A.B")

# Names that no record of the zone below has return no record.
HOSTS = ("h1.example", "h2.example", "h3.example", "gone.example", "slow.example", "H1.Example.")
WHERE = st.sampled_from(
    [
        *DOMAINS,
        *HOSTS,
        *("%{d}", "%{o}", "h1.%{d1}", "%{d1r}.example", "%{ir}.%{v}.x.example", "%{l}.l.example", "%{s-}.s.example"),
        *("%{l1r+-}.m.example", "%{h}", "%{H}.u.example", "%%.example", "%{d0}.example", "%{x}.example", "%{i", "x..y"),
        *("nodot", "1.2.3.4", "h1.example/24", "%{p}.p.example", "%{p2}", "%-.example", "a_b.example", "é.example"),
    ]
)
PREFIX = st.sampled_from(
    ["", "", "", "/24", "/0", "/32", "//64", "/24//64", "//0", "/33", "//129", "/024", "/", "/24/64"]
)
NETWORK = st.sampled_from(
    [
        *("ip4:192.0.2.4", "ip4:192.0.2.0/24", "ip4:192.0.2.5/24", "ip4:0.0.0.0/0", "ip4:192.0.2", "ip4:192.0.2.400"),
        *("ip4:192.0.2.0/33", "ip4:2001:db8::4", "ip6:2001:db8::4", "ip6:2001:db8::/32", "ip6:192.0.2.4", "ip6:::/0"),
        *("ip6:::ffff:192.0.2.4", "ip6:2001:db8::/129", "ip4:", "ip4", "ip6:2001:DB8::4", "ip4:192.0.2.04"),
    ]
)
QUALIFIER = st.sampled_from(["", "", "", "+", "-", "~", "?"])
MECHANISM = st.one_of(
    st.builds("{}{}".format, st.sampled_from(["a", "mx", "A"]), PREFIX),
    st.builds("{}:{}{}".format, st.sampled_from(["a", "mx"]), WHERE, PREFIX),
    st.builds("{}:{}".format, st.sampled_from(["include", "include", "exists", "ptr", "Include"]), WHERE),
    NETWORK,
    st.sampled_from(["ptr", "all", "all", "all:x", "include", "exists", "exists:", "ptr/24", "foo", "=x", "-", "a=b"]),
)
TERM = st.one_of(
    st.builds("{}{}".format, QUALIFIER, MECHANISM),
    st.builds("{}{}".format, QUALIFIER, MECHANISM),
    st.builds("{}={}".format, st.sampled_from(["redirect", "redirect", "exp", "unknown", "x-y.z"]), WHERE),
)
GOOD = st.builds(
    "{}{}".format,
    QUALIFIER,
    st.one_of(
        st.builds(
            "{}:{}{}".format, st.sampled_from(["a", "mx"]), st.sampled_from(HOSTS[:5]), st.sampled_from(["", "/24"])
        ),
        st.builds("include:{}".format, st.sampled_from(DOMAINS)),
        st.builds("exists:%{{ir}}.{}".format, st.sampled_from(["x.example", "y.example"])),
        st.sampled_from(["ptr", "ptr:example", "ip4:192.0.2.0/26", "ip6:2001:db8::/48", "mx", "a"]),
    ),
)
COSTLY = st.sampled_from(
    [
        *(f"include:{domain}" for domain in DOMAINS[1:]),
        "-a:h3.example",
        "-mx:h2.example",
        "-a:203.x.example",
        "a:h2.example//64",
    ]
)
"""Terms that mostly match no sender, so that evaluation reaches the limits."""
RECORD = st.one_of(
    st.lists(COSTLY, min_size=3, max_size=12).map(lambda terms: " ".join(["v=spf1", *terms, "~all"])),
    st.lists(COSTLY, min_size=2, max_size=4).map(lambda terms: " ".join(["v=spf1", *terms, "redirect=g.example"])),
    st.lists(GOOD, max_size=6).map(lambda terms: " ".join(["v=spf1", *terms])),
    st.builds(
        "v=spf1 {} {}".format,
        st.lists(GOOD, max_size=5).map(" ".join),
        st.sampled_from(
            ["-all", "~all", "?all", "all", "redirect=e.example", "redirect=f.example", "redirect=none.example"]
        ),
    ),
    st.lists(TERM, max_size=5).map(lambda terms: " ".join(["v=spf1", *terms])),
    st.builds("v=spf1 {} {} -all".format, st.lists(GOOD, max_size=4).map(" ".join), TERM),
    st.sampled_from(["v=spf1", "V=SPF1 -all", "v=spf10 -all", "v=spf1  a   -all ", "text", "v=spf1 \t-all"]),
)


BASE: Zone = {
    ("h1.example", "A"): ["192.0.2.4"],
    ("h1.example", "AAAA"): ["2001:db8::4"],
    ("h2.example", "A"): ["198.51.100.9", "192.0.2.70"],
    ("h3.example", "AAAA"): ["2001:db8:1::1"],
    ("h1.example", "MX"): [(10, "h2.example"), (20, "h1.example")],
    ("h2.example", "MX"): [(0, ".")],
    ("h3.example", "MX"): [(10, "h1.example"), (20, "slow.example")],
    ("4.2.0.192.x.example", "A"): ["127.0.0.2"],
    ("4.2.0.192.in-addr.x.example", "A"): ["127.0.0.2"],
    ("postmaster.l.example", "A"): ["127.0.0.2"],
    ("mail.u.example", "A"): ["127.0.0.2"],
    **{("slow.example", rtype): [TROUBLE] for rtype in ("A", "AAAA", "MX", "TXT")},
    ("4.2.0.192.in-addr.arpa", "PTR"): ["gone.example", "h1.example"],
    ("9.100.51.198.in-addr.arpa", "PTR"): ["h2.example"],
}
"""Records in every zone: hosts, their addresses and reverse names, and names that macros expand to."""


@st.composite
def zones(draw: st.DrawFn) -> Zone:
    """Domains with records, hosts with addresses, reverse names; some names missing, some without an answer."""
    zone: Zone = dict(BASE)
    for domain in DOMAINS:
        records = draw(
            st.lists(RECORD, min_size=1, max_size=2) if draw(st.integers(0, 7)) == 0 else RECORD.map(lambda r: [r])
        )
        zone[domain, "TXT"] = records
        if draw(st.booleans()):
            zone[domain, "A"] = [draw(st.sampled_from(["192.0.2.4", "192.0.2.77", "203.0.113.1"]))]
            zone[domain, "MX"] = [(10, draw(st.sampled_from(HOSTS[:4])))]
    return zone


def looked_up(zone: Zone, name: str, rtype: str) -> list[Any] | None:
    values = zone.get((name.lower().removesuffix("."), rtype), [])
    return None if TROUBLE in values else values


def ours(zone: Zone, address: str, domain: str, local: str, helo: str) -> Evaluation:
    def find(name: str, rtype: RecordType) -> Answer:
        values = looked_up(zone, name, rtype)
        if values is None:
            return Answer(name=name, rtype=rtype, outcome="temporary", text="silence")
        if not values:
            return Answer(name=name, rtype=rtype, outcome="nodata", text="nothing")
        records = tuple(rdata(rtype, value) for value in values)
        return Answer(name=name, rtype=rtype, outcome="records", records=records)

    return check_host(address, domain, f"{local}@{domain}", helo, find)


def rdata(rtype: str, value: Any) -> Rdata:
    match rtype:
        case "TXT":
            return Txt((value,))
        case "MX":
            return Mx(value[0], value[1].lower().removesuffix("."))
        case "PTR":
            return Host(value)
        case _:
            return Address(value)


@contextmanager
def asking(zone: Zone) -> Iterator[None]:
    """pyspf asks this zone."""

    def lookup(name: str, rtype: str, strict: bool = True, timeout: int = 30) -> list[Any]:
        values = looked_up(zone, name, rtype)
        if values is None:
            raise pyspf.TempError("silence")
        return [((name, rtype), (v.encode(),) if rtype == "TXT" else v) for v in values]

    real = pyspf.DNSLookup
    pyspf.DNSLookup = lookup
    try:
        yield
    finally:
        pyspf.DNSLookup = real


def theirs(zone: Zone, address: str, domain: str, local: str, helo: str) -> tuple[str, str]:
    with asking(zone), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result, _, text = pyspf.query(i=address, s=f"{local}@{domain}", h=helo, receiver="unknown").check()
    return result, text


DIFFERENCES: dict[str, str] = {
    "an include of the domain itself": "pyspf refuses it before it evaluates; RFC 7208 section 5.2 lets terms before it "
    "decide, and the limit of section 4.6.4 ends the circle",
    "an unknown modifier, twice": "only redirect and exp may not appear twice (section 6)",
    "a reverse name without address": "pyspf counts it as void; section 4.6.4 counts terms whose query returns no record, "
    "and the query of ptr, for the reverse name, returned one",
    "a redirect that is not reached": "pyspf counts it in advance; section 4.6.4 counts evaluated terms only",
    "a broken macro": "pyspf accepts it; sections 4.6 and 7.1 reject it, also in unknown modifiers",
    "an exists without a domain": "pyspf accepts it with a qualifier; the grammar of section 5.7 does not",
    "mail hosts after one that matches": "pyspf looks up all addresses before it compares; section 5.4 compares "
    "them in order, and the first match decides",
    "a macro for the validated name": "pyspf looks up terms in advance that are not reached, and a silent server "
    "makes the result an error; section 7.3 makes the name “unknown”",
}
"""Known differences of pyspf, each with the rule of RFC 7208."""


def known_difference(zone: Zone, mine: Evaluation, other: tuple[str, str]) -> str | None:
    """The key of the known difference that applies; None if one of the two is wrong."""
    result, text = other
    records = " ".join(record for domain in DOMAINS for record in zone[domain, "TXT"]).lower()
    if "include has trivial recursion" in text:
        return "an include of the domain itself"
    if "MUST appear at most once" in text and "redirect=" not in text and "exp=" not in text:
        return "an unknown modifier, twice"
    if "Void lookup limit" in text and ("ptr" in records or "%{p" in records):
        return "a reverse name without address"
    if "Too many DNS lookups" in text and "redirect=" in records and mine.lookups <= 10:
        return "a redirect that is not reached"
    if result != "permerror" and ("invalid macro" in mine.reason or "keeps no labels" in mine.reason):
        return "a broken macro"
    if result != "permerror" and mine.reason.startswith(tuple(f"“{q}exists” " for q in "+-~?")):
        return "an exists without a domain"
    if result == "temperror" and "mx" in records and "h3.example" in str(zone):
        return "mail hosts after one that matches"
    if result == "temperror" and "%{p" in records:
        return "a macro for the validated name"
    return None


EXAMPLES = [
    # known difference, record of d.example, our result for mail from 192.0.2.4, result of pyspf
    ("an include of the domain itself", "v=spf1 ip4:192.0.2.4 include:d.example -all", "pass", "permerror"),
    ("an unknown modifier, twice", "v=spf1 k=a k=b ip4:192.0.2.4 -all", "pass", "permerror"),
    ("a reverse name without address", "v=spf1 ptr:a.example ptr:b.example a:none.example -all", "fail", "permerror"),
    (
        "a redirect that is not reached",
        f"v=spf1 {'a:h2.example ' * 10}ip4:192.0.2.4 redirect=e.example",
        "pass",
        "permerror",
    ),
    ("a broken macro", "v=spf1 k=%{i ip4:192.0.2.4 -all", "permerror", "pass"),
    ("an exists without a domain", "v=spf1 ip4:192.0.2.4 -exists -all", "permerror", "pass"),
    ("mail hosts after one that matches", "v=spf1 mx:h3.example -all", "pass", "temperror"),
    ("a macro for the validated name", "v=spf1 ip4:192.0.2.4 a:%{p}.slow.example -all", "pass", "temperror"),
]


@pytest.mark.parametrize(("why", "record", "mine", "other"), EXAMPLES, ids=[row[0] for row in EXAMPLES])
def test_each_difference_from_pyspf_has_the_stated_reason(why: str, record: str, mine: str, other: str) -> None:
    zone = {**BASE, **{(domain, "TXT"): ["v=spf1 -all"] for domain in DOMAINS}, (DOMAINS[0], "TXT"): [record]}
    if why == "a macro for the validated name":
        zone["4.2.0.192.in-addr.arpa", "PTR"] = [TROUBLE]
    found = ours(zone, "192.0.2.4", DOMAINS[0], "postmaster", "mail.example")
    result = theirs(zone, "192.0.2.4", DOMAINS[0], "postmaster", "mail.example")
    assert (found.result, result[0]) == (mine, other)
    assert known_difference(zone, found, result) == why


def test_every_known_difference_has_its_example() -> None:
    assert {row[0] for row in EXAMPLES} == set(DIFFERENCES)


SENT = st.tuples(st.sampled_from(SENDERS), st.sampled_from(LOCALS), st.sampled_from(["mail.example", "h1.example"]))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(zone=zones(), sent=SENT)
def test_pyspf_gives_the_same_result(zone: Zone, sent: tuple[str, str, str]) -> None:
    address, local, helo = sent
    mine = ours(zone, address, DOMAINS[0], local, helo)
    other = theirs(zone, address, DOMAINS[0], local, helo)
    if mine.result != other[0]:
        assert known_difference(zone, mine, other), (mine, other)
