"""YAML text of our own: scalars, lists and mappings, on one line or as lines.

Short forms where they say it all, and quotes exactly where a reader of YAML, ours or another (1.1 or 1.2), would see
something else than this text.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

Tree = str | Sequence[str] | Mapping[str, "Tree"]
"""What is to be written, keys and texts ready for YAML (see `scalar`): a text, a list of texts, or a mapping."""

STEP = 2
"""Columns that each level is indented by, where a file has no habit of its own."""

_PLAIN = re.compile(r"[^\W\d_][\w.+@/-]*(?: [\w.+@/-]+)*")
_WIDTH = 100
"""A list that would make a longer line is written one item a line, which also reviews better."""
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_NOTE_WIDTH = 400
"""Characters of the longest comment: whoever names things on a server does not fill files here."""


def scalar(text: str) -> str:
    """A text as a YAML scalar, plain where every YAML reader takes it for this text, else in double quotes."""
    if text.lower() not in _WORDS and _PLAIN.fullmatch(text):
        return text
    return f'"{"".join(_ESCAPES.get(c) or _escaped(c) for c in text)}"'


def comment(text: str) -> str:
    r"""A comment line without its line end. Nothing in it ends the line or turns its direction: that is escaped."""
    line = "".join(_escaped(c) for c in text)
    return f"# {line if len(line) <= _NOTE_WIDTH else line[: _NOTE_WIDTH - 1] + '…'}"


def flow_text(tree: Tree) -> str:
    """All of it on one line, inside other flow text too."""
    if isinstance(tree, str):
        return tree
    if isinstance(tree, Mapping):
        return f"{{{', '.join(f'{key}: {flow_text(value)}' for key, value in tree.items())}}}"
    return f"[{', '.join(tree)}]"


def block(key: str, tree: Tree, step: int = STEP) -> Iterator[str]:
    """A key with its value as lines; a mapping that is empty is `{}`, for what is there and empty is managed."""
    if isinstance(tree, str):
        yield f"{key}: {tree}"
        return
    if isinstance(tree, Mapping):
        lines: Iterable[str] = [line for name, value in tree.items() for line in block(name, value, step)]
    else:
        lines = [f"- {text}" for text in tree] if len(f"{key}: {flow_text(tree)}") > _WIDTH else ()
    yield f"{key}:" if lines else f"{key}: {flow_text(tree)}"
    yield from (" " * step + line for line in lines)


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF:
        return "\N{REPLACEMENT CHARACTER}"
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
