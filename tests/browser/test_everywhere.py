"""Rules for all pages in all color schemes and widths: accessible, no network, never wider than the window."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
PAGES = ("index.html", "domains/example.com.html", "domains/customer03.example.html", "domains/alias.example.html")


@pytest.mark.parametrize(
    ("path", "scheme", "width"),
    [
        (PAGES[0], "light", 1280),
        (PAGES[1], "dark", 360),
        pytest.param(PAGES[0], "dark", 360, marks=pytest.mark.long),
        pytest.param(PAGES[1], "light", 1280, marks=pytest.mark.long),
    ],
)
def test_axe_finds_no_accessibility_problem(
    tab: Open, small: Path, axe: str, path: str, scheme: str, width: int
) -> None:
    page = tab(small / path, color_scheme=scheme, viewport={"width": width, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)")
    assert [(v["id"], [node["html"][:200] for node in v["nodes"][:3]]) for v in found] == []


@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_wider_than_a_window_of_360_pixels(tab: Open, small: Path, path: str) -> None:
    page = tab(small / path, viewport={"width": 360, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_content_security_policy_blocks_foreign_code(browser: Any, small: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text))
    page.goto((small / "index.html").as_uri())
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.hit = 1";
          document.body.append(script);
          document.body.insertAdjacentHTML("beforeend", "<p style='color: red' onclick='window.hit = 2' id='p'>x</p>");
          document.getElementById("p").click();
          const image = new Image();
          image.src = "https://tracker.example/x.png";
          document.body.append(image);
        }"""
    )
    assert page.evaluate("window.hit") is None
    assert page.evaluate("fetch('https://tracker.example/').then(() => 'sent', () => 'refused')") == "refused"
    assert sum("Content Security Policy" in text for text in said) >= 4
    context.close()


def test_the_french_pages_have_no_english_texts_of_ours(tab: Open, french: Path) -> None:
    for path in PAGES[:2]:
        page = tab(french / path)
        assert page.evaluate("document.documentElement.lang") == "fr"
        text = page.evaluate(
            """() => { document.querySelectorAll("[lang=en], code, .code").forEach(e => e.remove());
                       return document.body.innerText; }"""
        )
        words = set(text.lower().replace("’", " ").split())
        assert not words & {"the", "of", "and", "domain", "copy", "search", "expected", "found", "policy", "warning"}
        assert page.locator("text=Les résultats des contrôles sont en anglais.").is_visible()


def test_a_printed_page_shows_everything_unfolded(tab: Open, small: Path, tmp_path: Path) -> None:
    page = tab(small / "domains" / "example.com.html")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("details:not([open])").count() == 0
    assert not page.locator("button.copy").first.is_visible()
    assert page.locator("#dmarc .form", has_text="Zone line").first.is_visible()
    assert len(page.pdf()) > 10_000
