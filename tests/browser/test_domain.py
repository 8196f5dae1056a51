"""The page of a domain in a real browser: copying, the DMARC form, and untrusted text."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.compliance.generator import DmarcWish, record_text, refusals
from reconciler.compliance.records import dmarc
from reconciler.compliance.records.dmarc import report_uri

pytestmark = pytest.mark.browser
Open = Callable[..., Any]


@pytest.fixture
def page(tab: Open, small: Path) -> Any:
    return tab(small / "domains" / "example.com.html")


def clipboard(page: Any) -> str:
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def made(page: Any) -> str:
    """The record that the form shows."""
    text: str = page.locator("#dmarc-value").inner_text()
    return text


def notes(page: Any) -> set[str]:
    """The notes that the form shows."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('[data-note]:not([hidden])')].map(n => n.dataset.note)"
    )
    return set(found)


def fill(page: Any, **values: str) -> None:
    """Sets fields of the form as a person would, even if they are folded."""
    page.evaluate(
        """values => {
          for (const [name, value] of Object.entries(values)) {
            const field = document.getElementById("dmarc-form").elements.namedItem(name);
            if (field.type === "checkbox") field.checked = value === "y";
            else field.value = value;
          }
          document.getElementById("dmarc-form").dispatchEvent(new Event("input"));
        }""",
        values,
    )


def test_each_form_of_the_record_is_copied_exactly_and_announced(page: Any) -> None:
    forms = page.locator("#dmarc .fix").first.locator(".form:has(button)")
    value = "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.net"
    wanted = ["_dmarc", "_dmarc.example.com.", value, f'_dmarc.example.com. 3600 IN TXT "{value}"']
    for number, text in enumerate(wanted):
        button = forms.nth(number).get_by_role("button")
        button.click()
        page.locator("#live", has_text="Copied: ").wait_for(state="attached")
        assert clipboard(page) == text
        assert button.inner_text() == "Copied"
    assert page.locator("#live").inner_text() == "Copied: Zone line"


def test_copying_works_without_the_clipboard_interface(page: Any) -> None:
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    page.locator("#dmarc .fix .form:has(button) button").nth(2).click()
    page.locator("#live", has_text="Copied: Value").wait_for(state="attached")
    assert clipboard(page) == "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.net"


def test_the_text_is_selected_if_copying_fails(page: Any) -> None:
    page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); document.execCommand = () => false; }"
    )
    page.locator("#dmarc .fix .form:has(button) button").nth(2).click()
    page.locator("#live", has_text="Copying failed").wait_for(state="attached")
    assert page.evaluate("String(getSelection()).trim()") == "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.net"


def test_the_dmarc_form_starts_with_the_product_and_omits_defaults(page: Any) -> None:
    assert made(page) == "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.net"
    assert notes(page) == {"external"}
    assert page.locator("[data-published=none]").is_visible()
    assert (
        page.locator("#dmarc-external").inner_text() == 'example.com._report._dmarc.example.net. 3600 IN TXT "v=DMARC1"'
    )
    fill(page, sp="quarantine", np="quarantine", adkim="r", aspf="r", fo="0")
    assert made(page) == "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.net"


def test_the_dmarc_form_works_with_mouse_and_keyboard(page: Any) -> None:
    page.get_by_role("radio", name="3. Reject").check()
    page.get_by_label("Daily reports to").fill("nobody")
    assert "bad" in notes(page)
    page.get_by_label("Daily reports to").fill("dmarc@example.com")
    page.get_by_text("More settings").click()
    page.get_by_label("Subdomains sp").select_option("none")
    page.get_by_label("DKIM alignment").select_option("s")
    assert made(page) == "v=DMARC1; p=reject; sp=none; adkim=s; rua=mailto:dmarc@example.com"
    assert notes(page) == {"weak-sub", "jump"}
    page.locator("#generator").locator("..").locator(".form button").last.click()
    page.locator("#live", has_text="Copied: Zone line").wait_for(state="attached")
    assert clipboard(page) == f'_dmarc.example.com. 3600 IN TXT "{made(page)}"'


def test_commas_and_exclamation_marks_of_an_address_are_percent_encoded(page: Any) -> None:
    fill(page, p="none", rua="what!now@example.com,a,b@example.com", ruf="mailto:a%2Cb!c@example.com", fo="d:s")
    rua, ruf = "mailto:what%21now@example.com,mailto:a%2Cb@example.com", "mailto:a%2Cb%21c@example.com"
    assert made(page) == f"v=DMARC1; p=none; rua={rua}; ruf={ruf}; fo=d:s"
    fill(
        page, rua="nobody, <script>@example.com x@@example.com x@localhost é@example.com mailto:%zz@example.com", ruf=""
    )
    assert made(page) == "v=DMARC1; p=none; rua=mailto:%3Cscript%3E@example.com"
    assert notes(page) == {"bad", "fo-alone"}
    assert page.locator("#dmarc-bad").inner_text().split() == [
        "nobody", "x@@example.com", "x@localhost", "é@example.com", "mailto:%zz@example.com"
    ]  # fmt: skip


