import json
import re

import dns.zonefile
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.findings import DomainReport, Finding, Record
from reconciler.output.records import RECORD_FORMATS, render_records
from reconciler.output.records_zone import zone_line, zone_lines

KEY = "v=DKIM1; k=rsa; p=" + "A" * 400
RECORDS = (
    Record("example.com", "MX", "10 mail1.example.net.", 3600),
    Record("example.com", "TXT", "v=spf1 include:spf.example.net ~all", 3600),
    Record("s1._domainkey.example.com", "TXT", KEY, 3600),
    Record("autodiscover.example.com", "CNAME", "mail1.example.net.", 3600),
    Record("_autodiscover._tcp.example.com", "SRV", "0 0 443 mail1.example.net.", 3600),
    Record("_dmarc.example.com", "TXT", 'v=DMARC1; p=none; x="\\"', 3600),
)


def report(*records, domain="example.com"):
    check = Finding(id="mx", status="fail", code="X", title="x", fix=tuple(records))
    return DomainReport(domain=domain, server="mail1", checks=(check,))


def read_zone(text, origin="example.com."):
    """Reads a zone file with dnspython into {(name, type, value, ttl)}, with TXT strings joined."""
    rrsets = dns.zonefile.read_rrsets(text, origin=origin, relativize=False, rdclass=None, default_ttl=None)
    found = set()
    for rrset in rrsets:
        for rdata in rrset:
            value = b"".join(rdata.strings).decode() if rrset.rdtype == dns.rdatatype.TXT else rdata.to_text()
            found.add((str(rrset.name).rstrip("."), dns.rdatatype.to_text(rrset.rdtype), value, rrset.ttl))
    return found


def as_rows(records):
    return {(r.name, r.type, r.value, r.ttl) for r in records}


def test_the_zone_format_is_a_zone_file_of_exactly_these_records():
    text = render_records([report(*RECORDS)], "zone")
    assert read_zone(text) == as_rows(RECORDS)
    assert text.startswith("; example.com\n")
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', next(line for line in text.splitlines() if "DKIM1" in line))
    assert [len(s) for s in strings] == [255, len(KEY) - 255]


@pytest.mark.parametrize("size", [254, 255, 256, 510, 511])
@pytest.mark.parametrize("unit", ["A", '"', "é"])
def test_each_txt_string_has_at_most_255_bytes_and_only_the_last_has_fewer(unit, size):
    value = (unit * size)[:size]
    while len(value.encode()) > size:
        value = value[:-1]
    line = zone_line(Record("example.com", "TXT", value, 60)) + "\n"
    ((rdata,),) = dns.zonefile.read_rrsets(line, origin="example.com.", rdclass=None, default_ttl=None)
    lengths = [len(string) for string in rdata.strings]
    assert sum(lengths) == len(value.encode())
    assert all(length == 255 for length in lengths[:-1])
    assert 0 < lengths[-1] <= 255


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=700).filter(lambda s: not any("\ud800" <= c <= "\udfff" for c in s)), st.integers(40, 120))
def test_any_text_survives_a_zone_file_of_any_width(value, width):
    record = Record("example.com", "TXT", value, 60)
    assert read_zone(zone_line(record) + "\n") == as_rows([record])
    lines = zone_lines(record, width)
    assert max(map(len, lines)) <= width
    assert read_zone("\n".join(lines) + "\n") == as_rows([record])


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.type)
def test_each_record_type_survives_line_breaks(record):
    assert read_zone("\n".join(zone_lines(record, 45)) + "\n") == as_rows([record])


def test_json_has_four_fields_and_three_other_forms():
    document = json.loads(render_records([report(*RECORDS)], "json"))
    (domain,) = document["domains"]
    assert document["formatVersion"] == 1
    assert as_rows(RECORDS) == {(r["name"], r["type"], r["value"], r["ttl"]) for r in domain["records"]}
    first = next(r for r in domain["records"] if r["type"] == "CNAME")
    assert first["host"] == "autodiscover"
    assert first["fqdn"] == "autodiscover.example.com."
    assert {r["host"] for r in domain["records"]} >= {"@", "_dmarc", "s1._domainkey"}
    assert first["zoneLine"] == "autodiscover.example.com. 3600 IN CNAME mail1.example.net."


