"""The prose of the project contains no banned words: in pages, help, messages, comments, schemas, web pages and templates.

`.venv/bin/python tests/docs/test_english.py PATH...` lists the hits in single files or folders.
"""

import ast
import io
import json
import re
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BANNED = (
    # Terms. Left: a regular expression, between word boundaries. Right: what to write.
    (r"sign(?:s|ing)?[ -]ins?|signed in(?! CI)|signing (?:in|out)|sign-?outs?", "log in, login, log out"),
    (r"doubt(?:s|ed|ful|fully)?", "ambiguous, the outcome is unknown"),
    (r"seats?", "EAS or MAPI activation, EAS accounts"),
    (r"pace[sd]?|tickets?", "concurrency limit, limiter, permit"),
    (r"remarks?", "note"),
    (r"masked(?=:| changes?| hidden| resources?)|(?:is|are|not) masked", "hidden by this change"),
    (r"shares? of (?:a|the|this) change(?: set)?", "attribution"),
    (r"(?:has|have|had|what) moved|moved (?:since|meanwhile|in the meantime)|who moved", "changed since the plan, stale"),
    # The journal and the documents have the value "already as wanted", which is a contract.
    (r"(?<!already\s)as wanted|settled", "already in place"),
    (r"said|told", "reported, shown (or name the actor)"),
    (r"strangers?|hostile", "untrusted"),
    (r"mend(?:s|ed|ing)?", "fix"),
    (r"(?-i:knots?)|in a ring|a ring of|(?:mail|alias|the|no|this) rings?", "cycle, mail loop"),
    (r"shield(?:s|ed)?", "protection, protect"),
    (r"firmness|keen(?:ly|ness)?", "priority, last attempt"),
    (r"bells?", "wake-up"),
    (r"the hands|(?:other|many|somebody's|strange) hands", "out-of-band edits"),
    (r"the ways? back|lead back", "reversal, rollback"),
    (r"the ways? out|no way out", "remedy (or an imperative: Set ...)"),
    (r"exfiltrat\w+", "external forwarding"),
    (r"mail-loss", "deletes mail"),
    (r"for (?:its|their|his|her) sake|for the sake of", "for"),
    (r"(?:the|a|its|his|their|of|for|is|be|are|not|no|read|was) whole(?! numbers?| days| hours)", "complete, entire, all"),
    (r"wholly", "completely"),
    (r"gravest|graver|as grave as", "worst, most severe"),
    (r"departures?", "removed addresses"),
    (r"(?:point|points|pointing) (?:at|to) (?:what|one that) goes", "references to deleted addresses"),
    (r"plain files?", "regular file"),
    # Clauses that name no thing.
    (r"(?:that|which|what|one that) (?:is|are) none", "name the thing: an invalid recipient"),
    (r"what (?:goes|stands|is gone|points|moved|was asked|was meant)", "name the thing"),
    (r"(?:mailbox|mailboxes|alias|aliases|name|address|one)(?: that)? goes?(?=[.,;:)])", "is deleted"),
    (r"go(?:es)? (?:round|by itself|side by side|along with)", "loops, runs, is deleted together with"),
    (r"(?<!there\s)is no (?:day|date|plain|regular|valid|number|address|error|fault|risk|version)", "is not a ..."),
    (r"whoever|whosoever|whomever|whichever", "name the actor: a user who ..."),
    (r"(?:stands|stood|stand) (?:in|at|on|there|beside|above|below|between|twice|first|alone)", "is"),
    (r"how (?:they|it|things|(?:the|each|a) (?:mail )?domains?) stands?|as (?:it|they) stands?", "status, state"),
    (r"lets? (?:\w+ ){0,3}pass", "allows"),
    (r"is (?:had|meant)|are had", "name the actor, or: intended"),
    (r"is that (?:which|what)|it is that", "say it directly"),
    (r"for want of|in vain|of its own accord|out of hand", "because ... is missing, without effect"),
    (r"finds? (?:its|their|the) way", "reaches"),
    (r"for (?:it|they|there|he|she|nobody) (?:is|are|was|were|has|have|had|may|can|could|must|would|does|do)", "because"),
    (r"(?:is|are) taken (?:to be|for)|(?:is|are) no more|may be had|of old|as the case may be", "plain words"),
    (r"would have it|as ever|(?<!are\s)all the same|much the same", "still, as before (or leave it out)"),
    (r"(?:is|are|was|be) (?:sold|brought in)", "the product allows, imported"),
    # Archaic and poetic words.
    (r"anew", "again"),
    (r"besides?", "also, in addition, next to"),
    (r"amid|amidst|amongst|whilst", "among, during, while"),
    (r"doomed", "cannot succeed"),
    (r"yonder|thence|whence|hence|hereof|hereby|thereof|thereby|thereupon|whereupon|wherein", "plain words"),
    (r"lest", "so that ... not"),
    (r"n[ao]ught", "nothing, zero"),
    (r"hitherto|henceforth|forthwith", "until now, from now on, immediately"),
    (r"heed(?:s|ed|ing)?", "follow, use"),
    (r"howsoever|wheresoever|whatsoever", "leave it out"),
    (r"needs? no word|a word about|in so many words", "plain words"),
    (r"nobody's business|(?:the )?host's business", "the host does it"),
    # American spelling.
    (r"colour(?:s|ed|ing|less)?", "color"),
    (r"behaviours?", "behavior"),
    (r"honour(?:s|ed|ing)?", "honor"),
    (r"favour(?:s|ed|ite)?", "favor"),
    (r"neighbour\w*", "neighbor"),
    (r"artefacts?", "artifact"),
    (r"centres?|centred", "center"),
    (r"licences?", "license"),
    (r"judgements?", "judgment"),
    (r"(?:recogn|normal|serial|initial|author|organ|minim|maxim|summar|canonical|capital|final|util|synchron|token)is(?:e|es|ed|ing|ation|er)",
     "-ize"),
)  # fmt: skip
"""Word or phrase (a regular expression) -> what to write. `code in backticks` and link targets may have any word."""

