"""CONTRIBUTING.md lists the places to touch for each kind of extension; each existing one must be in all of them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest

from reconciler.cli.main import COMMANDS
from reconciler.core.expectations import CheckId
from reconciler.core.kinds import MAILBOX
from reconciler.core.secret import SourceKind
from reconciler.output.formats import (
    HISTORY_FORMATS,
    PLAN_FORMATS,
    REPORT_FORMATS,
    STATUS_FORMATS,
    VALIDATION_FORMATS,
)

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.source

# Heading in CONTRIBUTING.md -> each existing member -> its spellings in the places. A field is `forwarding.to` in plans,
# `to` in a file's schema and `forward_to` in the model; a check's module cannot have the hyphen of its id.
MEMBERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "A mailbox field": {f.name: (f.name, f.attribute, f.name.split(".")[-1]) for f in MAILBOX.fields},
    "A DNS check": {name: (name, name.replace("-", "_")) for name in get_args(CheckId)},
    "An output format": {
        name: (name,)
        for table in (PLAN_FORMATS, VALIDATION_FORMATS, REPORT_FORMATS, STATUS_FORMATS, HISTORY_FORMATS)
        for name in table
    },
    "A command": {name: (name, module) for name, (module, _) in COMMANDS.items()},
    "A source of secrets": {name: (name,) for name in get_args(SourceKind)},
}


def places(heading: str, text: str) -> list[tuple[str, ...]]:
    """The first cell of each row of the table under a heading: the files, one of which must mention a member."""
    section = text.split(f"### {heading}\n")[1].split("\n#")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [tuple(re.findall(r"`([^`]+)`", cell)) for cell in rows]


def mentions(root: Path, path: str, spellings: tuple[str, ...]) -> bool:
    """Whether a file has the member: by its own name where the place is `NAME`, else as a word in its text."""
    if "NAME" in path:
        return any((root / path.replace("NAME", spelling)).is_file() for spelling in spellings)
    text = (root / path).read_text("utf-8")
    return any(re.search(rf"(?<![\w-]){re.escape(s)}(?![\w-])", text) for s in spellings)


def missing(heading: str, text: str, members: Mapping[str, tuple[str, ...]], root: Path = ROOT) -> list[str]:
    """`member: place` for each place of a table that does not mention a member."""
    return [
        f"{member}: {' or '.join(paths)}"
        for paths in places(heading, text)
        for member, spellings in members.items()
        if not any(mentions(root, path, spellings) for path in paths)
    ]


@pytest.mark.parametrize("heading", MEMBERS)
def test_every_existing_extension_is_in_every_place_that_the_guide_lists(heading: str) -> None:
    assert missing(heading, (ROOT / "CONTRIBUTING.md").read_text("utf-8"), MEMBERS[heading]) == []


@pytest.mark.parametrize("heading", MEMBERS)
def test_a_new_extension_fails_for_each_place_that_it_misses(heading: str) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert len(missing(heading, text, {"brandNew": ("brandNew",)})) == len(places(heading, text)) > 4


def test_the_guide_has_a_table_for_each_kind_of_extension_and_no_other() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("## Places to touch")[1].split("\n## ")[0]
    assert re.findall(r"^### (.+)$", text, re.MULTILINE) == list(MEMBERS)
