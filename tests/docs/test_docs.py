"""Generated pages are current, links lead to existing pages, and tables match the program."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.source
def test_the_generated_pages_are_current() -> None:
    done = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_command_is_in_the_command_reference() -> None:
    from reconciler.cli.main import COMMANDS

    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    assert set(re.findall(r"^## `reconciler (\w+)", page, re.MULTILINE)) == set(COMMANDS)


def test_each_link_between_pages_leads_to_an_existing_file() -> None:
    broken = []
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            known = {"LICENSE", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"}
            if target not in known and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert not broken


def test_each_link_to_a_heading_leads_to_an_existing_heading() -> None:
    texts = {page: page.read_text("utf-8") for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))}
    broken = []
    for page, text in texts.items():
        for target, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", text):
            aimed = (page.parent / target).resolve() if target else page
            if aimed in texts and anchor not in anchors(texts[aimed]):
                broken.append(f"{page.relative_to(ROOT)}: {target}#{anchor}")
    assert not broken


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of headings, and those that a page sets itself."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = (re.sub(r"<[^>]+>|[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings)
    return {*plain, *re.findall(r'<a id="([^"]+)"', text)}


def test_the_readme_has_fewer_than_120_lines() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 120


def test_the_exit_codes_in_the_readme_match_the_program() -> None:
    from reconciler.app.exits import Exit

    table = re.findall(r"^\| (\d+) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [int(code) for code in table] == [int(e) for e in Exit]