def test_the_dmarc_form_and_the_command_line_build_the_same_record(page: Any) -> None:
    draw = random.Random(9989)
    policies = ("none", "quarantine", "reject")
    for _ in range(120):
        rua = draw.sample(
            ["dmarc@example.com", "a+b@example.com", "what!now@sub.example.com", "x%y@other.example"],
            draw.randint(0, 3),
        )
        ruf = draw.sample(["fail@example.com", "o'neil@example.com"], draw.randint(0, 2))
        chosen = {
            "p": draw.choice(policies), "sp": draw.choice(("", *policies)), "np": draw.choice(("", *policies)),
            "adkim": draw.choice("rs"), "aspf": draw.choice("rs"), "fo": draw.choice(("0", "1", "d", "s", "d:s")),
            "t": draw.choice("yn"), "rua": ", ".join(rua), "ruf": " ".join(ruf),
        }  # fmt: skip
        fill(page, **chosen)
        active = [chosen["p"], chosen["sp"] or chosen["p"], chosen["np"] or chosen["sp"] or chosen["p"]]
        wish = DmarcWish(
            policy=chosen["p"], subdomain_policy=chosen["sp"] or None, np=chosen["np"] or None,
            adkim=chosen["adkim"], aspf=chosen["aspf"], fo=chosen["fo"] if ruf else "0",
            rua=tuple(map(report_uri, rua)), ruf=tuple(map(report_uri, ruf)),
            testing=chosen["t"] == "y" and set(active) != {"none"},
        )  # fmt: skip
        assert not refusals(wish)
        assert made(page) == record_text(wish)
        assert dmarc.is_dmarc(made(page)) and not dmarc.parse(made(page)).bad


def test_a_record_of_many_addresses_is_split_into_strings_of_255(page: Any) -> None:
    fill(page, rua=" ".join(f"reports-of-dmarc-{n:02}@example.com" for n in range(12)))
    line = page.locator("#dmarc-line").inner_text()
    parts = line.split('"')[1::2]
    assert max(map(len, parts)) == 255 and "".join(parts) == made(page)


def test_untrusted_text_is_shown_and_never_runs(page: Any, untrusted: str) -> None:
    card = page.locator("#spf")
    text = card.inner_text()
    assert "<script>window.hit=1</script>" in text
    assert "\\u{202e}evil\\u{202c} \\u{1b}[31mred" in text
    assert not {"\u202e", "\x1b"} & set(page.content())
    assert page.locator("img").count() == 0
    assert "60,000 characters" in text
    assert len(page.content()) < 120_000
    folded = card.locator("details.long").first
    assert not folded.locator(".whole").is_visible()
    folded.locator("summary").click()
    assert folded.locator(".whole").is_visible()
    assert untrusted[:20] in page.content().replace("&lt;", "<").replace("&gt;", ">")


def test_the_spf_tree_shows_the_lookups_of_each_term(page: Any) -> None:
    tree = page.locator("#spf .tree")
    assert tree.locator("ul ul li").inner_text().split() == ["a", "1", "lookup,", "2", "so", "far"]
    lines = [" ".join(text.split()) for text in tree.locator("> ul > li").all_inner_texts()]
    assert lines[0].startswith("include:spf.example.net 10 lookups, 10 so far")
    assert (
        lines[1]
        == "a:<script>window.hit=1</script> 1 lookup, 11 so far over the limit of 10 no records found not a name"
    )
    assert page.locator("#spf summary", has_text="11 lookups of 10").is_visible()


def test_the_dashboard_explains_its_bars_in_words(page: Any, tab: Open, small: Path) -> None:
    tiles = {" ".join(text.split()) for text in page.locator(".tiles li").all_inner_texts()}
    assert {
        "Mailboxes 0 of 25",
        "Disk 0 B of 50 GiB",
        "ActiveSync (EAS) 3 of 10",
        "Outlook (MAPI) off",
        "Monthly bill 19.00 CAD",
    } <= tiles
    other = tab(small / "domains" / "alias.example.html")
    assert other.locator(".tiles").count() == 0
    other.get_by_role("link", name="example.com", exact=True).click()
    other.wait_for_url("**/example.com.html")


def test_a_page_works_with_the_keyboard_alone(page: Any) -> None:
    copied = False
    for _ in range(80):
        page.keyboard.press("Tab")
        what, style, width = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
                       return [e.getAttribute("aria-label") || e.tagName, s.outlineStyle, s.outlineWidth]; }"""
        )
        if what == "BODY":
            break
        assert style != "none" and width != "0px", what
        if what == "Copy: Zone line, TXT" and not copied:
            page.keyboard.press("Enter")
            page.locator("#live", has_text="Copied: Zone line").wait_for(state="attached")
            assert page.evaluate("document.activeElement.getAttribute('aria-label')") == what
            copied = True
    assert copied
