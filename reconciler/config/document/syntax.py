"""Explains syntax errors: libyaml names the token that it missed, but a user needs to know what to change."""

from typing import Final

from yaml import YAMLError

from reconciler.config.document.places import Lines
from reconciler.core.diagnostics import Diagnostic, error

_INDENTED = "check the indentation of this line and the lines above: entries of one level begin in one column"
_QUOTE = 'put the text in quotes: "…"'

# The first row whose start matches counts. PyYAML and libyaml word some faults differently, so some rows repeat.
_WORDS: Final[tuple[tuple[str, str, str], ...]] = (
    # start of libyaml's or PyYAML's message, our message, our hint
    ("mapping values are not allowed", "a key with a colon is not allowed here", f"{_QUOTE}; or {_INDENTED}"),
    ("could not find expected ':'", "a key has no colon after it", "write `key: value`, with a space after the colon"),
    ("did not find expected key", "a key is expected here", _INDENTED),
    ("did not find expected '-'", "a list item is expected here", _INDENTED),
    ("expected <block end>", "the next entry is expected here", _INDENTED),
    ("block sequence entries are not", "a list item cannot begin here", "begin the list on its own line"),
    ("sequence entries are not", "a list item cannot begin here", "begin the list on its own line"),
    ("did not find expected ',' or '}'", "a mapping in braces is not closed, or lacks a comma", "write {a: 1, b: 2}"),
    ("expected ',' or '}'", "a mapping in braces is not closed, or lacks a comma", "write {a: 1, b: 2}"),
    ("did not find expected ',' or ']'", "a list in brackets is not closed, or lacks a comma", "write [a, b]"),
    ("expected ',' or ']'", "a list in brackets is not closed, or lacks a comma", "write [a, b]"),
    ("did not find expected node content", "a value is missing here", "write the value, or {} or [] for an empty one"),
    ("expected the node content", "a value is missing here", "write the value, or {} or [] for an empty one"),
    (
        "found unexpected end of stream",
        "the quoted text that begins here is not closed",
        "add the closing quote",
    ),
    ("found unexpected document indicator", "a quoted text is not closed before `---` or `...`", "close the quotes"),
    ("found unknown escape character", "unknown escape in double quotes", "write \\\\ for a backslash"),
    ("did not find expected hexdecimal number", "this escape needs hexadecimal digits", "write it like \\u00e9"),
    ("expected escape sequence", "this escape needs hexadecimal digits", "write it like \\u00e9"),
    ("found invalid Unicode character escape", "this escape is not a Unicode character", ""),
    ("found undefined tag handle", "YAML tags are not supported", "remove the tag (!name)"),
    ("did not find expected <document start>", "text follows the end of the document", _INDENTED),
    ("expected '<document start>'", "text follows the end of the document", _INDENTED),
    ("exceeded maximum nesting depth", "the file has too many levels of nesting", ""),
    ("found incompatible YAML document", "this version of YAML is not supported", "remove the %YAML line"),
)
_AT_CONTEXT = "found unexpected end of stream"
"""For this error the start of the quoted text is the useful location, not the end of the file."""

_STARTERS: Final[dict[str, tuple[str, str]]] = {
    "\t": ("a tab is used for indentation", "use spaces"),
    "@": ("a text cannot begin with @", _QUOTE),
    "`": ("a text cannot begin with a backquote", _QUOTE),
    "%": ("a text cannot begin with %", _QUOTE),
}


def explain_syntax(fault: YAMLError, lines: Lines) -> Diagnostic:
    """A parser's exception as a diagnostic with its location."""
    problem = str(getattr(fault, "problem", None) or fault)
    mark = getattr(fault, "problem_mark", None)
    if problem.startswith(_AT_CONTEXT):
        mark = getattr(fault, "context_mark", None) or mark
    # At the end of the file, libyaml may report an index after the last character.
    index = min(mark.index, len(lines.text)) if mark is not None else 0
    message, hint = _words(problem, lines.text, index)
    code = "YML004" if "nesting depth" in problem else "YML001"
    return error(code, message, lines.span(index, index + 1 if index < len(lines.text) else index), hint=hint)


def _words(problem: str, text: str, index: int) -> tuple[str, str]:
    if "cannot start any token" in problem or "that cannot start" in problem:
        found = text[index : index + 1]
        return _STARTERS.get(found, (f"a text cannot begin with {found!r}", _QUOTE))
    # libyaml reports a tab in the indentation as some other error, depending on the lines around it.
    line = text[text.rfind("\n", 0, index) + 1 : index + 1]
    if "\t" in line and not line.strip():
        return _STARTERS["\t"]
    for beginning, message, hint in _WORDS:
        if problem.startswith(beginning):
            return message, hint
    return f"not valid YAML: {' '.join(problem.split())[:200]}", ""
