"""Loading YAML: values, locations, and the message and location of each fault."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.config.document.builder import MAX_DEPTH, resolve
from reconciler.config.document.loader import MAX_BYTES, Document, load_file, load_text
from reconciler.core.diagnostics import Diagnostic

MODEST = settings(max_examples=60, deadline=None)


def load(text: str | bytes) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    return load_text(text if isinstance(text, bytes) else text.encode(), "f.yaml")


def good(text: str | bytes) -> Document:
    document, diagnostics = load(text)
    assert diagnostics == ()
    assert document is not None
    return document


def place(document: Document, *path: str | int, key: bool = False) -> tuple[int, int, int, int]:
    span = document.span(path, key=key)
    assert span.file == "f.yaml"
    return span.line, span.column, span.end_line, span.end_column


def reported(text: str | bytes) -> list[str]:
    """`line:column CODE message` of each diagnostic."""
    return [f"{d.span.line}:{d.span.column} {d.code} {d.message}" for d in load(text)[1] if d.span]


def python_only() -> Any:
    """Makes PyYAML behave as if it had been built without libyaml."""
    return patch.dict(sys.modules, {"yaml._yaml": None})


# --- values


def test_keys_are_text_even_if_they_look_like_other_types() -> None:
    document = good(
        "no: 1\n007: 2\n22:30: 3\nnull: 4\n~: 5\ntrue: 6\n1.0: 7\n2026-12-31: 8\n'a b': 9\n<: 10\n0x1F: 11\n"
    )
    assert document.value == {
        "no": 1,
        "007": 2,
        "22:30": 3,
        "null": 4,
        "~": 5,
        "true": 6,
        "1.0": 7,
        "2026-12-31": 8,
        "a b": 9,
        "<": 10,
        "0x1F": 11,
    }


def test_an_empty_key_is_the_empty_text() -> None:
    assert good("{'': 1}").value == {"": 1}


def test_quoted_and_block_scalars_are_text() -> None:
    text = "a: 'true'\nb: \"1\"\nc: |\n  5\nd: >-\n  null\n  x\n"
    assert good(text).value == {"a": "true", "b": "1", "c": "5\n", "d": "null x"}


def test_a_byte_order_mark_is_accepted_and_shifts_no_column() -> None:
    document = good(b"\xef\xbb\xbfa: 1\nb: 2\n")
    assert document.value == {"a": 1, "b": 2}
    assert document.text == "a: 1\nb: 2\n"
    assert place(document, "a", key=True) == (1, 1, 1, 2)


def test_directives_and_document_marks_are_accepted() -> None:
    assert good("%YAML 1.2\n---\na: 1\n...\n").value == {"a": 1}


def test_an_alias_repeats_the_value_of_its_anchor() -> None:
    assert good("a: &x {b: [1]}\nc: *x\nd: &y 5\ne: *y\n").value == {"a": {"b": [1]}, "c": {"b": [1]}, "d": 5, "e": 5}


def test_merge_keys_add_keys() -> None:
    text = "a: &x {b: 1}\nd: &y {c: 2}\ne:\n  <<: [*x, *y]\n  f: 3\ng:\n  <<: *x\n"
    document = good(text)
    assert isinstance(document.value, dict)
    assert document.value["e"] == {"b": 1, "c": 2, "f": 3}
    assert document.value["g"] == {"b": 1}


def test_a_quoted_merge_key_is_an_ordinary_key() -> None:
    assert good('{"<<": 1}').value == {"<<": 1}


# --- locations

PLACED = """\
# é comment
top: 1
é𝄞: "ü"   # after letters beyond ASCII and beyond 16 bits
map:
  inner: {flow: [10, 'x y'], last: }
  empty:
list:
- a
- b: c
  d: e

block: |
  one
  two

