"""The parser's complaints in our words: libyaml says what it missed, a reader wants to know what to change."""

from typing import Final

from yaml import YAMLError

from reconciler.config.document.places import Lines
from reconciler.core.diagnostics import Diagnostic, error

_INDENTED = "check the indentation of this line and the ones above: entries side by side begin in one column"
_QUOTE = 'put the text in quotes: "…"'

_WORDS: Final[tuple[tuple[str, str, str], ...]] = (
    # beginning of libyaml's or PyYAML's problem, our message, our hint
    ("mapping values are not allowed", "a key and its colon are not possible here", f"{_QUOTE}; or {_INDENTED}"),
    ("could not find expected ':'", "a key has no colon behind it", "write `key: value`, with a space after the colon"),
    ("did not find expected key", "something that is no key stands where a key is expected", _INDENTED),
    ("did not find expected '-'", "something that is no list item stands where one is expected", _INDENTED),
    ("expected <block end>", "something stands where the next entry is expected", _INDENTED),
    ("block sequence entries are not", "a list item cannot begin here", "begin the list on a line of its own"),
    ("sequence entries are not", "a list item cannot begin here", "begin the list on a line of its own"),
    ("did not find expected ',' or '}'", "a mapping in braces is not closed, or lacks a comma", "write {a: 1, b: 2}"),
    ("expected ',' or '}'", "a mapping in braces is not closed, or lacks a comma", "write {a: 1, b: 2}"),
    ("did not find expected ',' or ']'", "a list in brackets is not closed, or lacks a comma", "write [a, b]"),
    ("expected ',' or ']'", "a list in brackets is not closed, or lacks a comma", "write [a, b]"),
    ("did not find expected node content", "a value is missing here", "write the value, or {} or [] for an empty one"),
    ("expected the node content", "a value is missing here", "write the value, or {} or [] for an empty one"),
    ("found unexpected end of stream", "a quoted text begins here and is never closed", "close it with the same quote"),
    ("found unexpected document indicator", "a quoted text is not closed before `---` or `...`", "close the quotes"),
    ("found unknown escape character", "this escape is not known in double quotes", "write \\\\ for a backslash"),
    ("did not find expected hexdecimal number", "this escape needs hexadecimal digits", "as in \\u00e9"),
    ("expected escape sequence", "this escape needs hexadecimal digits", "as in \\u00e9"),
    ("found invalid Unicode character escape", "this escape is no Unicode character", ""),
    ("found undefined tag handle", "a tag is used", "leave tags (!name) out"),
    ("did not find expected <document start>", "text follows the end of the document", _INDENTED),
    ("expected '<document start>'", "text follows the end of the document", _INDENTED),
    ("exceeded maximum nesting depth", "the file is nested much too deeply", ""),
    ("found incompatible YAML document", "this version of YAML is not supported", "leave the %YAML line out"),
)
_AT_CONTEXT = "found unexpected end of stream"
"""The one complaint whose useful place is where the quoted text began, not the end of the file."""

_STARTERS: Final[dict[str, tuple[str, str]]] = {
    "\t": ("a tab is used for indentation", "use spaces"),
    "@": ("a text cannot begin with @", _QUOTE),
    "`": ("a text cannot begin with a backquote", _QUOTE),
    "%": ("a text cannot begin with %", _QUOTE),
}


def explain_syntax(fault: YAMLError, lines: Lines) -> Diagnostic:
    """A parser's exception as a diagnostic with its place."""
    problem = str(getattr(fault, "problem", None) or fault)
    mark = getattr(fault, "problem_mark", None)
    if problem.startswith(_AT_CONTEXT):
        mark = getattr(fault, "context_mark", None) or mark
    index = min(mark.index, len(lines.text)) if mark is not None else 0
    message, hint = _words(problem, lines.text, index)
    code = "YML004" if "nesting depth" in problem else "YML001"
    return error(code, message, lines.span(index, index + 1 if index < len(lines.text) else index), hint=hint)


def _words(problem: str, text: str, index: int) -> tuple[str, str]:
    if "cannot start any token" in problem or "that cannot start" in problem:
        found = text[index : index + 1]
        return _STARTERS.get(found, (f"a text cannot begin with {found!r}", _QUOTE))
    line = text[text.rfind("\n", 0, index) + 1 : index + 1]
    if "\t" in line and not line.strip():
        return _STARTERS["\t"]
    for beginning, message, hint in _WORDS:
        if problem.startswith(beginning):
            return message, hint
    return f"not valid YAML: {' '.join(problem.split())[:200]}", ""
