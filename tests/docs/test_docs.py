"""The docs are true: what they say is run, what is generated is compared."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.source
def test_the_generated_pages_are_as_the_program_says() -> None:
    done = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_command_is_in_the_command_reference() -> None:
    from reconciler.cli.main import COMMANDS

    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    assert set(re.findall(r"^## `reconciler (\w+)", page, re.MULTILINE)) == set(COMMANDS)


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            known = {"LICENSE", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"}
            if target not in known and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert not broken


def test_the_exit_codes_in_the_readme_are_the_programs() -> None:
    from reconciler.app.exits import Exit

    table = re.findall(r"^\| (\d+) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [int(code) for code in table] == [int(e) for e in Exit]