after: end
"""


@pytest.mark.parametrize(
    ("path", "of_value", "of_key"),
    [
        ((), (2, 1, 16, 11), (2, 1, 16, 11)),
        (("top",), (2, 6, 2, 7), (2, 1, 2, 4)),
        (("é𝄞",), (3, 5, 3, 8), (3, 1, 3, 3)),
        (("map",), (5, 3, 6, 9), (4, 1, 4, 4)),
        (("map", "inner"), (5, 10, 5, 37), (5, 3, 5, 8)),
        (("map", "inner", "flow"), (5, 17, 5, 28), (5, 11, 5, 15)),
        (("map", "inner", "flow", 0), (5, 18, 5, 20), (5, 18, 5, 20)),
        (("map", "inner", "flow", 1), (5, 22, 5, 27), (5, 22, 5, 27)),
        (("map", "empty"), (6, 9, 6, 9), (6, 3, 6, 8)),
        (("list",), (8, 1, 10, 7), (7, 1, 7, 5)),
        (("list", 1, "d"), (10, 6, 10, 7), (10, 3, 10, 4)),
        (("block",), (12, 8, 14, 6), (12, 1, 12, 6)),
        (("after",), (16, 8, 16, 11), (16, 1, 16, 6)),
        (("map", "missing"), (5, 3, 6, 9), (4, 1, 4, 4)),
        (("list", 7), (8, 1, 10, 7), (7, 1, 7, 5)),
        (("list", "x", "y"), (8, 1, 10, 7), (7, 1, 7, 5)),
        (("missing",), (2, 1, 16, 11), (2, 1, 16, 11)),
    ],
)
@pytest.mark.parametrize("python", [False, True])
def test_every_key_and_value_has_a_location(path: Any, of_value: Any, of_key: Any, python: bool) -> None:
    if python:
        with python_only():
            document = good(PLACED)
    else:
        document = good(PLACED)
    assert place(document, *path) == of_value
    assert place(document, *path, key=True) == of_key


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_each_kind_of_line_break_counts_as_one_line(line_break: str) -> None:
    document = good(line_break.join(["a: 1", "", "b:", "  c: x", ""]))
    assert place(document, "b", "c") == (4, 6, 4, 7)


def test_a_merged_or_aliased_value_has_the_location_of_its_original() -> None:
    document = good("a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n")
    assert place(document, "c") == (2, 4, 2, 6)
    assert place(document, "c", "b") == (1, 11, 1, 12)
    assert place(document, "d", "b", key=True) == (1, 8, 1, 9)


# --- faults

REFUSED = [
    # text, `line:column CODE message` of each diagnostic
    ("a: 1\nb: 2\na: 3\n", ["3:1 YML002 duplicate key 'a', first in line 1"]),
    ("a: 1\n'a': 2\n\"a\": 3\n", ["2:1 YML002 duplicate key 'a', first in line 1", "3:1 YML002 duplicate key 'a', first in line 1"]),
    ("x:\n  b: 1\n  b: 2\ny: {c: 1, c: 2}\n", ["3:3 YML002 duplicate key 'b', first in line 2", "4:11 YML002 duplicate key 'c', first in line 4"]),
    ("<<: {a: 1}\n<<: {b: 1}\n", ["2:1 YML002 duplicate key '<<', first in line 1"]),
    ("a\u200bb: 1\na\u200bb: 2\n", [r"2:1 YML002 duplicate key 'a\u200bb', first in line 1"]),
    (b"a: 1\n\xc3\xa9: x\xff\n", ["2:5 YML003 the byte 0xFF is not valid UTF-8"]),
    (b"\xff\xfea\0:\0", ["1:1 YML003 the file is UTF-16, not UTF-8"]),
    (b"\xef\xbb\xbfa\xff", ["1:2 YML003 the byte 0xFF is not valid UTF-8"]),
    ("a: b\n  \0", ["2:3 YML001 the character U+0000 is not allowed in YAML"]),
    ("a: \x1b[31m", ["1:4 YML001 the character U+001B is not allowed in YAML"]),
    ("# quiet\u2028a: 1\n", ["1:8 YML001 the character U+2028 ends a line in some programs, but not in others"]),
    ("a: &x {b: 1}\nd:\n  b: 3\n  <<: *x\n", ["4:3 YML005 the merge adds a duplicate key 'b': line 3 has it too"]),
    ("a: &x {b: 1}\nd:\n  <<: *x\n  b: 3\n", ["4:3 YML005 duplicate key 'b': line 1, which is merged here, has it too"]),
    ("<<: [{a: 1}, {a: 2}]\n", ["1:1 YML005 the merge adds a duplicate key 'a': line 1 has it too"]),
    ("<<: 3\n", ["1:5 YML005 the value of a merge key must be a mapping or a list of mappings"]),
    ("a: [*nobody]\n", ["1:5 YML005 there is no anchor '&nobody' before this alias"]),
    ("a: &x [1, *x]\n", ["1:11 YML005 the alias '*x' is inside its own anchor"]),
    ("a: &x 1\nb: &x 2\n", ["2:4 YML005 duplicate anchor '&x'"]),
    ("a: 1\n---\nb: 2\n---\nc: 3\n", ["2:1 YML006 a second document begins here"]),
    ("---\n---\na: 1\n", ["2:1 YML006 a second document begins here"]),
    ("", ["1:1 YML006 the file is empty"]),
    ("# only a comment\n", ["1:1 YML006 the file is empty"]),
    ("---\n", ["1:1 YML006 the file is empty"]),
    ("a: !!str 1\nb: !secret x\nc: !!python/object:os.system {}\n", ["1:4 YML007 YAML tags are not supported", "2:4 YML007 YAML tags are not supported", "3:4 YML007 YAML tags are not supported"]),
    ("!!x y: 1\n", ["1:1 YML007 YAML tags are not supported"]),
    ("? [a]\n: 1\n? {b: 1}\n: 2\nc: 3\n", ["1:3 YML008 a key is not text", "3:3 YML008 a key is not text"]),
    ("a: &x b\n*x : 1\n", ["2:1 YML008 a key is not text"]),
    ("a:\n\tb: 1\n", ["2:1 YML001 a tab is used for indentation"]),
    ("a: 'x\nb: 2\n", ["1:4 YML001 the quoted text that begins here is not closed"]),
    ("a: @x\n", ["1:4 YML001 a text cannot begin with @"]),
    ("a: `x`\n", ["1:4 YML001 a text cannot begin with a backquote"]),
    ("a: b: c\n", ["1:5 YML001 a key with a colon is not allowed here"]),
    ("a: {b: 1\n", ["2:1 YML001 a mapping in braces is not closed, or lacks a comma"]),
    ("a: [1, 2\nb: 3\n", ["2:2 YML001 a list in brackets is not closed, or lacks a comma"]),
    ("a: - b\n", ["1:4 YML001 a list item cannot begin here"]),
    ('a: "\\U00110000"\n', ["1:7 YML001 this escape is not a Unicode character"]),
    ("%YAML 2.0\n---\na: 1\n", ["1:1 YML001 this version of YAML is not supported"]),
    ("a: 1\n...\nb: 2\n", ["3:1 YML001 text follows the end of the document"]),
    ("a: 1\na: 2\nb: !t x\nc: [\n", ["2:1 YML002 duplicate key 'a', first in line 1", "3:4 YML007 YAML tags are not supported", "5:1 YML001 a value is missing here"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_each_fault_is_reported_with_its_location(text: str | bytes, expected: list[str]) -> None:
    found = reported(text)
    if expected[-1].endswith("a value is missing here"):  # libyaml has several messages for an unclosed list
        assert found[:-1] == expected[:-1]
        assert found[-1].startswith("5:1 YML001")
    else:
        assert found == expected


@pytest.mark.parametrize(("text", "expected"), [row for row in REFUSED if "escape" not in row[1][-1]])
def test_without_libyaml_the_same_faults_have_the_same_locations(text: str | bytes, expected: list[str]) -> None:
    with python_only():
        found = reported(text)
    assert [row.split(" ")[:2] for row in found] == [row.split(" ")[:2] for row in expected]


@pytest.mark.parametrize("text", ['a: "\\ud800"\n', 'a: "\\U00110000"\n', 'a: "\\UFFFFFFFF"\n'])
@pytest.mark.parametrize("python", [False, True])
def test_both_parsers_reject_an_escape_of_no_character(text: str, python: bool) -> None:
    if python:
        with python_only():
            document, (fault,) = load(text)
    else:
        document, (fault,) = load(text)
    assert document is None
    assert (fault.code, fault.span and fault.span.line) == ("YML001", 1)


def test_a_document_with_a_duplicate_key_has_a_value_with_the_first_one() -> None:
    document, (fault,) = load("a: 1\na: 2\n")
    assert fault.code == "YML002"
    assert document is not None
    assert document.value == {"a": 1}


@pytest.mark.parametrize("text", ["a: *x\n", "a: 1\n---\nb: 1\n", "a: [\n", "", "a: &x [*x]"])
def test_an_unreadable_text_gives_no_document(text: str) -> None:
    document, diagnostics = load(text)
    assert document is None
    assert diagnostics


def test_nesting_has_a_limit() -> None:
    assert good("[" * MAX_DEPTH + "]" * MAX_DEPTH).value is not None
    assert reported("[" * (MAX_DEPTH + 1)) == [f"1:{MAX_DEPTH + 1} YML004 the file has more than {MAX_DEPTH} levels"]
    deep = "".join(f"{' ' * i}k:\n" for i in range(MAX_DEPTH + 1))
    assert reported(deep + " " * (MAX_DEPTH + 1) + "k: 1\n")[0].split(" ")[1] == "YML004"


def test_the_limit_of_nesting_includes_expanded_aliases() -> None:
    half = MAX_DEPTH // 2 + 1
    nested = "[" * half + "1" + "]" * half
    text = f"a: &x {nested}\nb: {'[' * half}*x{']' * half}\n"
    assert [row.split(" ")[1] for row in reported(text)] == ["YML004"]


@pytest.mark.parametrize("through", ["alias", "merge"])
def test_a_bomb_of_aliases_is_rejected_without_expanding_it(through: str) -> None:
    if through == "alias":
        levels = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
        text = "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x, x]", *levels])
    else:
        keys = ", ".join(f"k{i}: 1" for i in range(2000))
        text = f"a: &a {{{keys}}}\n" + "\n".join(f"b{i}: {{<<: *a}}" for i in range(2000))
    document, diagnostics = load(text)
    assert document is None
    assert [d.code for d in diagnostics] == ["YML005"]
    assert diagnostics[0].message == "the aliases add more than 1,000,000 values"
    assert diagnostics[0].span is not None
    assert diagnostics[0].span.line > 1


def test_two_thousand_merges_are_accepted() -> None:
    users = "\n".join(f"u{i}: {{<<: *a, n: {i}}}" for i in range(2000))
    document = good(f"a: &a {{x: 1, y: 2, z: 3}}\n{users}\n")
    assert isinstance(document.value, dict)
    assert document.value["u1999"] == {"x": 1, "y": 2, "z": 3, "n": 1999}


# --- files


def test_a_file_is_read_and_has_the_given_display_name(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1\n")
    document, diagnostics = load_file(path, "domains/a.yaml")
    assert diagnostics == ()
    assert document is not None
    assert (document.file, document.text, document.value) == ("domains/a.yaml", "a: 1\n", {"a": 1})
    assert str(document.span(("a",))) == "domains/a.yaml:1:4"


def test_a_file_over_the_size_limit_is_rejected_and_one_at_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    head = b"a: 1\n#"
    path.write_bytes(head + b"x" * (MAX_BYTES - len(head)))
    assert load_file(path, "big.yaml")[1] == ()
    path.write_bytes(head + b"x" * (MAX_BYTES - len(head) + 1))
    document, (fault,) = load_file(path, "big.yaml")
    assert document is None
    assert str(fault) == "big.yaml:1:1: error: the file is larger than 16 MiB [YML004]"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_an_unreadable_file_is_reported(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    document, (fault,) = load_file(path, "x.yaml")
    assert document is None
    assert fault.code == "YML009"
    assert fault.message.endswith("No such file or directory" if kind == "missing" else "this is not a regular file")


@pytest.mark.parametrize("on", [True, False])
def test_loading_restores_the_state_of_the_garbage_collector(on: bool) -> None:
    was = gc.isenabled()
    try:
        gc.enable() if on else gc.disable()
        load("a: [1")
        good("a: 1")
        assert gc.isenabled() is on
    finally:
        gc.enable() if was else gc.disable()


# --- laws

KEYS = st.text(max_size=8)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-999, 10**12)
    | st.text(max_size=20)
    | st.sampled_from(["NO", "0755", "1:30", "1e3", "0o7", "é: #"])
)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
STYLES = st.sampled_from([None, "'", '"'])


def texts(tree: object) -> object:
    if isinstance(tree, dict):
        return {key: texts(value) for key, value in tree.items()}
    return [texts(item) for item in tree] if isinstance(tree, list) else str(tree)


def dumped(tree: object, style: str | None, flow: bool) -> str:
    tree = texts(tree) if style else tree  # quoted, other values would be tagged
    return yaml.dump(tree, Dumper=yaml.CSafeDumper, default_style=style, default_flow_style=flow, allow_unicode=True)


def printable(text: str) -> bool:
    return not any(c in "\x85\u2028\u2029\ufeff" for c in text)


def reference(node: yaml.Node | None) -> object:
    """The expected value of a composed node: our scalars, and text for keys."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: reference(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [reference(item) for item in node.value]
    assert isinstance(node, yaml.ScalarNode)
    return node.value if node.style else resolve(node.value)


