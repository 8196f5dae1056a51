from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.findings import STATUSES, DomainReport, Finding, Record, Report, SpfTerm, SpfTree
from reconciler.output.report.text import render_text
from reconciler.output.terminal import columns

KEY = "v=DKIM1; k=rsa; p=" + "MIIBIjANBgkq" * 33
NAMES = st.sampled_from(["example.com", "s1._domainkey.example.com", "_autodiscover._tcp.example.com"])


def records(values):
    return st.lists(st.builds(Record, NAMES, st.sampled_from(["TXT", "MX"]), values, st.just(3600)), max_size=3).map(
        tuple
    )


FINDINGS = st.builds(
    Finding,
    id=st.sampled_from(["mx", "spf", "dkim", "autodiscover", "dmarc"]),
    status=st.sampled_from(STATUSES),
    code=st.just("SPF_OK"),
    title=st.text(max_size=80),
    detail=st.text(max_size=200),
    found=records(st.text(max_size=100)),
    fix=records(st.text(alphabet=st.characters(max_codepoint=0x2FF), max_size=600)),
    reference=st.just("RFC 7208 section 5"),
)


def one(**changes):
    usual = {"id": "spf", "status": "fail", "code": "SPF_MISSING", "title": "There is no SPF record"}
    finding = Finding(**{**usual, "reference": "RFC 7208 section 4.5", **changes})
    return Report((DomainReport(domain="example.com", server="mail1", checks=(finding,)),))


def test_a_domain_without_problems_has_one_line_per_check():
    checks = tuple(
        Finding(id=name, status="pass", code="OK", title="All is well", found=(Record("x", "A", "192.0.2.1"),))
        for name in ("mx", "spf")
    )
    report = Report((DomainReport(domain="example.com", server="mail1", checks=checks),))
    assert render_text(report, color=False, width=80) == (
        "example.com on mail1: pass (2 pass)\n"
        "  pass   mx            All is well\n"
        "  pass   spf           All is well\n"
        "\n"
        "1 domain: 2 pass.\n"
    )


def test_a_problem_comes_with_host_name_and_zone_line():
    text = render_text(
        one(fix=(Record("example.com", "TXT", "v=spf1 ~all", 3600),), detail="None.\nAt all."), color=False, width=80
    )
    assert text == (
        "example.com on mail1: fail (1 fail)\n"
        "  fail   spf           There is no SPF record\n"
        "         None.\n"
        "         At all.\n"
        "         publish  TXT example.com\n"
        "                  host @ in the zone example.com\n"
        '           example.com. 3600 IN TXT "v=spf1 ~all"\n'
        "         see      RFC 7208 section 4.5 (SPF_MISSING)\n"
        "\n"
        "1 domain: 1 fail.\n"
    )


def test_a_long_key_is_complete_valid_zone_text_in_80_columns():
    text = render_text(one(fix=(Record("s1._domainkey.example.com", "TXT", KEY, 3600),)), color=False, width=80)
    assert max(map(len, text.splitlines())) <= 80
    quoted = text[text.index("TXT (") :].split('"')[1::2]
    assert "".join(quoted) == KEY


def test_a_long_found_value_is_truncated_and_shows_its_length():
    text = render_text(one(found=(Record("example.com", "TXT", "x" * 60_000),)), color=False, width=80)
    assert len(text) < 1200
    assert "(60000 characters)" in text


def test_many_records_and_sentences_are_truncated():
    found = tuple(Record("example.com", "TXT", str(n)) for n in range(90))
    text = render_text(one(found=found, detail="\n".join("ab" * 9 for _ in range(90))), color=False, width=80)
    assert len(text.splitlines()) < 50
    assert "and 80 more" in text


def test_the_heading_shows_alias_and_international_name():
    alias = DomainReport(domain="xn--mnchen-3ya.example", server="mail1", checks=(), alias_of="example.com")
    text = render_text(Report((alias,)), color=False, width=100)
    assert text.startswith("münchen.example (xn--mnchen-3ya.example), alias of example.com on mail1: skip (no checks)")


def test_there_is_color_only_on_request():
    assert "\x1b" not in render_text(one(), color=False, width=80)
    assert "\x1b[31;1mfail" in render_text(one(), color=True, width=80)


@settings(max_examples=150, deadline=None)
@given(st.lists(FINDINGS, max_size=4))
def test_untrusted_text_controls_no_terminal_and_fits_80_columns(findings):
    report = Report((DomainReport(domain="example.com", server="mail1", checks=tuple(findings)),))
    text = render_text(report, color=False, width=80)
    assert all(line.isprintable() for line in text.split("\n"))
    assert "\u202e" not in text
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    for line in text.splitlines():
        assert columns(line) <= 80 or " IN MX " in line or " )" in line


def test_a_bidi_override_is_spelled_out():
    assert "\\u{202e}" in render_text(one(found=(Record("example.com", "TXT", "\u202eabc"),)), color=False, width=80)


SHOP = SpfTree(
    domain="shop.example",
    record="v=spf1 a:out.shop.example a:gone.shop.example -all",
    lookups=2,
    terms=(
        SpfTerm(text="a:out.shop.example", lookups=1, total=2),
        SpfTerm(text="a:gone.shop.example", lookups=1, total=3, void=True),
        SpfTerm(text="-all", total=3),
    ),
)
TREE = SpfTree(
    domain="example.com",
    record="v=spf1 include:shop.example include:x.example ~all",
    lookups=4,
    terms=(
        SpfTerm(text="include:shop.example", lookups=3, total=3, child=SHOP),
        SpfTerm(text="include:x.example", lookups=1, total=4, unknown="TXT of x.example: SERVFAIL"),
        SpfTerm(text="~all", total=4),
        SpfTerm(text="mx", total=4, ignored=True),
    ),
)


def test_an_spf_tree_shows_the_lookups_of_each_term_only_on_request():
    assert "include:shop.example" not in render_text(one(tree=TREE), color=False, width=100)
    text = render_text(one(tree=TREE), color=False, width=100, trees=True)
    assert (
        "         example.com 4 of 10 lookups\n"
        "           include:shop.example 3 lookups, 3 so far\n"
        "             a:out.shop.example 1 lookup, 2 so far\n"
        "             a:gone.shop.example 1 lookup, 3 so far; no records found\n"
        "             -all\n"
        "           include:x.example 1 lookup, 4 so far; TXT of x.example: SERVFAIL\n"
        "           ~all\n"
        "           mx no effect\n"
    ) in text


def test_an_untrusted_spf_tree_is_bounded_and_harmless():
    terms = tuple(SpfTerm(text="a:\x1b[31m" + "x" * 500, lookups=1, total=n) for n in range(1, 100))
    child = SpfTree(domain="b.example", record="", lookups=99, terms=terms, omitted=7)
    tops = tuple(SpfTerm(text=f"include:{n}.example", lookups=100, total=100 * n, child=child) for n in range(1, 9))
    tree = SpfTree(domain="example.com", record="", lookups=800, terms=tops)
    text = render_text(one(tree=tree), color=False, width=80, trees=True)
    assert "\x1b" not in text
    assert "800 or more of 10 lookups" in text
    assert "over the limit of 10" in text
    assert len(text) < 100_000
