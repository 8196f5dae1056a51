"""Plans as a pull request comment: order, truncation between changes, escaping of untrusted text."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.plan import Change, FieldChange, Plan
from reconciler.output.markdown import code, md
from reconciler.output.plan.markdown import render_plans_markdown

Make = Callable[..., Change]


def test_the_headline_names_the_deletions_of_a_merge(make: Make) -> None:
    gone = make("delete", "carol", usage_bytes=3435973837, last_login="2026-11-20T10:00:00Z", risk="mail-loss")
    text = render_plans_markdown((Plan(domain="example.com", server="m", changes=(gone,)),))
    assert text.splitlines()[0] == "## ⚠ Deletes 1 mailbox with 3.2 GiB, last login 2026-11-20"


def test_a_plan_without_changes_says_no_changes(make: Make) -> None:
    assert render_plans_markdown((Plan(domain="example.com", server="m"),)) == (
        "## No changes\n\nNo changes. 1 domain is as declared.\n"
    )
    harmless = Plan(domain="example.com", server="m", changes=(make("create", "a"),))
    assert render_plans_markdown((harmless,)).startswith("## 1 change\n\nPlan: 1 to create in 1 of 1 domain.")


COMMENT = """\
## ⚠ Refused in 1 domain · deletes 1 mailbox with 3.2 GiB, last login 2026-11-20; 1 alias · external forwarding in 1 change · incomplete read of 1 domain

Plan: 3 to create, 2 to update, 2 to delete, 1 to rename in 2 of 4 domains; 3 unmanaged.

### Refused, or read incompletely

- example.com: 1 of 4 mailboxes would be deleted; the policy lets 0 pass (GRD002) at `domains/example.com.yaml:28:5`
  - if all of them are meant, give --allow-deletions with the exact number of deletions in the plan
- gone.example: mail2.example.net does not answer (SRV001) at `reconciler.yaml:7:3`

### 2 deletions

- `-` mailbox `carol@example.com` **deletes mail** (removed; 3.2 GiB, last login 2026-11-20)
  - at `domains/example.com.yaml:28:5`
- `-` alias `old-sales@example.com` (pruned: no file declares it)
  - at `domains/example.com.yaml:29:5`

### 1 rename

- `>` mailbox `robert@example.com` → `bob@example.com` **access**
  - at `domains/example.com.yaml:30:5`

<details><summary>2 updates</summary>

