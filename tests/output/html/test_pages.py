"""The pages as text: the same bytes for the same input, and untrusted text is never markup."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.core.comparison import CheckResult, compare, snapshot
from reconciler.core.findings import DomainReport, Finding, Record, Report, SpfTerm, SpfTree
from reconciler.output.html.inputs import DmarcStart, PageInput, SiteInput
from reconciler.output.html.pages import render_pages
from reconciler.output.html.paths import page_paths

GENERATED = {"time": "2026-11-22T18:00:00Z", "tool": "reconciler", "version": "0.1.0"}
TEXTS = st.text(max_size=30) | st.sampled_from(
    ["<script>alert(1)</script>", "</script><script>x", "<!--", "]]>", "\" onclick=\"x", "'", "{{ 7*7 }}", "{% raw %}", "&lt;",
     "\u202eevil", "\x1b[31m", "\x00", "javascript:x", "</style>", "\u2028"]
)  # fmt: skip


def site(text: str, domains: tuple[str, ...] = ("example.com",)) -> SiteInput:
    tree = SpfTree(
        domain=text, record=text, lookups=1, terms=(SpfTerm(text=text, fault=text, unknown=text, lookups=1, total=1),)
    )
    check = Finding(
        id="spf", status="fail", code="SPF_X", title=text, detail=text, reference=text, tree=tree,
        found=(Record(text, "TXT", text),), expected=(Record("example.com", "TXT", text, 3600),),
        fix=(Record("example.com", "TXT", text, 3600),), elsewhere=(Record("b.example", "TXT", text, 3600),),
    )  # fmt: skip
    start = DmarcStart(policy="none", rua=text, published=None)
    reports = [DomainReport(domain=d, server=text, checks=(check,)) for d in domains]
    now = snapshot(Report(tuple(reports)))
    found = compare({**now, (text, text, text, text): CheckResult("pass", text)}, now, since=text)
    pages = tuple(PageInput(report=r, dmarc=start, product=text) for r in reports)
    return SiteInput(pages=pages, generated=GENERATED, comparison=found)


class Shape(HTMLParser):
    """The elements of a page with their attribute names, which no text may change."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))


def shape(page: str) -> list[tuple[str, tuple[str, ...]]]:
    found = Shape()
    found.feed(page)
    return found.tags


@cache
def _plain() -> dict[str, str]:
    return dict(render_pages(site("plain"), "en"))


@settings(max_examples=25)
@given(TEXTS)
@example("</script><script>window.hit=1</script>")
def test_untrusted_text_does_not_change_the_structure_of_a_page(text: str) -> None:
    plain = _plain()
    found = dict(render_pages(site(text or "x"), "en"))
    for path, page in found.items():
        page.encode("utf-8")
        kept = [tag for tag in shape(page) if tag[0] not in ("button", "svg", "use", "span", "p")]
        expected = [tag for tag in shape(plain[path]) if tag[0] not in ("button", "svg", "use", "span", "p")]
        assert kept == expected
        assert "<script>alert" not in page and "<script>x" not in page
        assert all(c.isprintable() or c == "\n" for c in page.replace("\u202f", ""))
        for island in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL):
            json.loads(island)


def test_equal_input_gives_equal_bytes_except_for_one_element() -> None:
    one, again = (list(render_pages(site("a"), "fr")) for _ in range(2))
    later = list(
        render_pages(replace(site("a"), generated=GENERATED | {"time": "2027-01-01T00:00:00Z", "commit": "f00"}), "fr")
    )
    assert one == again
    strip = re.compile(r'<p id="generated">[^<]*</p>')
    for (path, text), (_, other) in zip(one, later, strict=True):
        assert text != other, path
        assert len(strip.findall(text)) == 1
        assert strip.sub("", text) == strip.sub("", other)


@pytest.mark.parametrize("path", ["index.html", "domains/example.com.html"])
def test_the_policy_allows_exactly_the_style_and_script_of_the_page(path: str) -> None:
    page = dict(render_pages(site("a"), "en"))[path]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    inline = re.findall(r"<style>(.*?)</style>|<script>(.*?)</script>", page, re.DOTALL)
    hashes = ["sha256-" + base64.b64encode(hashlib.sha256((a or b).encode()).digest()).decode() for a, b in inline]
    assert re.findall(r"'(sha256-[^']*)'", policy[1]) == [hashes[1], hashes[0]]
    assert "unsafe" not in policy[1]
    assert policy[1].startswith("default-src 'none'; ")
    assert not re.search(
        r'(?:src|href)="(?!#|data:|\.\./index\.html|index\.html|domains/|[a-z0-9.-]+\.(?:html|json|csv|md|xml)")', page
    )


def test_a_long_record_is_copied_completely_and_invisible_characters_only_as_numbers() -> None:
    value = "v=DKIM1; p=" + "A" * 5_000
    page = dict(render_pages(site(value), "en"))["domains/example.com.html"]
    assert f'data-copy="{value}"' in page
    assert "5,011 characters" in page
    hidden = dict(render_pages(site("v=spf1 \u202e-all"), "en"))["domains/example.com.html"]
    assert "\u202e" not in hidden
    assert 'data-copy="example.com. 3600 IN TXT &#34;v=spf1 \\226\\128\\174-all&#34;"' in hidden


def test_60_kilobytes_of_text_are_folded_and_truncated() -> None:
    page = dict(render_pages(replace(site("x" * 60_000), comparison=None), "en"))["domains/example.com.html"]
    assert "60,000 characters" in page
    assert "The rest is omitted." in page
    assert 'class="whole">' + "x" * 8_192 + "<" in page


def reports(*names: str) -> list[DomainReport]:
    return [DomainReport(domain=name, server="mail1", checks=()) for name in names]


def test_pages_have_unique_names_made_of_their_domains() -> None:
    long = ".".join(["a" * 60] * 4)
    found = page_paths(reports("example.com", "example.com", "xn--mnchen-3ya.example", long, f"b{long[1:]}"))
    assert found[:3] == [
        "domains/example.com.html",
        "domains/example.com~2.html",
        "domains/xn--mnchen-3ya.example.html",
    ]
    assert len(set(found)) == 5
    assert all(len(Path(path).name) <= 255 for path in found)


@pytest.mark.parametrize("name", ["../x.example", "a/b.example", "EXAMPLE.com", "a b.example", "münchen.example", ""])
def test_a_name_that_is_not_canonical_is_rejected(name: str) -> None:
    with pytest.raises((AssertionError, ValueError)):
        page_paths(reports(name))
