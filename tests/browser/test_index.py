"""The page of all domains in a real browser."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
Open = Callable[..., Any]


def listed(page: Any) -> list[str]:
    """The displayed domains, in order."""
    return page.locator("tbody th a").all_inner_texts()


def test_all_domains_are_listed_with_a_word_for_each_result(tab: Open, small: Path) -> None:
    page = tab(small / "index.html")
    assert len(listed(page)) == 23
    assert "münchen.example" in listed(page)
    first = page.locator("tbody tr", has_text="example.com").first
    words = first.locator(".c-checks .pill").all_text_contents()
    assert words[:2] == ["MX Pass", "SPF Fail"]
    assert page.locator("#shown").inner_text() == "1 to 23 of 23"
    assert page.get_by_role("row").count() == 24


def test_a_search_matches_all_words_and_reports_no_match(tab: Open, small: Path) -> None:
    page = tab(small / "index.html")
    page.get_by_label("Search", exact=True).fill("MÜNCHEN")
    assert listed(page) == ["münchen.example"]
    page.get_by_label("Search", exact=True).fill("customer mail2")
    assert listed(page) == ["customer01.example", "customer08.example", "customer15.example"]
    page.get_by_label("Search", exact=True).fill("<script>")
    assert listed(page) == []
    assert page.locator("#shown").inner_text().startswith("No domain matches")
    page.get_by_role("button", name="Show all").click()
    assert len(listed(page)) == 23


def test_status_filters_count_and_combine(tab: Open, small: Path) -> None:
    page = tab(small / "index.html")
    chips = {name: page.locator(f".chip[data-status={name}]") for name in ("pass", "warn", "fail", "error")}
    counts = {name: int(chip.locator("b").inner_text()) for name, chip in chips.items()}
    assert sum(counts.values()) == 23
    chips["fail"].click()
    assert len(listed(page)) == counts["fail"] > 0
    assert chips["fail"].get_attribute("aria-pressed") == "true"
    chips["error"].click()
    assert len(listed(page)) == counts["fail"] + counts["error"]
    page.get_by_label("Check", exact=True).select_option("mx")
    assert listed(page) == []
    assert chips["pass"].locator("b").inner_text() == "23"


def test_sorting_by_a_column_and_back_is_announced(tab: Open, small: Path) -> None:
    page = tab(small / "index.html")
    assert listed(page) == sorted(listed(page), key=lambda name: name.replace("ü", "u") if name[0] != "m" else "xn")
    head = page.locator("th[data-sort=mailboxes]")
    head.get_by_role("button").click()
    figures = [int(text) for text in page.locator("tbody .c-mailboxes").all_inner_texts() if text]
    assert figures == sorted(figures, reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    head.get_by_role("button").click()
    figures = [int(text) for text in page.locator("tbody .c-mailboxes").all_inner_texts() if text]
    assert figures == sorted(figures)
    assert head.get_attribute("aria-sort") == "ascending"
    page.get_by_label("Sort by").select_option("status")
    words = page.locator("tbody .c-status").all_inner_texts()
    order = ["Fail", "Lookup failed", "Warning", "Pass"]
    assert [order.index(w.strip()) for w in words] == sorted(order.index(w.strip()) for w in words)


def test_the_selection_survives_a_visit_to_a_domain(tab: Open, small: Path) -> None:
    page = tab(small / "index.html")
    page.get_by_label("Search", exact=True).fill("customer0")
    page.locator(".chip[data-status=fail]").click()
    before = listed(page)
    page.locator("tbody th a").first.click()
    assert page.locator("h1").inner_text().startswith(before[0])
    page.go_back()
    assert listed(page) == before
    assert page.get_by_label("Search", exact=True).input_value() == "customer0"


@pytest.mark.long
def test_two_thousand_domains_give_at_most_a_hundred_rows(tab: Open, large: Path) -> None:
    began = time.perf_counter()
    page = tab(large / "index.html")
    loaded = time.perf_counter() - began
    most = page.evaluate(
        """async () => {
          let most = 0;
          const see = () => { most = Math.max(most, document.querySelectorAll("tbody tr").length); };
          const q = document.getElementById("q");
          see();
          const began = performance.now();
          for (const text of ["c", "cu", "customer", "customer1", "customer12", "customer1", ""]) {
            q.value = text;
            q.dispatchEvent(new Event("input"));
            see();
          }
          for (const head of document.querySelectorAll("th[data-sort] button")) { head.click(); see(); }
          for (let n = 0; n < 5; n++) { document.getElementById("next").click(); see(); }
          return [most, performance.now() - began, document.querySelectorAll("*").length];
        }"""
    )
    print(
        f"2,000 domains: shown in {loaded:.2f} s; 18 searches, sorts and turns in {most[1]:.0f} ms; {most[2]} elements"
    )
    assert most[0] == 100
    assert most[2] < 6_000
    assert re.fullmatch("501 to 600 of 2,000", page.locator("#shown").inner_text())
    assert page.locator("#where").inner_text() == "Page 6 of 20"


def test_a_printed_list_has_all_domains(tab: Open, middling: Path) -> None:
    page = tab(middling / "index.html")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("tbody tr").count() == 250
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("tbody tr").count() == 100


def test_without_scripts_every_domain_can_be_reached(tab: Open, small: Path, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((small / "index.html").as_uri())
    assert page.locator("noscript a").count() == 23
    assert not page.locator("#tools").is_visible()
    context.close()


def test_the_list_works_with_the_keyboard_alone(tab: Open, small: Path) -> None:
    page = tab(small / "index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    seen = set()
    for _ in range(40):
        focus = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
                       return [e.id || e.dataset.status || e.textContent.trim(), s.outlineStyle, s.outlineWidth]; }"""
        )
        seen.add(focus[0])
        assert focus[1] != "none" and focus[2] != "0px", focus
        if focus[0] == "fail":
            page.keyboard.press("Space")
            assert page.locator(".chip[data-status=fail]").get_attribute("aria-pressed") == "true"
            page.keyboard.press("Space")
        if focus[0] == "q":
            page.keyboard.type("example.com")
            assert listed(page) == ["alias.example", "example.com"]  # a search also matches the domain of an alias
        if focus[0] == "example.com":
            page.keyboard.press("Enter")
            break
        page.keyboard.press("Tab")
    assert {"fail", "q", "check", "sort", "reset", "example.com"} <= seen
    page.wait_for_url("**/domains/example.com.html")
