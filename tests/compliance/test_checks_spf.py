import pytest

HOSTS = ("mail1.example.net A 192.0.2.4", "spf.example.net TXT v=spf1 ip4:192.0.2.4 -all")


def spf(finding, *records, more=(), **changes):
    return finding(
        "spf", (*HOSTS, "example.com A 192.0.2.9", *(f"example.com TXT {r}" for r in records), *more), **changes
    )


def fix_of(found):
    return [record.value for record in found.fix]


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 include:spf.example.net ~all",
        "V=SPF1 INCLUDE:SPF.Example.NET. -ALL",
        "v=spf1 +include:spf.example.net -all",
        "v=spf1 ip4:192.0.2.4/32 ~all",
        "v=spf1 redirect=spf.example.net",
    ],
)
def test_the_primary_or_a_secondary_mechanism_in_any_spelling_passes(finding, record):
    found = spf(finding, record)
    assert (found.status, found.code, found.fix) == ("pass", "SPF_OK", ())


def test_a_secondary_mechanism_passes_with_a_note_about_the_primary(finding):
    found = spf(finding, "v=spf1 ip4:192.0.2.4 ~all")
    assert found.status == "pass"
    assert "include:spf.example.net is recommended" in found.detail


def test_the_mechanism_is_found_through_an_include(finding):
    more = ("all.example.org TXT v=spf1 a:x.example.org include:spf.example.net -all", "x.example.org A 192.0.2.7")
    assert spf(finding, "v=spf1 include:all.example.org -all", more=more).status == "pass"


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 ip4:192.0.2.40 ~all",
        "v=spf1 ip4:192.0.2.0/24 ~all",
        "v=spf1 -include:spf.example.net ~all",
        "v=spf1 ~include:spf.example.net ~all",
        "v=spf1 ?ip4:192.0.2.4 ~all",
        "v=spf1 ~all include:spf.example.net",
        "v=spf1 -ip4:192.0.2.4 ip4:192.0.2.4 ~all",
        "v=spf1 exists:include:spf.example.net ~all",
        "v=spf1 -all redirect=spf.example.net",
    ],
)
def test_a_similar_mechanism_does_not_count(finding, record):
    found = spf(finding, record, more=("include:spf.example.net A 127.0.0.2",))
    assert (found.status, found.code) == ("fail", "SPF_NOT_ALLOWED")


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 -ip4:192.0.2.0/24 ip4:192.0.2.4 ~all",
        "v=spf1 ?ip4:192.0.2.0/28 ip4:192.0.2.4 ~all",
        "v=spf1 -include:spf.example.org ip4:192.0.2.4 ~all",
    ],
)
def test_a_mechanism_after_a_term_that_refuses_all_of_its_addresses_does_not_count(finding, record):
    more = ("spf.example.org TXT v=spf1 ip4:192.0.2.0/24 -all",)
    found = spf(finding, record, more=more, spf_primary="ip4:192.0.2.4", spf_secondary=())
    assert (found.status, found.code, found.fix) == ("fail", "SPF_NOT_ALLOWED", ())
    assert f"{record.split()[1]} matches first" in found.detail
    assert "put ip4:192.0.2.4 before it" in found.detail


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 -ip4:192.0.2.5 ip4:192.0.2.4 ~all",
        "v=spf1 include:spf.example.org ip4:192.0.2.4 ~all",
        "v=spf1 ip4:192.0.2.4 -ip4:192.0.2.0/24 ~all",
    ],
)
def test_a_mechanism_after_a_term_about_other_addresses_counts(finding, record):
    more = ("spf.example.org TXT v=spf1 -ip4:192.0.2.0/24 -all",)
    assert spf(finding, record, more=more, spf_primary="ip4:192.0.2.4", spf_secondary=()).status == "pass"


def test_if_an_earlier_term_refuses_the_added_mechanism_no_record_is_proposed(finding):
    found = spf(finding, "v=spf1 -ip4:192.0.2.0/24 ~all", spf_primary="ip4:192.0.2.4", spf_secondary=())
    assert (found.status, found.code, found.fix) == ("fail", "SPF_NOT_ALLOWED", ())
    assert "-ip4:192.0.2.0/24 matches first" in found.detail


def test_a_mechanism_that_moves_before_all_is_not_reported_as_left_out(finding):
    found = spf(finding, "v=spf1 ~all include:spf.example.net a:gone.example.net")
    assert fix_of(found) == ["v=spf1 include:spf.example.net ~all"]
    assert "include:spf.example.net is left out" not in found.detail
    assert "a:gone.example.net is left out" in found.detail


def test_the_primary_is_put_before_all_and_order_and_qualifiers_are_kept(finding):
    found = spf(
        finding,
        "v=spf1 ?mx a:www.example.com -ip4:203.0.113.0/24 -all exp=x.example.com",
        more=("example.com MX 10 mail1.example.net.", "www.example.com A 192.0.2.1"),
    )
    assert fix_of(found) == [
        "v=spf1 ?mx a:www.example.com -ip4:203.0.113.0/24 include:spf.example.net -all exp=x.example.com"
    ]


