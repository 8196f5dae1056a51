"""The zones without a server."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.sandbox.dns.zone_text import name_from, type_from
from reconciler.sandbox.dns.zones import DnsAnswer, ZoneError, Zones

ZONE = """
$TTL 600
@       MX 10 mail
@       TXT "v=spf1 mx -all"
mail    A 192.0.2.1
        AAAA 2001:db8::1
deep.er.still 60 TXT "x"
"""


@pytest.fixture
def zones() -> Zones:
    made = Zones()
    made.set_zone("Example.TEST.", ZONE)
    return made


def values(zones: Zones, name: str, rtype: str) -> list[object]:
    return [row["value"] for row in zones.records() if (row["name"], row["type"]) == (name, rtype)]


def test_a_zone_file_without_soa_and_ns_gets_them(zones: Zones) -> None:
    assert zones.zone_names() == ["example.test"]
    assert zones.records() == [
        {"name": "deep.er.still.example.test", "type": "TXT", "ttl": 60, "value": '"x"'},
        {"name": "example.test", "type": "MX", "ttl": 600, "value": "10 mail.example.test."},
        {"name": "example.test", "type": "NS", "ttl": 300, "value": "ns.sandbox.invalid."},
        {
            "name": "example.test",
            "type": "SOA",
            "ttl": 300,
            "value": "ns.sandbox.invalid. hostmaster.sandbox.invalid. 1 3600 600 86400 300",
        },
        {"name": "example.test", "type": "TXT", "ttl": 600, "value": '"v=spf1 mx -all"'},
        {"name": "mail.example.test", "type": "A", "ttl": 600, "value": "192.0.2.1"},
        {"name": "mail.example.test", "type": "AAAA", "ttl": 600, "value": "2001:db8::1"},
    ]


def test_a_soa_and_ns_of_the_file_are_kept() -> None:
    zones = Zones()
    zones.set_zone("a.test", "@ 99 SOA n h 7 1 1 1 1\n@ 98 NS n\n")
    assert [(row["type"], row["ttl"], row["value"]) for row in zones.records()] == [
        ("NS", 98, "n.a.test."),
        ("SOA", 99, "n.a.test. h.a.test. 7 1 1 1 1"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a A 192.0.2.1\nb A 192.0.2.999\nc A 192.0.2.1\n", 2, "192.0.2.999"),
        ("a A 192.0.2.1\nb A 192.0.2.999", 2, "192.0.2.999"),
        ("a A 192.0.2.1\n\n; a comment\nb.other.test. A 192.0.2.1\nc A 192.0.2.1\n", 4, "b.other.test is outside"),
        ("b.other.test. A 192.0.2.1", 1, "b.other.test is outside"),
        ("\nb NOSUCHTYPE 1\n", 2, "NOSUCHTYPE"),
        ("\nb SOA n h 1 1 1 1 1\n", 2, "the SOA is at b.bad.test"),
        ("@ SOA n h 1 1 1 1 1\n@ SOA n h 2 1 1 1 1\n", 2, "second SOA"),
        ("$INCLUDE /etc/hostname\n", 1, "'$INCLUDE' is not allowed"),
        ("$GENERATE 0-4294967295 h$ A 192.0.2.1\n", 1, "'$GENERATE' is not allowed"),
        ("a CH A 192.0.2.1\n", 1, "class"),
        (f"ok A 192.0.2.1\n{'l' * 64} A 192.0.2.1\n", 2, "63"),
    ],
)
def test_an_invalid_zone_file_is_rejected_with_zone_line_and_reason(text: str, line: int, why: str) -> None:
    zones = Zones()
    zones.set_zone("bad.test", "keep A 192.0.2.1")
    with pytest.raises(ZoneError) as caught:
        zones.set_zone("bad.test", text)
    assert str(caught.value).startswith(f"zone bad.test, line {line}: ")
    assert why in str(caught.value)
    assert str(caught.value).count("bad.test, line") == 1
    assert zones.lookup("keep.bad.test", "A") == ["192.0.2.1"]


def test_names_of_any_spelling_are_one_name(zones: Zones) -> None:
    zones.add("NEW.Example.test.", "a", "192.0.2.9")
    assert zones.lookup("new.EXAMPLE.test", "A") == ["192.0.2.9"]
    zones.add("bücher.example.test", "CNAME", "straße.example.test")
    assert values(zones, "xn--bcher-kva.example.test", "CNAME") == ["xn--strae-oqa.example.test."]


def test_a_value_added_twice_exists_once_with_the_last_ttl(zones: Zones) -> None:
    zones.add("example.test", "MX", "10 MAIL.example.test", ttl=30)
    zones.add("example.test", "MX", "20 other.example.test", ttl=31)
    assert [(row["ttl"], row["value"]) for row in zones.records() if row["type"] == "MX"] == [
        (31, "10 mail.example.test."),
        (31, "20 other.example.test."),
    ]


def test_a_new_soa_replaces_the_old_one(zones: Zones) -> None:
    zones.add("example.test", "SOA", "a.test b.test 2 3 4 5 6")
    assert values(zones, "example.test", "SOA") == ["a.test. b.test. 2 3 4 5 6"]


def test_a_txt_without_quotation_marks_is_the_content_and_long_ones_are_split(zones: Zones) -> None:
    zones.add("k.example.test", "TXT", "v=DKIM1; k=rsa; p=" + "A" * 300)
    first = "v=DKIM1; k=rsa; p=" + "A" * 237
    assert zones.lookup("k.example.test", "TXT") == [f'"{first}" "{"A" * 63}"']
    assert zones.remove("k.example.test", "TXT", "v=DKIM1; k=rsa; p=" + "A" * 300) == 1


@pytest.mark.parametrize(
    ("name", "rtype", "value", "ttl", "why"),
    [
        ("a.elsewhere.test", "A", "192.0.2.1", 300, "no zone contains a.elsewhere.test"),
        ("a.example.test", "A", "nonsense", 300, "A 'nonsense'"),
        ("a.example.test", "MX", "10 a\n20 b", 300, "one line"),
        ("a.example.test", "A", "192.0.2.1 192.0.2.2", 300, "A '192.0.2.1 192.0.2.2'"),
        ("a.example.test", "ANY", "x", 300, "is a type of questions"),
        ("a.example.test", "BOGUS", "x", 300, "is not a record type"),
        ("a..example.test", "A", "192.0.2.1", 300, "is not a valid DNS name"),
        ("a.example.test", "A", "192.0.2.1", -1, "TTL of -1"),
        ("a.example.test", "A", "192.0.2.1", 2**31, "TTL of 2147483648"),
        ("a.example.test", "SOA", "a. b. 1 1 1 1 1", 300, "move it to the zone's origin"),
        ("a.example.test", "TXT", "\ud800", 300, "surrogates"),
    ],
)
def test_an_invalid_record_is_rejected_and_changes_nothing(
    zones: Zones, name: str, rtype: str, value: str, ttl: int, why: str
) -> None:
    before = zones.dump()
    with pytest.raises(ZoneError, match=why):
        zones.add(name, rtype, value, ttl)
    assert zones.dump() == before


def test_remove_returns_the_number_of_removed_values(zones: Zones) -> None:
    for last in range(4):
        zones.add("m.example.test", "A", f"192.0.2.{last}")
    assert zones.remove("m.example.test", "A", "192.0.2.1") == 1
    assert zones.remove("m.example.test", "A", "192.0.2.1") == 0
    assert zones.remove("m.example.test", "AAAA") == 0
    assert zones.remove("nobody.elsewhere", "A") == 0
    assert zones.lookup("m.example.test", "A") == ["192.0.2.0", "192.0.2.2", "192.0.2.3"]
    assert zones.remove("m.example.test", "A") == 3
    assert zones.lookup("m.example.test", "A") == []


def test_the_soa_cannot_be_removed_but_the_ns_can(zones: Zones) -> None:
    with pytest.raises(ZoneError, match=r"SOA of example\.test cannot be removed"):
        zones.remove("example.test", "SOA")
    assert zones.remove("example.test", "NS") == 1
    copy = Zones()
    copy.load(zones.dump())
    assert copy.records() == zones.records()


def test_an_empty_non_terminal_is_removed_with_the_last_name_below_it(zones: Zones) -> None:
    def rcode(name: str) -> str:
        answer: DnsAnswer = zones.resolve(name_from(name), type_from("A"))
        return answer.rcode.name

    assert (rcode("er.still.example.test"), rcode("still.example.test")) == ("NOERROR", "NOERROR")
    zones.add("still.example.test", "A", "192.0.2.5")
    zones.remove("deep.er.still.example.test", "TXT")
    assert (rcode("er.still.example.test"), rcode("still.example.test")) == ("NXDOMAIN", "NOERROR")
    zones.remove("still.example.test", "A")
    assert rcode("still.example.test") == "NXDOMAIN"


def test_the_longest_zone_takes_the_record(zones: Zones) -> None:
    zones.set_zone("sub.example.test", "")
    zones.add("a.sub.example.test", "A", "192.0.2.1")
    assert "a.sub" in zones.zone_text("sub.example.test")
    assert "a.sub" not in zones.zone_text("example.test")


def test_zone_text_of_an_unknown_zone_lists_the_existing_ones(zones: Zones) -> None:
    with pytest.raises(ZoneError, match=r"unknown zone b\.test; existing zones: example\.test"):
        zones.zone_text("b.test")


def test_deleting_a_zone_twice_has_the_same_effect_as_once(zones: Zones) -> None:
    zones.delete_zone("EXAMPLE.test")
    zones.delete_zone("example.test")
    assert zones.records() == []


def test_the_zone_text_is_a_zone_file_of_the_same_zone(zones: Zones) -> None:
    copy = Zones()
    copy.set_zone("example.test", zones.zone_text("example.test"))
    assert copy.records() == zones.records()


def test_on_change_is_called_once_per_change_outside_of_the_lock(zones: Zones) -> None:
    seen: list[int] = []

    def changed() -> None:
        # Another thread can read while this runs, so the lock is free.
        other = threading.Thread(target=lambda: seen.append(len(zones.records())))
        other.start()
        other.join(5)
        assert not other.is_alive()

    zones.on_change = changed
    zones.add("n.example.test", "A", "192.0.2.1")
    zones.add("n.example.test", "A", "192.0.2.1")  # exists already: no change
    zones.remove("n.example.test", "A")
    zones.remove("n.example.test", "A")  # already removed
    zones.set_zone("b.test", "")
    zones.load(zones.dump())
    zones.delete_zone("b.test")
    zones.delete_zone("b.test")
    assert seen == [8, 7, 9, 9, 7]


def test_an_invalid_dump_changes_nothing(zones: Zones) -> None:
    before = zones.dump()
    with pytest.raises(ZoneError, match=r"zone b\.test, line 1"):
        zones.load({"a.test": "", "b.test": "x A 1"})
    assert zones.dump() == before


def test_concurrent_changes_and_reads_of_threads_lose_nothing(zones: Zones) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for last in range(50):
                zones.add("t.example.test", "TXT", f"{number}-{last}")
                zones.lookup("t.example.test", "TXT")
                zones.records()
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sorted(zones.lookup("t.example.test", "TXT")) == sorted(f'"{n}-{m}"' for n in range(4) for m in range(50))


LABELS = st.one_of(
    st.sampled_from(["*", "a", "B", "_dmarc", "xn--bcher-kva", "\\@", "\\$x", "a\\.b", "\\000", "\\255", "in\\ ner"]),
    st.text("abcdefghij-0123456789_", min_size=1, max_size=12),
)
HOSTS = st.lists(LABELS, max_size=4).map(lambda labels: ".".join([*labels, "example.test"]))
OCTETS = st.binary(max_size=255).map(lambda data: '"' + "".join(f"\\{octet:03d}" for octet in data) + '"')
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=300)
RECORDS = st.tuples(
    HOSTS,
    st.one_of(
        st.tuples(st.just("A"), st.ip_addresses(v=4).map(str)),
        st.tuples(st.just("AAAA"), st.ip_addresses(v=6).map(str)),
        st.tuples(st.just("CNAME"), HOSTS),
        st.tuples(st.just("MX"), st.builds("{} {}.".format, st.integers(0, 65535), HOSTS)),
        st.tuples(st.just("TXT"), st.lists(OCTETS, min_size=1, max_size=3).map(" ".join)),
        st.tuples(st.just("TXT"), TEXTS.filter(lambda text: not text.startswith('"'))),
        st.tuples(st.just("TYPE65280"), st.binary(max_size=20).map(lambda data: f"\\# {len(data)} {data.hex()}")),
    ),
    st.integers(0, 2**31 - 1),
)


@given(st.lists(RECORDS, max_size=15))
@settings(max_examples=100, deadline=None)
def test_a_loaded_dump_has_the_same_zones(records: list[tuple[str, tuple[str, str], int]]) -> None:
    zones = Zones()
    zones.set_zone("example.test", "")
    zones.set_zone("b.example.test", "@ TXT x")
    for name, (rtype, value), ttl in records:
        zones.add(name, rtype, value, ttl)
    copy = Zones()
    copy.load(zones.dump())
    assert copy.records() == zones.records()
    assert copy.dump() == zones.dump()  # the order of answers, too
    for name, (rtype, _), _ in records:
        assert copy.lookup(name, rtype) == zones.lookup(name, rtype)


@given(st.lists(RECORDS, max_size=10), RECORDS)
@settings(max_examples=50, deadline=None)
def test_adding_and_removing_a_record_leaves_no_trace(
    records: list[tuple[str, tuple[str, str], int]], extra: tuple[str, tuple[str, str], int]
) -> None:
    zones = Zones()
    zones.set_zone("example.test", "")
    for name, (rtype, value), ttl in records:
        zones.add(name, rtype, value, ttl)
    name, (rtype, value), _ = extra
    zones.remove(name, rtype)
    before = zones.dump()
    zones.add(name, rtype, value)
    assert zones.remove(name, rtype, value) == 1
    assert zones.dump() == before
