"""The report as CSV: untrusted text never becomes a formula."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.core.findings import DomainReport, Finding, Record, Report
from reconciler.output.report.csv import COLUMNS, MAX_CELL, render_csv

LEADING = "=+-@\t\r\n＝＋－＠"
TEXTS = st.text(max_size=40) | st.text(st.sampled_from(LEADING + "\"',;| a1\x1b\u202e\x00"), max_size=10)


def rows(title: str, value: str = "v=spf1 -all", detail: str = "") -> list[dict[str, str]]:
    check = Finding(
        id="spf", status="fail", code="SPF_X", title=title, detail=detail, found=(Record("example.com", "TXT", value),)
    )
    report = Report((DomainReport(domain="example.com", server=title, checks=(check, check)),))
    return list(csv.DictReader(io.StringIO(render_csv(report))))


@given(TEXTS, TEXTS)
@example("=cmd|' /C calc'!A0", '@SUM(1+1)*cmd|" /C calc"!A0')
@example("\ud800=1", "\r=1+1")
def test_no_cell_is_a_formula_or_leaves_its_cell(title: str, value: str) -> None:
    found = rows(title, value, title)
    assert len(found) == 2
    for row in found:
        assert tuple(row) == COLUMNS
        assert row["domain"] == "example.com" and row["status"] == "fail"
        assert not any(cell.startswith(tuple(LEADING)) for cell in row.values())
        assert all(c == "\n" or c.isprintable() for cell in row.values() for c in cell)


@pytest.mark.parametrize("char", LEADING)
def test_a_formula_gets_an_apostrophe(char: str) -> None:
    assert rows(f"{char}1+1")[0]["title"].startswith("'")


def test_a_truncated_cell_shows_its_original_length() -> None:
    cell = rows("x", "y" * 65_000)[0]["found"]
    assert len(cell) <= MAX_CELL
    assert cell.endswith("characters)")


def test_harmless_cells_are_unchanged() -> None:
    row = rows("There is no SPF record")[0]
    assert row["title"] == "There is no SPF record"
    assert row["found"] == "example.com TXT v=spf1 -all"