SPACE = r"\s+"  # a phrase may continue on the next line
PATTERNS = tuple(
    (re.compile(rf"(?<![\w/-])(?:{word.replace(' ', SPACE)})(?![\w-])", re.IGNORECASE), use) for word, use in BANNED
)
CODE = re.compile(r"(?<!`)(`{1,2})(?!`)(?:(?!\n\s*\n)[^`])+\1(?!`)")
JSON_FENCE = re.compile(r"^```json\n.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\([^)]*\)|<a id=[^>]*>|https?://\S+")

Prose = Iterator[tuple[int, str]]
"""Pieces of text, each with the line on which it begins."""


def hits(path: Path) -> list[str]:
    """All banned words in a file: `file:line: word -> what to write`."""
    read = READERS[path.suffix]
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    return list(found(name, read(path.read_text("utf-8"))))


def found(name: str, prose: Iterable[tuple[int, str]]) -> Iterator[str]:
    """The banned words in some pieces of text."""
    for first, text in prose:
        plain = without_code(text)
        places = [(match.start(), match[0], use) for pattern, use in PATTERNS for match in pattern.finditer(plain)]
        for start, word, use in sorted(places):
            line = first + plain.count("\n", 0, start)
            yield f"{name}:{line}: {' '.join(word.split())} -> {use}"


def without_code(text: str) -> str:
    """The text with blanks instead of code, JSON and link targets; every line stays where it is."""
    for pattern in (JSON_FENCE, LINK, CODE):
        text = pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    return text


def whole_file(text: str) -> Prose:
    """Markdown, YAML, templates, style sheets and scripts: everything is read."""
    yield 1, text


def of_python(text: str) -> Prose:
    """Docstrings, string literals with a space in them, and comments. Identifiers and values like "mail-loss" are not prose."""
    yield from _strings(ast.parse(text))
    yield from _comments(text)