def test_the_primary_is_put_before_redirect(finding):
    found = spf(finding, "v=spf1 redirect=x.example.org", more=("x.example.org TXT v=spf1 ~all",))
    assert fix_of(found) == ["v=spf1 include:spf.example.net redirect=x.example.org"]


def test_a_primary_with_the_wrong_qualifier_is_corrected_in_place_with_a_note(finding):
    found = spf(finding, "v=spf1 -include:spf.example.net ip4:203.0.113.1 ~all")
    assert fix_of(found) == ["v=spf1 include:spf.example.net ip4:203.0.113.1 ~all"]
    assert "-include:spf.example.net becomes include:spf.example.net" in found.detail


def test_without_a_record_a_new_one_is_proposed(finding):
    found = spf(finding)
    assert (found.status, found.code) == ("fail", "SPF_MISSING")
    assert fix_of(found) == ["v=spf1 include:spf.example.net ~all"]


def test_several_records_are_merged_into_one(finding):
    found = spf(
        finding, "v=spf1 mx -all", "v=spf1 ip4:203.0.113.1 mx ~all", more=("example.com MX 10 mail1.example.net.",)
    )
    assert (found.status, found.code) == ("fail", "SPF_SEVERAL")
    assert len(found.found) == 2
    assert sorted(fix_of(found)[0].split()) == sorted(
        ["v=spf1", "ip4:203.0.113.1", "mx", "include:spf.example.net", "~all"]
    )


def test_two_redirects_become_includes(finding):
    more = ("a.example.org TXT v=spf1 ip4:203.0.113.1 -all", "b.example.org TXT v=spf1 ip4:203.0.113.2 -all")
    found = spf(finding, "v=spf1 redirect=a.example.org", "v=spf1 redirect=b.example.org", more=more)
    assert fix_of(found) == ["v=spf1 include:spf.example.net include:a.example.org include:b.example.org ~all"]


def test_an_invalid_record_is_rebuilt_without_its_invalid_terms_and_a_note_names_them(finding):
    found = spf(finding, "v=spf1 include:spf.example.net ip4:192.0.2.400 ~all")
    assert (found.status, found.code) == ("fail", "SPF_INVALID")
    assert fix_of(found) == ["v=spf1 include:spf.example.net ~all"]
    assert "ip4:192.0.2.400 is left out" in found.detail


def test_strings_joined_without_a_space_are_diagnosed(finding):
    found = spf(finding, "v=spf1 include:spf.example.net | a ~all", "unrelated", more=("spf.example.neta TXT x",))
    assert found.status == "fail"
    found = spf(finding, "v=spf1 ip4:192.0.2.4 | ip4:192.0.2.5 ~all")
    assert "A space is missing at the end of a string" in found.detail


def test_other_versions_are_not_spf_records(finding):
    assert spf(finding, "v=spf10 include:spf.example.net ~all").code == "SPF_MISSING"


@pytest.mark.parametrize("text", [" v=spf1 ~all", "“v=spf1 ~all”", "v=spf1;include:x ~all"])
def test_a_mistyped_spf_record_is_reported(finding, text):
    found = spf(finding, text)
    assert found.code == "SPF_MISSING"
    assert "looks like an SPF record" in found.detail


def chain(count):
    links = [f"s{n}.example.org TXT v=spf1 include:s{n + 1}.example.org -all" for n in range(count)]
    return (*links, f"s{count}.example.org TXT v=spf1 ip4:203.0.113.9 -all")


def test_more_than_ten_lookups_fail_and_no_record_is_proposed(finding):
    found = spf(finding, "v=spf1 include:s0.example.org ~all", more=chain(12))
    assert (found.status, found.code, found.fix) == ("fail", "SPF_LOOKUPS", ())
    assert "No record is proposed" in found.detail


def test_a_merged_record_with_an_eleventh_lookup_is_not_proposed_and_the_reason_is_reported(finding):
    found = spf(finding, "v=spf1 include:s0.example.org ~all", more=chain(9))
    assert (found.code, found.fix) == ("SPF_NOT_ALLOWED", ())
    assert "at least 11 DNS lookups" in found.detail


def test_nine_lookups_warn(finding):
    found = spf(finding, "v=spf1 include:spf.example.net include:s0.example.org ~all", more=chain(7))
    assert (found.status, found.code) == ("warn", "SPF_LOOKUPS_NEAR")


def test_lookups_are_limited_for_any_includes(finding, fake):
    lines = [
        f"s{n}.example.org TXT v=spf1 " + " ".join(f"include:s{n + k}.example.org" for k in range(1, 6)) + " -all"
        for n in range(200)
    ]
    dns = fake("example.com TXT v=spf1 include:s0.example.org -all", *lines)
    assert finding("spf", dns).code == "SPF_LOOKUPS"
    assert sum(rtype == "TXT" and "example.org" in name for name, rtype in dns.asked) <= 10


