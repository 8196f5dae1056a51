"""The pages of findings explain every code of the checks, with tested zones."""

import re
from pathlib import Path

import pytest

from reconciler.core.expectations import CHECK_IDS

FOLDER = Path(__file__).parents[2] / "docs" / "findings"

pytestmark = pytest.mark.source


@pytest.mark.parametrize("check", CHECK_IDS)
def test_each_check_has_a_page_with_a_good_and_a_bad_zone(check):
    page = (FOLDER / f"{check}.md").read_text("utf-8")
    statuses = re.findall(r"^Status: (\w+)", page, re.MULTILINE)
    assert statuses[0] == "pass"
    assert set(statuses) & {"warn", "fail", "skip"}


def test_each_code_has_one_anchor_and_one_link_in_the_index():
    anchors = {
        code: page.name
        for page in FOLDER.glob("*.md")
        for code in re.findall(r'<a id="(\w+)">', page.read_text("utf-8"))
    }
    index = (FOLDER / "README.md").read_text("utf-8")
    links = dict(re.findall(r"^\| \[`(\w+)`\]\(([a-z-]+\.md)#\1\)", index, re.MULTILINE))
    assert links == {code: name for code, name in anchors.items() if name != "README.md"}
    assert len(anchors) > 100