def untagged(tree: object, style: str | None, flow: bool) -> str | None:
    text = dumped(tree, style, flow)
    return text if "!!" not in text and printable(text) else None


@MODEST
@given(st.dictionaries(KEYS, TREES, max_size=5), STYLES, st.booleans())
def test_values_are_equal_to_those_of_pyyamls_composer(tree: dict[str, object], style: str | None, flow: bool) -> None:
    text = untagged(tree, style, flow)
    if text is None:
        return
    expected = reference(yaml.compose(text, Loader=yaml.CSafeLoader))
    assert good(text).value == expected
    with python_only():
        assert good(text).value == expected


def nodes(
    node: yaml.Node | None, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], yaml.Node, bool]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key, True
            yield (*path, key.value), value, False
            yield from nodes(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            yield (*path, i), item, False
            yield from nodes(item, (*path, i))


@MODEST
@given(st.dictionaries(KEYS, TREES, max_size=5), STYLES, st.booleans())
def test_locations_are_equal_to_those_of_pyyamls_composer(
    tree: dict[str, object], style: str | None, flow: bool
) -> None:
    text = untagged(tree, style, flow)
    if text is None:
        return
    documents = [good(text)]
    with python_only():
        documents.append(good(text))
    for path, node, is_key in nodes(yaml.compose(text, Loader=yaml.CSafeLoader), ()):
        for document in documents:
            span = document.span(path, key=is_key)
            assert (span.line, span.column) == (node.start_mark.line + 1, node.start_mark.column + 1)
            if isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">"):
                assert (span.end_line, span.end_column) == (node.end_mark.line + 1, node.end_mark.column + 1)


@MODEST
@given(st.text(alphabet="ab:-[]{}?&*!|>'\"#% \n\t,<é", max_size=40) | st.binary(max_size=40))
def test_no_input_crashes_the_loader_and_every_diagnostic_has_a_location_in_the_file(text: str | bytes) -> None:
    document, diagnostics = load(text)
    assert document is not None or diagnostics
    lines = 1 + (text.encode() if isinstance(text, str) else text).replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(
        b"\n"
    )
    for fault in diagnostics:
        assert fault.span is not None
        assert 1 <= fault.span.line <= lines
        assert (fault.span.line, fault.span.column) <= (fault.span.end_line, fault.span.end_column)
        assert "\n" not in fault.message
