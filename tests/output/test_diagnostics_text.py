"""Diagnostics as text: complete screens, snippets without secrets, untrusted text."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.diagnostics import Diagnostic, error, info, warning
from reconciler.core.source import Span
from reconciler.output.diagnostics_text import render_diagnostics
from reconciler.output.terminal import columns

FILE = "domains/example.com.yaml"
TEXT = """\
domain: example.com
mailboxes:
  alice:
    quota: 5 Gib
\tbob: {}
  漢字名前: {quota: 漢}
"""


def screen(diagnostics: list[Diagnostic], text: str = TEXT, **more: Any) -> str:
    given = {"color": False, "snippets": True, "width": 80} | more
    return "".join(line + "\n" for line in render_diagnostics(diagnostics, {FILE: text}, **given))


def test_a_diagnostic_has_location_source_line_and_hint() -> None:
    listed = [
        warning("NAM001", "wide characters", Span(FILE, 6, 17, 6, 18)),
        error("SCH001", "not a size", Span(FILE, 4, 12, 4, 17), hint='write "5 GiB"'),
        error("YML001", "a tab", Span(FILE, 5, 2, 5, 5)),
        info("WSP001", "no place"),
        error("WSP001", "a file that is not here", Span("reconciler.yaml", 1, 1)),
    ]
    assert screen(listed) == (
        "info: no place [WSP001]\n"
        "domains/example.com.yaml:4:12: error: not a size [SCH001]\n"
        "    4 |     quota: 5 Gib\n"
        "      |            ^^^^^\n"
        '  hint: write "5 GiB"\n'
        "domains/example.com.yaml:5:2: error: a tab [YML001]\n"
        "    5 |     bob: {}\n"
        "      |     ^^^\n"
        "domains/example.com.yaml:6:17: warning: wide characters [NAM001]\n"
        "    6 |   漢字名前: {quota: 漢}\n"
        "      |                     ^^\n"
        "reconciler.yaml:1:1: error: a file that is not here [WSP001]\n"
        "3 errors, 1 warning, 1 note in 2 files.\n"
    )


def test_without_a_terminal_there_are_no_snippets() -> None:
    assert screen([error("SCH001", "not a size", Span(FILE, 4, 12, 4, 17))], snippets=False) == (
        "domains/example.com.yaml:4:12: error: not a size [SCH001]\n1 error in 1 file.\n"
    )


def test_no_diagnostics_give_no_output() -> None:
    assert screen([]) == ""


def test_a_long_line_is_shown_around_the_span_and_fits() -> None:
    text = "x" * 500 + "WRONG" + "y" * 500 + "\n"
    lines = screen([error("SCH001", "bad", Span(FILE, 1, 501, 1, 506))], text).splitlines()
    source, marks = lines[1], lines[2]
    assert source[8] == "…"
    assert source[-1] == "…"
    assert source[marks.index("^") : marks.rindex("^") + 1] == "WRONG"
    assert columns(source) <= 80


@pytest.mark.parametrize(
    "span",
    [Span(FILE, 1, 1, 1, 1), Span(FILE, 1, 900, 1, 950), Span(FILE, 1, 1, 9, 9), Span(FILE, 99, 1), Span(FILE, 0, 0)],
)
def test_a_span_outside_the_text_breaks_nothing(span: Span) -> None:
    assert screen([error("SCH001", "bad", span)], "short\n").endswith("1 error in 1 file.\n")


SECRET = "hunter2"


@pytest.mark.parametrize(
    "diagnostics",
    [
        [error("SEC001", "a secret is written in plain text", Span(FILE, 3, 15, 3, 22))],
        [error("SEC001", "in clear", Span(FILE, 3, 15, 3, 22)), error("SCH001", "no mapping", Span(FILE, 3, 15, 3, 22))],
        [error("SCH001", "no mapping", Span(FILE, 3, 15, 3, 22))],
        [error("YML001", "not valid YAML", Span(FILE, 3, 1, 3, 2))],
    ],
)  # fmt: skip
def test_no_diagnostic_shows_a_line_with_a_secret(diagnostics: list[Diagnostic]) -> None:
    shown = screen(diagnostics, f"mailboxes:\n  alice:\n    password: {SECRET}\n")
    assert SECRET not in shown
    assert "line not shown: it may contain a secret" in shown


@pytest.mark.parametrize("above", ["password:", "password: |", '"password": >-'])
def test_a_secret_on_the_line_below_its_key_is_not_shown_either(above: str) -> None:
    shown = screen([error("YML001", "not valid YAML", Span(FILE, 2, 1, 2, 2))], f"    {above}\n      {SECRET}\n")
    assert SECRET not in shown


def test_every_line_of_a_secret_over_several_lines_is_hidden() -> None:
    diagnostics = [error("SEC001", "in clear", Span(FILE, 1, 1, 3, 5)), error("SCH001", "x", Span(FILE, 2, 1, 2, 3))]
    assert SECRET not in screen(diagnostics, f"- |\n  {SECRET}\n  {SECRET}\n")


def test_a_reference_to_a_secret_is_shown() -> None:
    shown = screen([error("SCH001", "bad", Span(FILE, 1, 1, 1, 9))], "password: {env: ALICE_PASSWORD}\n")
    assert "    1 | password: {env: ALICE_PASSWORD}\n" in shown


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_no_untrusted_control_character_reaches_the_terminal(
    data: st.DataObject, any_diagnostics: Any, any_text: st.SearchStrategy[str], is_quiet: Callable[[str], bool]
) -> None:
    listed = data.draw(any_diagnostics)
    texts = {d.span.file: data.draw(any_text) for d in listed if d.span}
    for line in render_diagnostics(listed, texts, color=False, snippets=True, width=80):
        assert is_quiet(line)
        assert not line.lstrip().startswith("::")


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(st.sampled_from("ab \t漢e\u0301\u202e"), max_size=200),
    column=st.integers(0, 220),
    length=st.integers(0, 220),
)
def test_snippets_fit_and_the_underline_is_below_the_source(text: str, column: int, length: int) -> None:
    span = Span(FILE, 1, column, 1, column + length)
    lines = list(render_diagnostics([error("SCH001", "bad", span)], {FILE: text}, color=False, snippets=True, width=60))
    assert len(lines) == 4
    assert columns(lines[1]) <= 60
    assert "^" in lines[2]
    assert columns(lines[2]) <= max(columns(lines[1]), 8) + 1
