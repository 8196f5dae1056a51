"""The catalogue has every text in every language, and neither templates nor scripts have texts of their own."""

import json
import re
import string
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reconciler.compliance.checks import CHECKS
from reconciler.core.comparison import VERDICTS
from reconciler.core.findings import STATUSES
from reconciler.output.html import texts
from reconciler.output.html.texts import languages, load_texts, time_text

HERE = Path(texts.__file__).parent
TEMPLATES = sorted((HERE / "templates").glob("*.html"))
ENGLISH = load_texts("en").entries


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_the_languages_are_english_first_then_french() -> None:
    assert languages()[0] == "en"
    assert "fr" in languages()


@pytest.mark.parametrize("language", languages())
def test_each_language_has_every_text_with_the_same_placeholders(language: str) -> None:
    entries = load_texts(language).entries
    assert entries.keys() == ENGLISH.keys()
    for key, text in entries.items():
        assert text.strip() or key == "number.thousands", key
        assert places(text) == places(ENGLISH[key]), key


@pytest.mark.parametrize("language", languages())
def test_each_catalogue_has_the_order_of_the_english_one(language: str) -> None:
    data = json.loads((HERE / "catalogue" / f"{language}.json").read_text("utf-8"))
    assert data.keys() == {"singular", "texts"}
    assert list(data["texts"]) == list(ENGLISH)


def test_each_status_verdict_and_check_has_a_text() -> None:
    expected = (
        {f"status.{s}" for s in STATUSES} | {f"verdict.{v}" for v in VERDICTS} | {f"check.{c.id}" for c in CHECKS}
    )
    assert expected <= ENGLISH.keys()


def used() -> tuple[set[str], set[str]]:
    """The keys that templates and code name, and the prefixes of the keys that they compose."""
    keys: set[str] = set()
    beginnings: set[str] = set()
    for path in (*TEMPLATES, *HERE.glob("*.py")):
        text = path.read_text("utf-8")
        keys |= set(re.findall(r"[\"']([a-zA-Z_]+(?:\.[a-zA-Z_.-]+)*)[\"']", text)) & ENGLISH.keys()
        beginnings |= set(re.findall(r'"([a-z.]+\.)" ~', text)) | set(re.findall(r"f[\"']([a-z.]+\.)\{", text))
        beginnings |= {f"{key}." for key in re.findall(r'counted\("([a-z._]+)"', text)}
        beginnings |= set(re.findall(r'group\("([a-z.]+)"', text))
    return keys, beginnings


def test_every_text_is_used() -> None:
    keys, beginnings = used()
    assert [key for key in ENGLISH if key not in keys and not key.startswith(tuple(beginnings))] == []


class Words(HTMLParser):
    """Collects the text that a reader sees or hears of a template without its expressions."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            value or "" for name, value in attrs if name in ("aria-label", "title", "placeholder", "alt", "value")
        ]
        for name, _ in attrs:
            assert not name.startswith("on") and name != "style", f"<{tag} {name}>"

    def handle_data(self, data: str) -> None:
        self.found.append(data)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_a_template_has_no_text_of_its_own(path: Path) -> None:
    bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", path.read_text("utf-8"), flags=re.DOTALL)
    words = Words()
    words.feed(bare)
    found = {word for text in words.found for word in re.findall(r"[^\W\d_]+", text)}
    assert found <= {"TXT", "p", "t", "y", "rua", "ruf", "lang", "en"}  # a record, its tags, an attribute


@pytest.mark.parametrize("path", sorted((HERE / "static").glob("*.js")), ids=lambda p: p.name)
def test_a_script_has_no_text_of_its_own_and_uses_no_network(path: Path) -> None:
    code = "\n".join(line for line in path.read_text("utf-8").splitlines() if not line.strip().startswith("//"))
    texts_in_it = [a or b or c for a, b, c in re.findall(r'"([^"\n]*)"|\'([^\'\n]*)\'|`([^`\n]*)`', code)]
    texts_in_it = [text for text in texts_in_it if not text.startswith((".", "#", "["))]  # selectors
    assert [text for text in texts_in_it if re.search(r"[a-z]{3,} [a-z]{3,}", re.sub(r"\$\{.*?\}", "", text))] == [
        "use strict"
    ]
    assert not re.search(
        r"\b(fetch|XMLHttpRequest|WebSocket|sendBeacon|import|eval|innerHTML|outerHTML|localStorage|cookie)\b", code
    )


def test_numbers_sizes_and_counts_follow_the_language() -> None:
    en, fr = load_texts("en"), load_texts("fr")
    assert (en.number(2000), fr.number(2000)) == ("2,000", "2\u202f000")
    assert (en.size(3 << 29), fr.size(3 << 29)) == ("1.5 GiB", "1,5 Gio")
    assert (en.counted("index.domains", 0), fr.counted("index.domains", 0)) == ("0 domains", "0 domaine")
    assert en.counted("index.domains", 1) == "1 domain"


def test_an_untrusted_time_is_made_visible_and_short() -> None:
    assert time_text("2026-11-22T18:00:00Z") == "2026-11-22 18:00 UTC"
    assert time_text("\u202e" + "x" * 100) == "\\u{202e}" + "x" * 59
