"""Row 12: SPF evaluated for each outbound address of the mail server, as receivers do."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.compliance.checks import CHECKS, FIRST, spf
from reconciler.compliance.gather import gather
from reconciler.core.model import Dkim, DkimKey

HOSTS = (
    "mail1.example.net A 192.0.2.4",
    "spf.example.net TXT v=spf1 ip4:192.0.2.4 ip6:2001:db8::4 -all",
    "out.example.net A 192.0.2.4",
    "out.example.net AAAA 2001:db8::4",
)
SENDERS = ("192.0.2.4", "out.example.net")


@pytest.fixture
def spf_of(finding):
    """The finding about the records at example.com, one per line."""

    def run(record, *more, spf_senders=SENDERS, **changes):
        records = [f"example.com TXT {text}" for text in record.split("\n")] if record else ["example.com A 192.0.2.9"]
        lines = (*HOSTS, *records, *more)
        return finding("spf", lines, spf_senders=spf_senders, hostname="mail1.example.net", **changes)

    return run


def fix_of(found):
    return [record.value for record in found.fix]


def test_passing_addresses_are_reported_with_their_terms(spf_of):
    found = spf_of("v=spf1 include:spf.example.net ~all")
    assert (found.status, found.code) == ("pass", "SPF_OK")
    assert "Mail from 192.0.2.4 passes by include:spf.example.net → ip4:192.0.2.4." in found.detail
    assert (
        "Mail from 2001:db8::4 (out.example.net) passes by include:spf.example.net → ip6:2001:db8::4." in found.detail
    )


def test_an_address_that_an_earlier_term_refuses_fails_despite_the_mechanism(spf_of):
    found = spf_of("v=spf1 -ip4:192.0.2.0/24 include:spf.example.net ~all")
    assert (found.status, found.code, found.fix) == ("fail", "SPF_SENDER_REFUSED", ())
    assert "Mail from 192.0.2.4 does not pass. It evaluates to fail by -ip4:192.0.2.0/24." in found.detail
    assert "Mail from 2001:db8::4 (out.example.net) passes" in found.detail
    assert "Remove the term that matches first, or put include:spf.example.net before it" in found.detail


def test_a_missing_mechanism_is_not_reported_as_refused_mail_if_other_terms_pass(spf_of):
    found = spf_of("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all")
    assert (found.status, found.code) == ("fail", "SPF_NOT_ALLOWED")
    assert found.title == "The expected SPF mechanism is missing"
    assert "The server's mail still passes by other terms" in found.detail


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ("v=spf1 include:spf.example.net ~all", "softfail by ~all."),
        ("v=spf1 include:spf.example.net -all", "fail by -all."),
        ("v=spf1 include:spf.example.net ?all", "neutral by ?all."),
        ("v=spf1 include:spf.example.net", "neutral because no term matches."),
        ("v=spf1 include:spf.example.net x ~all", "permerror: “x” in the record of example.com: unknown mechanism."),
        ("v=spf1 redirect=spf.example.net", "fail by redirect=spf.example.net → -all."),
    ],
)
def test_the_result_is_reported_with_its_term_or_reason(spf_of, record, says):
    found = spf_of(record, spf_senders=("198.51.100.7",))
    assert found.status == "fail"
    assert "SPF_SENDER_REFUSED" in found.codes
    assert f"Mail from 198.51.100.7 does not pass. It evaluates to {says}" in found.detail


def test_a_secondary_mechanism_that_does_not_allow_an_address_gets_the_primary_next_to_it(spf_of):
    found = spf_of("v=spf1 ip4:192.0.2.4 ~all")
    assert (found.status, found.code) == ("fail", "SPF_SENDER_REFUSED")
    assert "Mail from 2001:db8::4 (out.example.net) does not pass" in found.detail
    assert fix_of(found) == ["v=spf1 ip4:192.0.2.4 include:spf.example.net ~all"]


def test_a_proposed_record_that_does_not_allow_every_address_has_a_note(spf_of):
    found = spf_of("", spf_senders=("192.0.2.4", "198.51.100.7"))
    assert fix_of(found) == ["v=spf1 include:spf.example.net ~all"]
    assert "With the proposed record, mail from 198.51.100.7 still evaluates to softfail by ~all" in found.detail


def test_without_a_primary_mechanism_the_addresses_themselves_are_proposed(spf_of):
    found = spf_of("", spf_primary=None, spf_secondary=())
    assert fix_of(found) == ["v=spf1 ip4:192.0.2.4 ip6:2001:db8::4 ~all"]
    found = spf_of("v=spf1 mx -all", "example.com MX 10 mail1.example.net.", spf_primary=None, spf_secondary=())
    assert fix_of(found) == ["v=spf1 mx ip6:2001:db8::4 -all"]


def test_several_records_are_merged_so_that_every_address_passes(spf_of):
    found = spf_of("v=spf1 ip4:192.0.2.4 ~all\nv=spf1 a -all", "example.com A 192.0.2.9")
    assert found.code == "SPF_SEVERAL"
    (merged,) = fix_of(found)
    assert spf_of(merged, "example.com A 192.0.2.9").status == "pass"


def test_missing_senders_give_a_note(spf_of):
    found = spf_of("v=spf1 include:spf.example.net ~all", spf_senders=())
    assert found.status == "pass"
    assert "dns.spf.senders is empty" in found.detail
    assert "SPF_SENDERS_NOT_KNOWN" in found.codes


@pytest.mark.parametrize("trouble", ["!temporary", "!refused"])
@pytest.mark.parametrize("question", ["out.example.net A", "out.example.net AAAA", "x.example.org TXT"])
def test_a_failed_lookup_is_an_error_and_never_a_failure(spf_of, fake, finding, trouble, question):
    lines = [line for line in HOSTS if not line.startswith(question)]
    dns = fake(*lines, "example.com TXT v=spf1 include:x.example.org include:spf.example.net ~all",
               "x.example.org TXT v=spf1 -all" if question[0] != "x" else "y.example.org A 192.0.2.1",
               f"{question} {trouble}")  # fmt: skip
    found = finding("spf", dns, spf_senders=SENDERS)
    assert (found.status, found.fix) == ("error", ())


def test_a_sender_without_an_address_is_a_warning(spf_of):
    found = spf_of("v=spf1 include:spf.example.net ~all", spf_senders=("gone.example.net", "192.0.2.4"))
    assert (found.status, found.code) == ("warn", "SPF_SENDER_NOWHERE")


def test_macros_see_the_servers_host_name_and_the_postmaster(spf_of):
    found = spf_of(
        "v=spf1 exists:%{l}.%{h}.%{ir}.ok.example.org include:spf.example.net ~all",
        "postmaster.mail1.example.net.4.2.0.192.ok.example.org A 127.0.0.2",
        spf_senders=("192.0.2.4",),
    )
    assert "passes by exists:%{l}.%{h}.%{ir}.ok.example.org." in found.detail


def test_void_lookups_of_terms_with_macros_count_for_the_senders(spf_of):
    terms = " ".join(f"exists:%{{ir}}.{zone}.example.org" for zone in "abc")
    found = spf_of(f"v=spf1 {terms} include:spf.example.net ~all", spf_senders=("192.0.2.4",))
    assert (found.status, found.code) == ("fail", "SPF_SENDER_REFUSED")
    assert "more than 2 lookups return no record" in found.detail


def test_terms_that_are_equal_for_all_mail_of_the_domain_are_followed(spf_of):
    found = spf_of("v=spf1 include:_spf.%{d} include:spf.example.net ~all", "_spf.example.com TXT v=spf1 ip4:x -all")
    assert (found.status, found.code) == ("fail", "SPF_INVALID")


def test_senders_cost_only_their_own_addresses_and_no_question_twice(fake, subject):
    dns = fake(*HOSTS, "example.com TXT v=spf1 include:spf.example.net ~all")
    check = next(c for c in CHECKS if c.id == "spf")
    asyncio.run(gather(subject(spf_senders=SENDERS), dns, [check]))
    assert sorted(dns.asked) == [
        ("example.com", "TXT"),
        ("out.example.net", "A"),
        ("out.example.net", "AAAA"),
        ("spf.example.net", "TXT"),
    ]


def test_sender_addresses_add_no_question_and_a_host_name_adds_its_addresses_once_per_run(fake, subject, good, keys):
    pending = DkimKey(selector="8DC2", public_key=keys.other, size=2048)
    signing = Dkim(active=True, key=DkimKey(selector="8DC1", public_key=keys.good, size=2048), pending=pending)
    asked = []
    for senders in ((), ("192.0.2.4",), ("192.0.2.4", "out.example.net")):
        dns = fake(*good, "out.example.net A 192.0.2.4")
        chosen = subject(dkim=signing, spf_senders=senders)
        assert spf.judge(chosen, asyncio.run(gather(chosen, dns, FIRST))).status == "pass"
        asked.append(set(dns.asked))
    assert len(asked[0]) <= 12
    assert asked[1] == asked[0]
    assert asked[2] - asked[1] == {("out.example.net", "A"), ("out.example.net", "AAAA")}


def test_a_cname_at_the_domain_warns(spf_of):
    target = "other.example.org TXT v=spf1 include:spf.example.net ~all"
    found = spf_of("", "example.com CNAME other.example.org.", target)
    assert (found.status, found.code) == ("warn", "SPF_ALIAS")


def test_a_cname_next_to_other_records_fails(subject):
    from reconciler.compliance.facts import Facts
    from reconciler.core.lookups import Answer, Mx, Txt

    text = Txt(("v=spf1 ip4:192.0.2.4 ~all",))
    alias = Answer(name="example.com", rtype="TXT", outcome="records", records=(text,), aliases=("other.example.org",))
    mx = Answer(name="example.com", rtype="MX", outcome="records", records=(Mx(10, "mail1.example.net"),))
    facts = Facts({("example.com", "TXT"): alias, ("example.com", "MX"): mx})
    found = spf.judge(subject(spf_primary="ip4:192.0.2.4"), facts)
    assert (found.status, found.code) == ("fail", "SPF_ALIAS_AND_DATA")
    assert {("example.com", "MX"), ("example.com", "NS")} <= set(spf.questions(subject(), facts))


def test_sender_id_is_a_warning(spf_of):
    found = spf_of("v=spf1 include:spf.example.net ~all\nspf2.0/pra include:spf.example.net ~all")
    assert (found.status, found.code) == ("warn", "SPF_SENDER_ID")


def test_ptr_in_an_included_record_is_information(spf_of):
    found = spf_of(
        "v=spf1 include:spf.example.net include:x.example.org ~all", "x.example.org TXT v=spf1 ptr:y.example -all"
    )
    assert found.status == "pass"
    assert "included record of x.example.org uses ptr" in found.detail


def test_more_than_ten_mail_hosts_of_one_mx_term_invalidate_the_record(spf_of):
    many = [f"example.com MX {n} h{n}.example.org." for n in range(11)]
    found = spf_of("v=spf1 mx include:spf.example.net ~all", *many, spf_senders=())
    assert (found.status, found.code) == ("fail", "SPF_INVALID")
    assert "11 mail hosts; the limit is 10" in found.detail


TERMS = [
    *("ip4:192.0.2.4", "ip6:2001:db8::/32", "mx", "a:out.example.net", "include:spf.example.net", "ip4:203.0.113.1"),
    *("?ip4:192.0.2.4", "-include:spf.example.net", "-ip4:203.0.113.0/24", "ip4:x", "redirect=spf.example.net"),
    *("~all", "-all", "?all", "+all", "exists:%{i}.none.example.org"),
]
RECORDS = st.lists(st.lists(st.sampled_from(TERMS), max_size=5).map(" ".join), max_size=2, unique=True)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=RECORDS, primary=st.sampled_from(["include:spf.example.net", "a:out.example.net", None]))
def test_a_proposed_record_allows_every_sender_or_has_a_note(spf_of, records, primary):
    lines = "\n".join(f"v=spf1 {record}".strip() for record in records)
    expects = {"spf_primary": primary, "spf_secondary": ("ip4:192.0.2.4",) if primary else ()}
    before = spf_of(lines, **expects)
    if not before.fix:
        assert before.status in ("pass", "warn") or "SPF_NO_PROPOSAL" in before.codes or "-" in lines or "?" in lines
        return
    after = spf_of(before.fix[0].value, **expects)
    assert after.fix == ()
    assert after.status == "pass" or "With the proposed record, mail from" in before.detail, (before, after)
