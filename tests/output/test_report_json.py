import json

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.findings import DomainReport, Finding, Record, Report, SpfTerm, SpfTree
from reconciler.output.report.json import render_json

RECORD = Record("example.com", "TXT", "v=spf1 ~all", 3600)
FOUND = Record("example.com", "TXT", "\x1b]0;x\x07\u202e“")


def report(*names, alias=None):
    check = Finding(
        id="spf",
        status="fail",
        code="SPF_MISSING",
        title="There is no SPF record",
        detail="None.",
        expected=(RECORD,),
        found=(FOUND,),
        fix=(RECORD,),
        reference="RFC 7208 section 4.5",
    )
    return Report(tuple(DomainReport(domain=n, server="mail1", checks=(check,), alias_of=alias) for n in names))


def test_the_document_follows_the_contract(schema, generated):
    document = json.loads(render_json(report("example.com", alias="example.net"), generated))
    schema("report").validate(document)
    assert document["formatVersion"] == 1
    assert document["summary"] == {"pass": 0, "warn": 0, "fail": 1, "skip": 0, "error": 0, "domains": 1}
    (domain,) = document["domains"]
    assert {key: domain[key] for key in ("domain", "server", "aliasOf", "status")} == {
        "domain": "example.com",
        "server": "mail1",
        "aliasOf": "example.net",
        "status": "fail",
    }
    (check,) = domain["checks"]
    assert check["fix"] == [{"name": "example.com", "type": "TXT", "ttl": 3600, "value": "v=spf1 ~all"}]
    assert check["found"] == [{"name": "example.com", "type": "TXT", "ttl": None, "value": FOUND.value}]
    assert (check["id"], check["status"], check["code"]) == ("spf", "fail", "SPF_MISSING")


def test_the_schema_is_closed_and_describes_each_property(schema, generated):
    validator = schema("report")
    document = json.loads(render_json(report("example.com"), generated))
    for place in (document, document["domains"][0], document["domains"][0]["checks"][0], document["summary"]):
        place["surprise"] = 1
        assert not validator.is_valid(document)
        del place["surprise"]
    assert validator.is_valid(document)

    def described(node):
        for name, value in node.get("properties", {}).items():
            assert value.get("description"), name
            described(value)
        for value in node.get("$defs", {}).values():
            described(value)

    described(validator.schema)


def test_untrusted_values_arrive_unchanged_in_ascii(generated):
    text = render_json(report("example.com"), generated)
    assert text.isascii()
    assert json.loads(text)["domains"][0]["checks"][0]["found"][0]["value"] == FOUND.value


@settings(max_examples=30, deadline=None)
@given(st.permutations(["a.example", "b.example", "c.example"]))
def test_equal_reports_give_equal_bytes_except_for_the_header(names):
    first = render_json(report(*names), {"time": "1"})
    second = render_json(report("a.example", "b.example", "c.example"), {"time": "2"})
    assert first.replace('"time": "1"', "") == second.replace('"time": "2"', "")


def test_an_spf_tree_is_nested_and_fits_the_schema(schema, generated):
    child = SpfTree(domain="b.example", record="v=spf1 -all", lookups=0, terms=(SpfTerm(text="-all", total=1),))
    top = (
        SpfTerm(text="include:b.example", lookups=1, total=1, child=child),
        SpfTerm(text="a:x.example", lookups=1, total=2, void=True, unknown="SERVFAIL"),
        SpfTerm(text="ip4:x", total=2, fault="x is no IPv4 range"),
    )
    tree = SpfTree(domain="example.com", record="v=spf1 …", lookups=2, terms=top, omitted=3)
    check = Finding(id="spf", status="pass", code="SPF_OK", title="The record is valid", tree=tree)
    made = Report((DomainReport(domain="example.com", server="mail1", checks=(check,)),))
    document = json.loads(render_json(made, generated))
    schema("report").validate(document)
    found = document["domains"][0]["checks"][0]["tree"]
    assert found["terms"][0]["child"]["terms"] == [
        {
            "text": "-all",
            "lookups": 0,
            "total": 1,
            "void": False,
            "fault": "",
            "unknown": "",
            "ignored": False,
            "child": None,
        }
    ]
    assert [term["void"] for term in found["terms"]] == [False, True, False]
    found["terms"][0]["child"]["surprise"] = 1
    assert not schema("report").is_valid(document)
