import re

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.findings import DomainReport, Finding, Record, Report
from reconciler.output.report.markdown import render_markdown


def report(**changes):
    usual = {"id": "spf", "status": "fail", "code": "SPF_MISSING", "title": "There is no SPF record"}
    finding = Finding(**{**usual, "reference": "RFC 7208 section 4.5", **changes})
    good = Finding(id="mx", status="pass", code="MX_OK", title="Mail goes to mail1.example.net")
    return Report((DomainReport(domain="example.com", server="mail1", checks=(good, finding)),))


def test_the_table_of_all_checks_precedes_the_problems_with_their_records():
    text = render_markdown(report(fix=(Record("example.com", "TXT", "v=spf1 ~all", 3600),), detail="None."))
    assert text == (
        "# DNS compliance\n"
        "\n"
        "1 domain: 1 pass, 1 fail.\n"
        "\n"
        "| Domain | Server | mx | spf |\n"
        "|---|---|---|---|\n"
        "| example.com | mail1 | ✅ pass | ❌ fail |\n"
        "\n"
        "## example.com\n"
        "\n"
        "### ❌ fail: spf: There is no SPF record\n"
        "\n"
        "- None.\n"
        "- See RFC 7208 section 4.5 (`SPF_MISSING`).\n"
        "\n"
        "Publish:\n"
        "\n"
        "```zone\n"
        'example.com. 3600 IN TXT "v=spf1 ~all"\n'
        "```\n"
    )


def test_a_report_without_domains_is_valid():
    assert render_markdown(Report(())) == "# DNS compliance\n\n0 domains: no checks.\n\n"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_untrusted_text_is_never_markup(title, detail, value):
    record = Record("example.com", "TXT", value, 3600)
    untrusted = report(title=title, detail=detail, found=(record,), fix=(record,))
    plain = report(title="t", detail="d", found=(Record("example.com", "TXT", "v", 3600),), fix=(record,))
    text = render_markdown(untrusted)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text, flags=re.DOTALL)
    assert "<" not in outside
    assert "](" not in outside
    assert all(line.isprintable() for line in text.split("\n"))
    details = len([line for line in detail.split("\n") if line])
    assert len(text.split("\n")) == len(render_markdown(plain).split("\n")) - 1 + details


def test_a_fence_inside_a_value_does_not_end_the_block():
    text = render_markdown(report(fix=(Record("example.com", "TXT", "```\n# x ````", 3600),)))
    assert "`````zone\n" in text
    assert text.endswith("\n`````\n")
    assert "\n# x" not in text


def test_a_pipe_in_a_server_name_makes_no_cell():
    finding = Finding(id="mx", status="pass", code="MX_OK", title="x")
    text = render_markdown(Report((DomainReport(domain="a.example", server="m|<b>", checks=(finding,)),)))
    assert "| a.example | m&#124;&#60;b&#62; | ✅ pass |" in text
