"""SECURITY.md is true as far as a machine can tell: every defence names a test, and every test that it names exists."""

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.source

PROOF = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows() -> Iterator[tuple[str, list[str]]]:
    """The rows of the tables of threats: the heading above, and the cells."""
    heading, inside = "", False
    for line in (ROOT / "SECURITY.md").read_text("utf-8").splitlines():
        if line.startswith("#"):
            heading = line.strip("# ")
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if cells == ["Threat", "Defence", "Proof"]:
            inside = True
        elif not cells:
            inside = False
        elif inside and set(line) - set("|-: "):
            yield heading, cells


@lru_cache
def functions_of(path: str) -> frozenset[str]:
    """The tests that stand in a file, and are run: not nested, not skipped for good."""
    nodes = ast.parse((ROOT / path).read_text("utf-8")).body
    return frozenset(
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not any("mark.skip" in ast.unparse(mark) or "xfail" in ast.unparse(mark) for mark in node.decorator_list)
    )


@pytest.mark.parametrize(
    ("heading", "cells"), list(rows()), ids=lambda value: value[0][:60] if isinstance(value, list) else ""
)
def test_every_defence_names_tests_that_exist(heading: str, cells: list[str]) -> None:
    threat, defence, proof = cells
    assert threat
    assert defence
    named = PROOF.findall(proof)
    assert named, f"{heading}: {threat}: no test"
    # Nothing else stands in the cell: a name that is misspelled is not passed over.
    assert PROOF.sub("", proof).strip(" ,") == "", f"{heading}: {threat}: {proof}"
    for path, name in named:
        assert (ROOT / path).is_file(), f"{heading}: {threat}: there is no {path}"
        assert name in functions_of(path), f"{heading}: {threat}: {path} has no {name} that is run"


def test_every_kind_of_attacker_has_a_table_and_what_is_not_defended_is_said() -> None:
    tables = {heading for heading, _ in rows()}
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    section = text.partition("## What an attacker can do")[2].partition("\n## ")[0]
    assert tables == {heading.strip() for heading in re.findall(r"^### (.+)$", section, re.MULTILINE)}
    assert len(tables) >= 7
    for chapter in ("Reporting", "What there is to lose", "Who is trusted", "What is not defended"):
        assert re.search(rf"^## {chapter}$", text, re.MULTILINE), chapter


def test_no_defence_stands_there_twice() -> None:
    threats = [(heading, cells[0]) for heading, cells in rows()]
    assert len(threats) == len(set(threats))


def test_templates_and_docs_never_run_a_strangers_pull_request_with_our_rights() -> None:
    for path in (*ROOT.glob("reconciler/app/starter/ci/**/*.yml"), *ROOT.glob("docs/**/*.md")):
        text = path.read_text("utf-8")
        assert "pull_request_target:" not in text, path
        for action in re.findall(r"uses: (\S+)", text):
            assert re.search(r"@[0-9a-f]{40}$", action), f"{path.name}: {action} is not pinned to a commit"