def test_octodns_yaml_loads_and_escapes_semicolons():
    (zone,) = yaml.safe_load_all(render_records([report(*RECORDS)], "octodns"))
    assert zone[""] == [
        {"type": "MX", "ttl": 3600, "values": [{"exchange": "mail1.example.net.", "preference": 10}]},
        {"type": "TXT", "ttl": 3600, "values": ["v=spf1 include:spf.example.net ~all"]},
    ]
    assert zone["autodiscover"] == [{"type": "CNAME", "ttl": 3600, "value": "mail1.example.net."}]
    srv = {"port": 443, "priority": 0, "target": "mail1.example.net.", "weight": 0}
    assert zone["_autodiscover._tcp"] == [{"type": "SRV", "ttl": 3600, "values": [srv]}]
    assert zone["_dmarc"][0]["values"] == ['v=DMARC1\\; p=none\\; x="\\"']
    assert zone["s1._domainkey"][0]["values"] == [KEY.replace(";", "\\;")]


def test_dnscontrol_javascript_has_one_call_per_record():
    text = render_records([report(*RECORDS)], "dnscontrol")
    assert text.startswith('D_EXTEND("example.com",\n')
    assert '  MX("@", 10, "mail1.example.net.", TTL(3600)),\n' in text
    assert '  SRV("_autodiscover._tcp", 0, 0, 443, "mail1.example.net.", TTL(3600)),\n' in text
    assert '  CNAME("autodiscover", "mail1.example.net.", TTL(3600)),\n' in text
    assert f'  TXT("s1._domainkey", {json.dumps(KEY)}, TTL(3600)),\n' in text
    assert text.endswith(");\n")


STRING = r'"(?:[^"\\]|\\.)*"'
CALL = re.compile(rf"  (?:MX|SRV|CNAME|TXT)\({STRING}(?:, (?:{STRING}|[0-9]+))*, TTL\([0-9]+\)\),")


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300).filter(lambda s: not any("\ud800" <= c <= "\udfff" for c in s)))
def test_dnscontrol_strings_read_back_for_any_text(value):
    records = (*RECORDS, Record("x.example.com", "TXT", value, 60))
    head, *calls, end = render_records([report(*records)], "dnscontrol").strip().split("\n")
    assert (head, end) == ('D_EXTEND("example.com",', ");")
    assert all(CALL.fullmatch(call) for call in calls)
    strings = [json.loads(text) for call in calls for text in re.findall(STRING, call)]
    assert value in strings
    assert KEY in strings


@pytest.mark.parametrize("format", sorted(RECORD_FORMATS))
def test_domains_and_records_are_sorted(format):
    one, other = report(*RECORDS), report(Record("a.example", "MX", "10 m.example.", 3600), domain="a.example")
    text = render_records([one, other], format)
    assert text == render_records([other, report(*reversed(RECORDS))], format)
    assert text.index("a.example") < text.index("example.com")
    assert text.isascii()


@pytest.mark.parametrize("format", sorted(RECORD_FORMATS))
def test_no_text_breaks_out_of_its_quotes(format):
    record = Record("example.com", "TXT", '"); evil("\n\\" \u2028 \x1b', 3600)
    text = render_records([report(record)], format)
    assert text.isascii()
    assert not any(line.lstrip().startswith("evil") for line in text.splitlines())
    assert "\x1b" not in text


@pytest.mark.parametrize("format", sorted(RECORD_FORMATS))
def test_a_domain_with_nothing_to_publish_is_still_a_valid_document(format):
    text = render_records([report()], format)
    assert "example.com" in text
    if format == "octodns":
        assert list(yaml.safe_load_all(text)) == [{}]


@pytest.mark.parametrize("format", sorted(RECORD_FORMATS))
def test_a_check_without_result_is_listed_so_that_the_list_is_not_taken_as_complete(format):
    unknown = Finding(id="spf", status="error", code="DNS_UNKNOWN", title="x")
    text = render_records([DomainReport(domain="a.example", server="mail1", checks=(unknown,))], format)
    assert "spf" in text
    assert "DNS_UNKNOWN" in text
