"""Untrusted text is shown on a terminal and never controls it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.output.terminal import Piece, Style, columns, flow, safe, visible, words


@pytest.mark.parametrize(
    ("untrusted", "shown"),
    [
        ("plain text, Grüße, 漢字", "plain text, Grüße, 漢字"),
        ("a\nb", "a\\u{a}b"),
        ("\x1b[2J", "\\u{1b}[2J"),
        ("\x9b2J", "\\u{9b}2J"),
        ("\u202eevil\u2066", "\\u{202e}evil\\u{2066}"),
        ("a\u200bb\u200d\ufeff", "a\\u{200b}b\\u{200d}\\u{feff}"),
        ("a\u00adb", "a\\u{ad}b"),
        ("\u3164\ufe0f\U000e0101", "\\u{3164}\\u{fe0f}\\u{e0101}"),
        ("\ud800", "\\u{d800}"),
        ("a\u00a0b\u3000c", "a\\u{a0}b\u3000c"),
        ("::error::x", "\\u{3a}:error::x"),
        ("x ##[add-mask]y", "x #\\u{23}[add-mask]y"),
    ],
)
def test_invisible_characters_are_spelled_out(untrusted: str, shown: str) -> None:
    assert safe(untrusted) == shown


def test_only_runner_commands_are_escaped() -> None:
    assert visible("::x ##") == "::x ##"
    assert safe("2001:db8::1 # x") == "2001:db8::1 # x"


def test_wide_characters_take_two_cells_and_combining_ones_none() -> None:
    assert (columns("abc"), columns("漢字"), columns("e\u0301"), columns("")) == (3, 4, 1, 0)


def test_text_without_color_is_unchanged() -> None:
    assert Style(False)("x", "bold", "red") == "x"
    assert Style(True)("x", "bold", "red") == "\033[1;31mx\033[0m"
    assert Style(True)("", "red") == ""


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=300), width=st.integers(40, 100), indent=st.integers(0, 12))
def test_wrapped_text_fits_and_loses_nothing_but_spaces(text: str, width: int, indent: int) -> None:
    shown = visible(text)
    lines = list(flow(words(shown), indent=indent, hang=4, width=width, style=Style(False)))
    assert max(columns(line) for line in lines) <= width
    assert "".join("".join(lines).split()).replace("\\u{3a}:", "::") == "".join(shown.split()).replace("\\u{3a}:", "::")


def test_a_solid_piece_is_never_cut_and_no_continuation_is_a_command() -> None:
    pieces = [Piece("to:"), Piece("x" * 70 + ",", solid=True), Piece("::error::x@a.example", solid=True)]
    assert list(flow(pieces, indent=2, hang=4, width=40, style=Style(False))) == [
        "  to:",
        "    " + "x" * 70 + ",",
        "    \\u{3a}:error::x@a.example",
    ]