- `~` mailbox `alice@example.com` **external forwarding**
  - at `domains/example.com.yaml:8:5`
  - quota: `1 GiB` → `5 GiB`
  - forwarding.to: added `alice@elsewhere.example`, removed `a@example.com`
  - password: (set from env:ALICE&#95;PASSWORD)
"""


def test_refusals_come_first_then_deletions_renames_updates_and_creations(
    telling: tuple[Plan, ...],
) -> None:
    text = render_plans_markdown(telling)
    assert text.startswith(COMMENT)
    assert text.count("<details>") == text.count("</details>") == 3
    assert "- `+` domain alias `xn--bcher-kva.example` of `xn--mnchen-3ya.example`\n" in text
    assert "- `example.com`: 3 unmanaged: 2 mailboxes, 1 alias\n" in text


def many(make: Make, number: int) -> tuple[Plan, ...]:
    created = (make("create", f"user{n}", fields=(FieldChange(name="quota", after=1 << 30),)) for n in range(number))
    return (Plan(domain="example.com", server="m", changes=(*created, make("delete", "carol"))),)


@pytest.mark.parametrize("limit", [2_000, 5_000, 65_536])
def test_a_long_comment_is_truncated_between_changes_and_counts_the_omitted_ones(make: Make, limit: int) -> None:
    plans = many(make, 3_000)
    text = render_plans_markdown(plans, limit=limit)
    assert len(text) <= limit
    assert "### 1 deletion\n\n- `-` mailbox `carol@example.com`" in text
    assert text.count("<details>") == text.count("</details>") == 1
    shown = len(re.findall(r"^- `\+` mailbox `user\d+@example\.com`$", text, re.MULTILINE))
    missing = int(re.search(r"\*\*Omitted to save space: (\d+) creations\.\*\*", text)[1])  # type: ignore[index]
    assert shown > 0
    assert shown + missing == 3_000


def test_a_change_too_long_for_a_comment_keeps_its_line_and_does_not_hide_the_others(make: Make) -> None:
    targets = tuple(f"user{n}@example.com" for n in range(5_000))
    long = make("create", "all", kind="alias", fields=(FieldChange(name="to", after=targets),))
    text = render_plans_markdown((Plan(domain="example.com", server="m", changes=(long, make("create", "zoe"))),))
    assert "- `+` alias `all@example.com`\n- `+` mailbox `zoe@example.com`\n" in text
    assert "Omitted to save space: the details of 1 entry." in text


def test_a_limit_that_cannot_hold_the_headline_is_refused(telling: tuple[Plan, ...]) -> None:
    with pytest.raises(ValueError, match="at least 2000"):
        render_plans_markdown(telling, limit=100)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), limit=st.integers(2_000, 6_000))
def test_no_comment_is_longer_than_its_limit(data: st.DataObject, limit: int, any_plans: Any) -> None:
    text = render_plans_markdown(data.draw(any_plans), limit=limit)
    lines = text.splitlines()
    assert len(text) <= limit
    assert sum(line.startswith("<details>") for line in lines) == lines.count("</details>")


OURS = re.compile(r"</?details>|<details><summary>(\d+ \w+|Unmanaged|Monthly bill by domain)</summary>")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_untrusted_text_opens_no_tag_link_or_mention(data: st.DataObject, any_plans: Any) -> None:
    """A CommonMark parser with the tables and strikethrough of GitHub reads the comment."""
    import markdown_it

    parser = markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    plans = data.draw(any_plans)
    tokens = parser.parse(render_plans_markdown(plans))
    kinds = {t.type for t in tokens} | {c.type for t in tokens for c in t.children or ()}
    assert not kinds & {"link_open", "image", "html_inline", "table_open", "s_open", "em_open", "fence", "code_block"}
    for token in tokens:
        if token.type == "html_block":
            assert all(OURS.fullmatch(line) for line in token.content.splitlines() if line)
        for child in token.children or ():
            if child.type == "text":
                assert not re.search(r"[@#!~$&][\w{]|://|www\.|GH-\d", child.content, re.IGNORECASE)
    lists = [t for t in tokens if t.type == "bullet_list_open" and t.level == 0]
    assert len(lists) <= 3 + 4 * 4 + 2, "no name begins a list of its own"


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_escaped_text_has_no_special_character(
    data: st.DataObject, any_text: st.SearchStrategy[str], is_quiet: Callable[[str], bool]
) -> None:
    escaped = md(data.draw(any_text))
    assert is_quiet(escaped)
    assert not re.search(r"[\\`*_{}\[\]<>|@!~$%^]|#(?!\d+;)|&(?!#\d+;)|://|^[-+/=]", escaped)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_code_span_contains_exactly_its_text(data: st.DataObject, any_text: st.SearchStrategy[str]) -> None:
    import markdown_it

    text = data.draw(any_text.filter(lambda t: t.isprintable() and t.strip() == t and t != ""))
    (paragraph,) = (t for t in markdown_it.MarkdownIt("commonmark").parse(f"- {code(text)}") if t.type == "inline")
    (span,) = paragraph.children
    assert span.type == "code_inline"


def test_names_can_be_copied_from_code_spans() -> None:
    assert code("a|b`c@example.com") == "``a|b`c@example.com``"
    assert code("`") == "`` ` ``"
    assert md("@a | #1\n") == "&#64;&#8203;a &#124; &#35;&#8203;1&#92;u&#123;a&#125;"
