"""Check SECURITY.md as far as a machine can: every defense names a test, and every named test exists and runs."""

import ast
import difflib
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.source

PROOF = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
CHAPTERS = ("Report a vulnerability", "Assets", "Trusted parties", "Out of scope")


def rows() -> Iterator[tuple[str, list[str]]]:
    """Yield the rows of the threat tables: the heading above the table, and the cells."""
    heading, inside = "", False
    for line in (ROOT / "SECURITY.md").read_text("utf-8").splitlines():
        if line.startswith("#"):
            heading = line.strip("# ")
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if cells == ["Threat", "Defense", "Test"]:
            inside = True
        elif not cells:
            inside = False
        elif inside and set(line) - set("|-: "):
            yield heading, cells


@lru_cache
def names_in(path: str) -> frozenset[str]:
    """Return the names of the tests in a file that run: neither nested nor marked as skip or xfail."""
    return frozenset(
        node.name
        for node in ast.parse((ROOT / path).read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not any("mark.skip" in ast.unparse(mark) or "xfail" in ast.unparse(mark) for mark in node.decorator_list)
    )


@lru_cache
def all_tests() -> dict[str, list[str]]:
    """Return every test of the project: name -> files that define it."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        relative = path.relative_to(ROOT).as_posix()
        for name in names_in(relative):
            found.setdefault(name, []).append(relative)
    return found


def missing(path: str, name: str) -> str | None:
    """Return what is wrong with the name of a test, with the closest existing names; None if the test exists."""
    if (ROOT / path).is_file() and name in names_in(path):
        return None
    # A renamed test usually stays in its file and a moved test keeps its name, so names of the same file come first.
    here = names_in(path) if (ROOT / path).is_file() else frozenset()
    moved = [f"{other}::{name}" for other in all_tests().get(name, [])]
    renamed = [f"{path}::{close}" for close in difflib.get_close_matches(name, sorted(here), 3, 0.3)]
    if not moved and not renamed:
        everywhere = difflib.get_close_matches(name, sorted(all_tests()), 3, 0.5)
        renamed = [f"{all_tests()[close][0]}::{close}" for close in everywhere]
    closest = "".join(f"\n    {option}" for option in [*moved, *renamed]) or " none"
    return f"{path}::{name} does not exist or does not run. Closest existing names:{closest}"


@pytest.mark.parametrize(
    ("heading", "cells"), list(rows()), ids=lambda value: value[0][:60] if isinstance(value, list) else ""
)
def test_every_defense_names_existing_tests(heading: str, cells: list[str]) -> None:
    threat, defense, proof = cells
    assert threat
    assert defense
    named = PROOF.findall(proof)
    assert named, f"{heading}: {threat}: name the test that proves the defense"
    # A misspelled reference would not match PROOF and remain as other text in the cell.
    assert PROOF.sub("", proof).strip(" ,") == "", f"{heading}: {threat}: {proof}"
    wrong = [text for path, name in named if (text := missing(path, name))]
    assert not wrong, "\n".join([f"{heading}: {threat}:", *wrong])


def test_the_report_of_a_missing_test_lists_the_closest_names() -> None:
    here = "tests/house/test_security.py"
    assert missing(here, "test_no_threat_is_listed_twice") is None
    renamed = missing(here, "test_no_threats_are_listed_twice")
    assert renamed is not None
    assert f"{here}::test_no_threat_is_listed_twice" in renamed
    moved = missing("tests/house/gone.py", "test_no_threat_is_listed_twice")
    assert moved is not None
    assert f"{here}::test_no_threat_is_listed_twice" in moved


def test_every_attacker_has_a_table_and_the_limits_are_documented() -> None:
    tables = {heading for heading, _ in rows()}
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    section = text.partition("## Threats and defenses")[2].partition("\n## ")[0]
    assert tables == {heading.strip() for heading in re.findall(r"^### (.+)$", section, re.MULTILINE)}
    assert len(tables) >= 7
    for chapter in CHAPTERS:
        assert re.search(rf"^## {chapter}$", text, re.MULTILINE), chapter


def test_no_threat_is_listed_twice() -> None:
    threats = [(heading, cells[0]) for heading, cells in rows()]
    assert len(threats) == len(set(threats))


def test_templates_and_docs_never_run_untrusted_pull_requests_with_secrets() -> None:
    """`pull_request_target` runs with the secrets of the repository, and a tag of an action can be moved."""
    for path in (*ROOT.glob("reconciler/app/starter/ci/**/*.yml"), *ROOT.glob("docs/**/*.md")):
        text = path.read_text("utf-8")
        assert "pull_request_target:" not in text, path
        for action in re.findall(r"uses: (\S+)", text):
            assert re.search(r"@[0-9a-f]{40}$", action), f"{path.name}: {action} is not pinned to a commit"
