"""The pages about guards and deletion: each guard has a section, each example file is valid, each quote is current."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.workspace import load_configuration
from reconciler.core.codes import CODES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ("guards.md", "deletion.md")
SERVERS = "servers: {mail1: {url: https://mail1.example.net, username: admin, password: {env: PW}}}\n"


def yaml_blocks() -> list[Any]:
    found = []
    for page in PAGES:
        texts = re.findall(r"^```yaml\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
        found += [pytest.param(text, id=f"{page}-{number}") for number, text in enumerate(texts)]
    return found


@pytest.mark.parametrize("text", yaml_blocks())
def test_each_example_file_on_the_pages_is_valid(text: str, tmp_path: Path) -> None:
    policy = text if text.startswith("policy:") else ""
    domain = "" if policy else text
    head = "apiVersion: reconciler/v1\nkind: "
    (tmp_path / "domains").mkdir()
    (tmp_path / "reconciler.yaml").write_text(head + "Workspace\n" + SERVERS + policy, "utf-8")
    body = head + "Domain\ndomain: example.com\n" + domain
    (tmp_path / "domains" / "example.com.yaml").write_text(body, "utf-8")
    assert load_configuration(tmp_path, here=tmp_path, environ={}).diagnostics == ()


def test_each_guard_has_a_table_row_an_anchor_and_a_quoted_message() -> None:
    page = (DOCS / "guards.md").read_text("utf-8")
    guards = sorted(code for code in CODES if code.startswith("GRD"))
    assert re.findall(r"^\| \[(GRD\d+)\]\(#grd\d+\)", page, re.MULTILINE) == guards
    assert sorted(re.findall(r'^<a id="(grd\d+)"></a>$', page, re.MULTILINE)) == [g.lower() for g in guards]
    quoted = re.findall(r'^<a id="(grd\d+)"></a>\n### GRD\d+: [^\n]*\n\n> [^\n]+\n', page, re.MULTILINE)
    assert sorted(quoted) == [g.lower() for g in guards]


def test_each_anchor_in_a_link_between_the_pages_exists() -> None:
    def anchors(text: str) -> set[str]:
        titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles} | set(
            re.findall(r'<a id="([^"]+)"', text)
        )

    texts = {page: (DOCS / page).read_text("utf-8") for page in PAGES}
    for page, text in texts.items():
        for target, anchor in re.findall(r"\]\(([\w.]*)#([\w-]+)\)", text):
            assert anchor in anchors(texts[target or page]), (page, target, anchor)


def test_the_pages_quote_the_messages_endpoints_and_hook_of_the_program() -> None:
    """docs/quotes.py triggers each guard of its table and compares the message with the page."""
    done = subprocess.run([sys.executable, "docs/quotes.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
