"""Laws of merged SPF records."""

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.compliance.records.spf import Mechanism, is_spf, parse_mechanism, parse_spf
from reconciler.compliance.records.spf_check import check_host
from reconciler.compliance.records.spf_write import merge
from reconciler.core.lookups import Answer, Txt

OWNER = "example.com"
NETWORKS = ["ip4:192.0.2.4", "ip4:192.0.2.0/28", "ip4:198.51.100.0/24", "ip6:2001:db8::/32", "ip4:203.0.113.9"]
QUALIFIERS = st.sampled_from(["", "+", "-", "~", "?"])
PLAIN = st.builds("{}{}".format, QUALIFIERS, st.sampled_from(NETWORKS))
OTHER = st.builds(
    "{}{}".format,
    QUALIFIERS,
    st.sampled_from(
        ["mx", "a", "a:www.example.com/24", "MX:Example.com", "include:a.example", "exists:%{i}.b.example", "ptr"]
    ),
)
MODIFIERS = st.sampled_from(
    ["exp=x.example.com", "exp=y.example.com", "redirect=r.example", "redirect=s.example", "k=v"]
)
BROKEN = st.sampled_from(["ip4:x", "foo", "include:", "a:%{"])
ENDS = st.sampled_from(["", "-all", "~all", "?all", "+all", "all"])


@st.composite
def records(draw: st.DrawFn) -> str:
    words = draw(st.lists(st.one_of(PLAIN, OTHER, PLAIN, OTHER, MODIFIERS, BROKEN), max_size=6))
    late = draw(st.lists(PLAIN, max_size=1))
    return " ".join(["v=spf1", *words, *filter(None, [draw(ENDS)]), *late])


RECORDS = st.lists(records(), max_size=3).map(lambda texts: tuple(parse_spf(text) for text in texts))
ADDED = st.lists(
    st.sampled_from(["include:spf.example.net", "mx", "ip4:192.0.2.4", "a:example.com"]), max_size=2, unique=True
)


def mechanisms(texts):
    found = [parse_mechanism(text) for text in texts]
    assert all(isinstance(m, Mechanism) for m in found)
    return found


@settings(max_examples=300)
@given(found=RECORDS, texts=ADDED)
def test_a_merged_record_is_valid_keeps_order_and_qualifiers_and_has_no_duplicates(found, texts):
    added = mechanisms(texts)
    merged = merge(OWNER, found, added)
    assert is_spf(merged.text)
    record = parse_spf(merged.text)
    assert record.faults == ()
    assert record.ignored == ()
    keys = [m.key(OWNER) for m in record.mechanisms]
    assert len(keys) == len(set(keys))
    wanted = {m.key(OWNER) for m in added}
    assert all(m.qualifier == "+" for m in record.mechanisms if m.key(OWNER) in wanted)
    assert wanted <= set(keys)
    firsts = {}
    for one in found:
        for m in one.effective:
            if m.name != "all":
                firsts.setdefault(m.key(OWNER), m)
    kept = [m for m in record.mechanisms if m.key(OWNER) in firsts]
    assert [m.key(OWNER) for m in kept] == list(firsts)
    for m in kept:
        assert m.qualifier == firsts[m.key(OWNER)].qualifier or m.key(OWNER) in wanted


@settings(max_examples=300)
@given(found=RECORDS, texts=ADDED)
def test_a_note_names_each_omission_and_change_of_a_merged_record(found, texts):
    merged = merge(OWNER, found, mechanisms(texts))
    there = {m.key(OWNER): m for m in parse_spf(merged.text).mechanisms}
    words = merged.text.lower().split()
    notes = " ".join(merged.notes)
    for one in found:
        for fault in one.faults:
            assert fault.term[:60] in notes
        for term in one.terms:
            if term.text.lower() in words:
                continue
            same = isinstance(term, Mechanism) and term.key(OWNER) in there
            if not (same and term.qualifier == there[term.key(OWNER)].qualifier):
                assert term.text.lower() in notes.lower(), (term.text, merged)


@settings(max_examples=200)
@given(found=RECORDS, texts=ADDED)
def test_merging_a_merged_record_again_changes_nothing(found, texts):
    added = mechanisms(texts)
    merged = merge(OWNER, found, added)
    assert merge(OWNER, (parse_spf(merged.text),), added) == type(merged)(merged.text, ())


@settings(max_examples=200)
@given(
    words=st.lists(PLAIN, max_size=6),
    end=st.sampled_from(["-all", "~all"]),
    address=st.sampled_from(["192.0.2.4", "192.0.2.5", "198.51.100.1", "2001:db8::1", "203.0.113.9", "203.0.113.10"]),
)
def test_a_merged_record_gives_the_same_result_for_all_senders_except_the_added_ones(words, end, address):
    before = " ".join(["v=spf1", *words, end])
    after = merge(OWNER, (parse_spf(before),), mechanisms(["ip4:203.0.113.10"])).text

    def result(text):
        answer = Answer(name=OWNER, rtype="TXT", outcome="records", records=(Txt((text,)),))
        return check_host(address, OWNER, f"postmaster@{OWNER}", OWNER, lambda name, rtype: answer).result

    assert result(after) == ("pass" if address == "203.0.113.10" else result(before))
