"""The page for reviewers: its samples are the output of the program."""

import re
import subprocess
import sys
from pathlib import Path

import markdown_it

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reviewing.md"


def sample(name: str) -> str:
    text = PAGE.read_text("utf-8")
    found = re.search(rf"<!-- sample: {name} -->\n\n```\w+\n(.*?\n)```\n", text, re.DOTALL)
    assert found
    return found[1]


def test_the_samples_are_the_output_of_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "docs/reviewing.py", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_the_samples_contain_the_cases_that_the_page_explains() -> None:
    comment = sample("markdown")
    for words in (
        "Deletes 1 mailbox with 3.2 GiB, last used 2 days ago",
        "### Introduced by this change",
        "### Already pending (drift, or an unapplied merge)",
        "### Hidden by this change",
        "already pending with another value",
        "**external forwarding**",
        "Monthly bill: USD",
    ):
        assert words in comment
    assert "! changed on the server: 3 resources: " in sample("drift")
    assert "1 already in place, 1 refused (changed since the plan)" in " ".join(sample("applied").split())


def test_the_terminal_samples_fit_80_columns() -> None:
    for name in ("text", "drift"):
        assert all(len(line) <= 80 for line in sample(name).splitlines())


def test_a_markdown_parser_finds_the_parts_of_the_comment() -> None:
    tokens = markdown_it.MarkdownIt("commonmark", {"html": True}).parse(sample("markdown"))
    heads = [tokens[n + 1].content for n, t in enumerate(tokens) if t.type == "heading_open"]
    assert heads[0].startswith("⚠ Deletes 1 mailbox")
    assert [h.split(":")[0] for h in heads if "hange" in h and not h.startswith("⚠")] == [
        "Introduced by this change",
        "Already pending (drift, or an unapplied merge)",
        "Hidden by this change",
    ]