def _strings(node: ast.AST) -> Prose:
    if isinstance(node, ast.JoinedStr):
        parts = (str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        yield from _prose(node, "".join(parts))
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from _prose(node, node.value)
    for child in ast.iter_child_nodes(node):
        yield from _strings(child)


def _prose(node: ast.expr, text: str) -> Prose:
    """A literal, if it contains a space. Only a literal on several lines has line numbers of its own."""
    if " " in text:
        yield node.lineno, text if node.end_lineno != node.lineno else text.replace("\n", " ")


def _comments(text: str) -> Prose:
    """Comments; those on consecutive lines are one piece, because a phrase may continue on the next line."""
    block: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        if block and token.start[0] == last + 1:
            block.append(token.string.lstrip("#"))
        else:
            if block:
                yield first, "\n".join(block)
            first, block = token.start[0], [token.string.lstrip("#")]
        last = token.start[0]
    if block:
        yield first, "\n".join(block)


def of_json(text: str) -> Prose:
    """Schemas: titles and descriptions. Catalogs of the web pages: all texts."""
    texts = json.loads(text).get("texts")
    values = texts.values() if texts else _described(json.loads(text))
    for value in values:
        place = text.find(json.dumps(value, ensure_ascii=False))
        yield text.count("\n", 0, max(place, 0)) + 1, value


def _described(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _described(item)
    elif isinstance(node, dict):
        yield from (node[key] for key in ("title", "description", "$comment") if isinstance(node.get(key), str))
        for item in node.values():
            yield from _described(item)


READERS: dict[str, Callable[[str], Prose]] = {
    ".py": of_python,
    ".json": of_json,
    **dict.fromkeys((".md", ".yml", ".yaml", ".html", ".css", ".js"), whole_file),
}
SCOPES = {
    "the pages": ("*.md", "docs/**/*.md", "docs/*.py"),
    "the program": ("reconciler/**/*.py",),
    "the schemas": ("schemas/*.json",),
    "the web pages": ("reconciler/output/html/**/*.html", "reconciler/output/html/**/*.css",
                      "reconciler/output/html/**/*.js", "reconciler/output/html/**/en.json"),
    "the CI templates and the starter": ("reconciler/**/*.yml", "reconciler/**/*.yaml", ".pre-commit-hooks.yaml"),
    "the examples": ("examples/**/*.yaml",),
}  # fmt: skip


def files(patterns: Iterable[str]) -> list[Path]:
    """The files of a scope. Generated samples that nobody writes (docs/findings) are read like all others."""
    return sorted({path for pattern in patterns for path in ROOT.glob(pattern)})


def helps() -> Iterator[tuple[str, str]]:
    """Each command with its --help, commands of groups included."""
    import click
    from click.testing import CliRunner

    from reconciler.cli.main import cli

    def walk(command: click.Command, words: list[str]) -> Iterator[tuple[str, str]]:
        shown = CliRunner().invoke(cli, [*words, "--help"], prog_name="reconciler", env={"COLUMNS": "80"})
        assert shown.exit_code == 0, shown.output
        yield " ".join(["reconciler", *words, "--help"]), shown.output
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                yield from walk(inner, [*words, name])

    yield from walk(cli, [])


@pytest.mark.source
@pytest.mark.parametrize("scope", SCOPES)
def test_the_prose_has_no_banned_word(scope: str) -> None:
    read = files(SCOPES[scope])
    assert read, "no file matches"
    report = [hit for path in read for hit in hits(path)]
    assert not report, "\n".join(report)


def test_the_help_of_every_command_has_no_banned_word() -> None:
    report = [hit for name, text in helps() for hit in found(name, [(1, text)])]
    assert not report, "\n".join(report)


def test_a_banned_word_is_found_in_each_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("One.\nThis has\nmoved since, `as wanted` [x](anew.md).\n", "utf-8")
    (tmp_path / "b.py").write_text(
        '"""Write anew."""\nx = f"it is {1}\\ndoomed"  # a seat\nrisk = "mail-loss"\n', "utf-8"
    )
    (tmp_path / "c.json").write_text(
        '{"title": "Fine",\n "properties": {"x": {"description": "The gravest"}}}', "utf-8"
    )
    (tmp_path / "en.json").write_text('{"texts": {"whole": "Fine",\n "b": "A seat"}}', "utf-8")
    shown = [hit.partition(" -> ")[0] for path in sorted(tmp_path.iterdir()) for hit in hits(path)]
    assert shown == [
        "a.md:2: has moved",
        "b.py:1: anew",
        "b.py:2: doomed",
        "b.py:2: seat",
        "c.json:2: gravest",
        "en.json:2: seat",
    ]


def test_ordinary_words_are_not_banned() -> None:
    text = "Knot DNS signed the zone. A keyring. An alias is deleted by hand. There is no error. The whole numbers."
    assert list(found("x", [(1, text)])) == []


if __name__ == "__main__":
    for argument in map(Path, sys.argv[1:]):
        below = [path for path in argument.resolve().rglob("*") if path.suffix in READERS]
        for file in sorted(below) or [argument.resolve()]:
            for hit in hits(file):
                print(hit)