def test_a_repeated_include_counts_each_time(finding):
    record = "v=spf1 " + "include:spf.example.net " * 11 + "~all"
    assert spf(finding, record).code == "SPF_LOOKUPS"


def test_a_loop_of_includes_fails(finding):
    more = (
        "a.example.org TXT v=spf1 include:b.example.org -all",
        "b.example.org TXT v=spf1 include:a.example.org -all",
    )
    found = spf(finding, "v=spf1 include:spf.example.net include:a.example.org ~all", more=more)
    assert (found.status, found.code) == ("fail", "SPF_INVALID")
    assert "loop" in found.detail


@pytest.mark.parametrize("line", ["x.example.org A 192.0.2.1", "y.example.org A 192.0.2.1"])
def test_an_include_of_a_domain_without_a_record_fails(finding, line):
    found = spf(finding, "v=spf1 include:spf.example.net include:x.example.org ~all", more=(line,))
    assert (found.status, found.code) == ("fail", "SPF_INVALID")
    assert "x.example.org, which has no SPF record" in found.detail


@pytest.mark.parametrize("trouble", ["!temporary", "!refused"])
def test_a_failed_lookup_of_an_include_is_an_error_and_not_a_fault(finding, trouble):
    more = (f"x.example.org TXT {trouble}",)
    found = spf(finding, "v=spf1 include:spf.example.net include:x.example.org ~all", more=more)
    assert (found.status, found.fix) == ("error", ())
    found = spf(finding, "v=spf1 include:x.example.org ~all", more=more)
    assert (found.status, found.fix) == ("error", ())


def test_more_than_two_void_lookups_fail(finding):
    found = spf(finding, "v=spf1 include:spf.example.net a:x.example.org a:y.example.org mx:z.example.org ~all")
    assert (found.status, found.code) == ("fail", "SPF_VOID_LOOKUPS")


@pytest.mark.parametrize(
    ("ending", "status", "code", "fix"),
    [
        ("+all", "fail", "SPF_ALL_PASS", "~all"),
        ("all", "fail", "SPF_ALL_PASS", "~all"),
        ("ip4:0.0.0.0/0 -all", "fail", "SPF_ALL_PASS", None),
        ("?all", "warn", "SPF_ALL_NEUTRAL", "~all"),
        ("", "warn", "SPF_NO_ALL", "~all"),
        ("-all ip4:192.0.2.7", "warn", "SPF_IGNORED", "-all"),
        ("ptr ~all", "warn", "SPF_PTR", None),
    ],
)
def test_weak_endings_are_reported_and_fixed(finding, ending, status, code, fix):
    found = spf(finding, f"v=spf1 include:spf.example.net {ending}".strip())
    assert (found.status, found.code) == (status, code)
    assert fix_of(found) == ([f"v=spf1 include:spf.example.net {fix}"] if fix else [])


def test_an_include_that_allows_every_sender_fails(finding):
    more = ("open.example.org TXT v=spf1 +all",)
    found = spf(finding, "v=spf1 include:spf.example.net include:open.example.org ~all", more=more)
    assert (found.status, found.code) == ("fail", "SPF_ALL_PASS")


def test_a_very_long_record_warns(finding):
    record = "v=spf1 include:spf.example.net " + " ".join(f"ip4:203.0.113.{n}" for n in range(40)) + " ~all"
    assert spf(finding, record).code == "SPF_LONG"


def test_without_a_primary_only_existence_and_validity_are_judged_with_a_note(finding):
    found = spf(finding, "v=spf1 ip4:203.0.113.1 ~all", spf_primary=None, spf_secondary=())
    assert found.status == "pass"
    assert "covers only existence and validity" in found.detail
    assert spf(finding, spf_primary=None).status == "fail"
    assert spf(finding, spf_primary=None).fix == ()


def test_an_invalid_mechanism_of_the_product_is_reported(finding):
    found = spf(finding, "v=spf1 ip4:192.0.2.4 ~all", spf_primary="mail.example.com")
    assert (found.status, found.code) == ("warn", "SPF_EXPECTATION")


def test_mx_as_the_primary_means_the_domains_own_mx(finding):
    more = ("example.com MX 10 mail1.example.net.",)
    assert spf(finding, "v=spf1 mx:example.com ~all", more=more, spf_primary="mx").status == "pass"
    other = (*more, "x.example.org TXT v=spf1 mx -all", "x.example.org MX 10 mail1.example.net.")
    assert spf(finding, "v=spf1 include:x.example.org ~all", more=other, spf_primary="mx").code == "SPF_NOT_ALLOWED"


def test_an_invalid_primary_is_not_proposed(finding):
    found = finding("spf", ("example.com A 192.0.2.9",))
    assert found.fix == ()
    assert "spf.example.net, which has no SPF record" in found.detail
