"""Every citation of a page in docs/reference/ leads to a heading or a row of that page.

The forms of a citation, which may break across lines:

- `API reference section 5.8`; also `sections 5.2, 5.4 to 5.7`, `section 5.1 B`, `section 10 no. 31`.
- `row 43 of the catalogue of checks`; also `rows 1 to 7 and 9 of the catalogue of checks`.
- `contract section 2`.
- The path `docs/reference/PAGE.md`, for a complete page. Markdown pages link to it instead.

Short forms, only in the folders that they belong to:

- `section 5.8` in SHORT_SECTIONS means the API reference, unless another document precedes it (`RFC 7208 section 5`).
- `row 43` in SHORT_ROWS means the catalogue of checks.

Any other mention that looks like a citation of these documents fails, because nothing can resolve it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from reconciler.core.expectations import CHECK_IDS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
API, CATALOGUE, CONTRACT = "smartermail-api.md", "dns-checks.md", "contract.md"
SEARCHED = ("reconciler", "tests", "benchmarks", "docs")
SHORT_SECTIONS = (
    "reconciler/sandbox/",
    "reconciler/smartermail/",
    "tests/sandbox/",
    "tests/smartermail/",
    f"docs/reference/{API}",
)
SHORT_ROWS = (
    "reconciler/compliance/checks/",
    "tests/compliance/",
    "tests/zones/",
    f"docs/reference/{CATALOGUE}",
)

# A space of a citation may be a line break, with the marks of a comment or of two joined strings.
_GAP = r"(?:[ \t]|\r?\n[ \t]*(?:#[ \t]*)?|\"[ \t]*\r?\n[ \t]*f?\")+"
_JOIN = rf"(?:,{_GAP}and{_GAP}|,{_GAP}|{_GAP}and{_GAP}|{_GAP}to{_GAP})"


def _list(item: str) -> str:
    return rf"{item}(?:{_JOIN}{item})*"


_SECTION_ITEM = rf"\d+(?:\.\d+)*(?:{_GAP}[A-Z]\b)?"
_ROW_ITEM = r"\d+\b"
_SECTIONS = re.compile(
    rf"(?:(?P<document>API{_GAP}reference|[Cc]ontract|(?:RFC|TR|YAML|XML){_GAP}[\d.]+|MS-\w+|SARIF){_GAP})?"
    rf"\b[Ss]ections?{_GAP}(?P<items>{_list(_SECTION_ITEM)})(?:,?{_GAP}nos?\.{_GAP}(?P<numbers>{_list(_ROW_ITEM)}))?"
)
_ROWS = re.compile(
    rf"\b[Rr]ows?{_GAP}(?P<items>{_list(_ROW_ITEM)})(?P<named>,?{_GAP}of{_GAP}the{_GAP}catalogue{_GAP}of{_GAP}checks)?"
)
_PATH = re.compile(r"docs/reference/([\w-]+\.md)")
_LINK = re.compile(r"\[[^\]]*\]\((?P<path>[\w./-]*?(?P<page>[\w-]+\.md))(?:#(?P<anchor>[\w-]+))?\)")
_STRAY = re.compile(
    rf"API{_GAP}reference\b|API{_GAP}description\b|smartermail-api\b|catalogue{_GAP}of{_GAP}checks"
    r"|\b[Cc]ontract,?\s+§?\d|\b[Cc]ontract,\s+section\b|\bsections?\s+[\d.]+\s+of\s+the\s+contract\b"
)
_STRAY_ROWS = re.compile(r"\bcatalogue\b")


@dataclass(frozen=True, slots=True)
class Page:
    """What a page of the reference offers to citations."""

    sections: frozenset[str]
    anchors: frozenset[str]
    rows: dict[str, dict[str, str]]
    letters: dict[str, str]

    @classmethod
    def of(cls, text: str) -> "Page":
        """Read the headings, and below each its numbered rows and lettered paragraphs."""
        sections: set[str] = set()
        anchors: set[str] = set()
        rows: dict[str, dict[str, str]] = {}
        letters: dict[str, str] = {}
        section = ""
        for line in text.splitlines():
            if heading := re.match(r"#+ (?:(\d+(?:\.\d+)*)\.? )?.*", line):
                title = line.lstrip("#").strip()
                anchors.add(re.sub(r"[^\w -]", "", title).lower().replace(" ", "-"))
                section = heading[1] or section
                sections |= {section} - {""}
            elif row := re.match(r"\| (\d+) \| (.*)", line):
                rows.setdefault(section, {})[row[1]] = row[2]
            elif letter := re.match(r"\*\*([A-Z])\. ", line):
                letters[section] = letters.get(section, "") + letter[1]
        return cls(frozenset(sections), frozenset(anchors), rows, letters)


def pages() -> dict[str, Page]:
    return {path.name: Page.of(path.read_text("utf-8")) for path in REFERENCE.glob("*.md")}


def expanded(items: str) -> list[str]:
    """The items of a list; `5.4 to 5.7` becomes every section between."""
    words = re.split(f"({_JOIN})", items)
    names = [re.sub(_GAP, " ", word) for word in words[::2]]
    found = names[:1]
    for join, (first, last) in zip(words[1::2], pairwise(names), strict=True):
        if join.strip(' \t\r\n#"f') == "to":
            head, _, begin = first.rpartition(".")
            tail, _, end = last.rpartition(".")
            if head == tail and begin.isdigit() and end.isdigit():
                between = range(int(begin) + 1, int(end))
                found += [f"{head}.{number}" if head else str(number) for number in between]
        found.append(last)
    return found


def unresolved_section(page: Page, item: str, numbers: str | None) -> str:
    """Why a section, with the rows of its table, does not resolve; empty if it does."""
    section, _, letter = item.partition(" ")
    if section not in page.sections:
        return f"there is no section {section}"
    if letter and letter not in page.letters.get(section, ""):
        return f"section {section} has no paragraph {letter}"
    missing = [n for n in expanded(numbers or "") if n and n not in page.rows.get(section, {})]
    return f"section {section} has no row {', '.join(missing)}" if missing else ""


class Citation(NamedTuple):
    """A citation, the page that it names (empty if unknown), and why it does not resolve (empty if it does)."""

    match: re.Match[str]
    page: str
    why: str


def section_citations(name: str, text: str, reference: dict[str, Page]) -> Iterator[Citation]:
    for match in _SECTIONS.finditer(text):
        document = re.sub(_GAP, " ", match["document"] or "")
        if document == "API reference" or (not document and name.startswith(SHORT_SECTIONS)):
            page = API
        elif document.lower() == "contract":
            page = CONTRACT
        else:
            continue
        *others, last = expanded(match["items"])
        reasons = [unresolved_section(reference[page], item, None) for item in others]
        # The numbers of rows belong to the last section of the list.
        reasons.append(unresolved_section(reference[page], last, match["numbers"]))
        yield Citation(match, page, "; ".join(filter(None, reasons)))


def row_citations(name: str, text: str, reference: dict[str, Page]) -> Iterator[Citation]:
    for match in _ROWS.finditer(text):
        if match["named"] or name.startswith(SHORT_ROWS):
            missing = [row for row in expanded(match["items"]) if row not in reference[CATALOGUE].rows["1"]]
            yield Citation(match, CATALOGUE, f"there is no row {', '.join(missing)}" if missing else "")


def page_citations(name: str, text: str, reference: dict[str, Page]) -> Iterator[Citation]:
    for match in _PATH.finditer(text):
        yield Citation(match, match[1], "" if match[1] in reference else "there is no such page")
    for match in _LINK.finditer(text):
        if (ROOT / name).parent.joinpath(match["path"]).resolve().parent == REFERENCE:
            # A test of all pages resolves the path of a link; only the heading remains.
            page = reference.get(match["page"])
            known = page is None or not match["anchor"] or match["anchor"] in page.anchors
            yield Citation(match, match["page"], "" if known else "there is no such heading")


def citations(name: str, text: str, reference: dict[str, Page]) -> list[Citation]:
    """Every citation in a file, and every mention that looks like one."""
    found = [f for read in (section_citations, row_citations, page_citations) for f in read(name, text, reference)]
    spans = [citation.match.span() for citation in found]
    stray = [*_STRAY.finditer(text), *(_STRAY_ROWS.finditer(text) if name.startswith(SHORT_ROWS) else ())]
    for match in stray:
        if not any(begin <= match.start() < end for begin, end in spans):
            found.append(Citation(match, "", "not in a form that this test resolves"))
    return found


def complaints(name: str, text: str, reference: dict[str, Page]) -> list[str]:
    """The citations of a file that do not resolve, each with its line."""
    found: dict[int, str] = {}
    for match, _, why in citations(name, text, reference):
        if why:
            line = text.count("\n", 0, match.start()) + 1
            shown = re.sub(_GAP, " ", match[0]).strip()
            found.setdefault(match.start(), f"{name}:{line}: {shown!r}: {why}")
    return [found[position] for position in sorted(found)]


def files() -> Iterator[tuple[str, str]]:
    """The files that may cite: their names and texts, without this one, whose examples must fail."""
    for top in SEARCHED:
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in (".py", ".md") and path != Path(__file__):
                yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


@pytest.mark.source
def test_every_citation_of_a_reference_page_resolves() -> None:
    reference = pages()
    unresolved = [complaint for name, text in files() for complaint in complaints(name, text, reference)]
    assert not unresolved, "\n".join(["Citations that do not resolve:", *unresolved])


@pytest.mark.source
def test_code_cites_each_reference_page() -> None:
    reference = pages()
    cited = {
        citation.page
        for name, text in files()
        if name.startswith("reconciler/")
        for citation in citations(name, text, reference)
    }
    assert cited >= {API, CATALOGUE, CONTRACT}


SAMPLE = {
    API: Page.of("## 1. One\n### 1.1 A\n### 1.2 B\n**A. x**\n### 1.3 C\n## 10. Ten\n| 7 | x |\n| 8 | x |\n"),
    CATALOGUE: Page.of("## 1. Rows\n| 4 | x | `mx` |\n| 5 | x | `mx` |\n"),
    CONTRACT: Page.of("## 1. Files\n## 2. Commands\n"),
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("reconciler/core/a.py", '"""Limits (API reference section 1.1)."""'),
        ("reconciler/core/a.py", '"""Limits (API reference sections 1.1 to 1.3 and 10)."""'),
        ("reconciler/core/a.py", "# A comment that ends with API reference\n    # section 10, nos. 7 and 8."),
        ("reconciler/core/a.py", '"""A list (API reference section 1.2 A)."""'),
        ("reconciler/core/a.py", '"""Exit codes (contract section 2)."""'),
        ("reconciler/core/a.py", '"""See RFC 7208 section 99, and section 99 of another document."""'),
        ("reconciler/smartermail/a.py", '"""A call (section 1.1), by RFC 9110 section 8.4.1."""'),
        ("reconciler/compliance/a.py", '"""Rows 4 and 5, and row 4, of the catalogue of checks."""'),
        ("reconciler/compliance/checks/a.py", '"""Row 4: a target."""'),
        ("docs/page.md", "See the [API reference](reference/smartermail-api.md) and docs/reference/contract.md."),
        ("docs/page.md", "See [one](reference/smartermail-api.md#11-a)."),
        ("reconciler/output/html/a.py", '"""The texts of the catalogue, of which row 99 is no citation."""'),
    ],
)
def test_a_citation_in_one_of_the_forms_resolves(name: str, text: str) -> None:
    assert complaints(name, text, SAMPLE) == []


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("reconciler/core/a.py", "API reference section 1.9", "there is no section 1.9"),
        ("reconciler/core/a.py", "API reference sections 1.1 to 1.4", "there is no section 1.4"),
        ("reconciler/core/a.py", "API reference section 1.2 B", "section 1.2 has no paragraph B"),
        ("reconciler/core/a.py", "API reference section 10 no. 9", "section 10 has no row 9"),
        ("reconciler/core/a.py", "rows 4 to 6 of the catalogue of checks", "there is no row 6"),
        ("reconciler/core/a.py", "contract section 7", "there is no section 7"),
        ("reconciler/core/a.py", "contract, section 1", "not in a form"),
        ("reconciler/core/a.py", "what the API reference states", "not in a form"),
        ("reconciler/core/a.py", "API reference 1.1", "not in a form"),
        ("reconciler/core/a.py", "by smartermail-api.md", "not in a form"),
        ("reconciler/core/a.py", "by docs/reference/nothing.md", "there is no such page"),
        ("reconciler/smartermail/a.py", "# section 3", "there is no section 3"),
        ("reconciler/compliance/checks/a.py", "# rows 5 and 9", "there is no row 9"),
        ("reconciler/compliance/checks/a.py", "# all of the catalogue", "not in a form"),
        ("docs/page.md", "[one](reference/smartermail-api.md#none)", "there is no such heading"),
    ],
)
def test_a_citation_that_leads_nowhere_is_reported_with_its_line(name: str, text: str, why: str) -> None:
    (found,) = complaints(name, f"\n\n{text}\n", SAMPLE)
    assert found.startswith(f"{name}:3: ")
    assert why in found


@pytest.mark.source
def test_the_catalogue_numbers_every_row_and_names_every_check() -> None:
    rows = pages()[CATALOGUE].rows["1"]
    assert list(rows) == [str(number) for number in range(1, 54)]
    named = {row.rstrip(" |").rpartition("| ")[2] for row in rows.values()} - {"–"}
    assert named == {f"`{check}`" for check in CHECK_IDS}


@pytest.mark.source
def test_a_check_cites_rows_that_name_it() -> None:
    rows = pages()[CATALOGUE].rows["1"]
    foreign = []
    for path in sorted((ROOT / "reconciler" / "compliance" / "checks").glob("*.py")):
        module = path.stem.replace("_", "-")
        check = max((c for c in CHECK_IDS if module.startswith(c)), key=len, default=None)
        for match in _ROWS.finditer(path.read_text("utf-8")):
            for row in expanded(match["items"]):
                if row in rows and check and f"`{check}`" not in rows[row]:
                    foreign.append(f"{path.name}: row {row} names another check than {check}")
    assert not foreign, "\n".join(foreign)
