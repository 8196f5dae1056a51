"""Plans as text: complete screens, and laws for untrusted names."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reconciler.core.plan import Change, FieldChange, Plan, Unmanaged
from reconciler.core.secret import SecretRef
from reconciler.output.plan.text import render_plans
from reconciler.output.plan.words import list_changes
from reconciler.output.terminal import columns

Make = Callable[..., Change]

SCREEN = """\
example.com  on mail1  REFUSED
  error: example.com: 1 of 4 mailboxes would be deleted; the policy lets 0 pass
      [GRD002]
    at domains/example.com.yaml:28:5
    hint: if all of them are meant, give --allow-deletions with the exact number
      of deletions in the plan
  > mailbox robert@example.com -> bob@example.com  [access]
  ~ mailbox alice@example.com  [external forwarding]
      quota: 1 GiB -> 5 GiB
      forwarding.to: + alice@elsewhere.example  - a@example.com
      password: (set from env:ALICE_PASSWORD)
  ~ mailbox dave@example.com  [access]  purge pending: deleted from 2026-12-31
      on; 1.0 MiB, no login known
      enabled: true -> false
  + mailbox erin@example.com
      displayName: "Erin \\"E\\" O\\\\Neil"
      quota: unlimited
      password: (generated, delivered to a file)
  + alias team@example.com
      to: member0@example.com, member1@example.com, member2@example.com,
          member3@example.com, member4@example.com, member5@example.com,
          member6@example.com
  - mailbox carol@example.com  [deletes mail]  removed; 3.2 GiB, last login
      2026-11-20
  - alias old-sales@example.com  pruned: no file declares it
  3 unmanaged: 2 mailboxes, 1 alias

münchen.example (xn--mnchen-3ya.example)  on mail1
  + domain alias xn--bcher-kva.example (bücher.example)

gone.example  on mail2  INCOMPLETE READ: no changes here
  error: gone.example: mail2.example.net does not answer [SRV001]
    at reconciler.yaml:7:3

Plan: 3 to create, 2 to update, 2 to delete, 1 to rename in 2 of 4 domains; 3
    unmanaged.
! deletes 1 mailbox (3.2 GiB, last login 2026-11-20), 1 alias
! external forwarding: 1 change
! refused: example.com; `apply` changes nothing
! incomplete read, skipped: gone.example
"""

VERBOSE = """\
~ mailbox alice@example.com  [external forwarding]
domains/example.com.yaml:8:5
> mailbox robert@example.com -> bob@example.com  [access]
alias news@example.com
mailbox old@example.com
quiet.example  on mail1
as declared
info: mailbox other@example.com will be deleted [GRD009]
"""


def screen(plans: tuple[Plan, ...], **more: object) -> str:
    given = {"color": False, "width": 80} | more
    return "".join(line + "\n" for line in render_plans(plans, **given))  # type: ignore[arg-type]


def test_a_plan_with_every_kind_of_change_fits_80_columns(telling: tuple[Plan, ...]) -> None:
    assert screen(telling) == SCREEN


def test_verbose_adds_locations_unmanaged_addresses_notes_and_domains_without_changes(
    telling: tuple[Plan, ...],
) -> None:
    first, *rest = telling
    note = replace(first.diagnostics[1], message="mailbox other@example.com will be deleted", span=None)
    lines = [line.strip() for line in screen((replace(first, diagnostics=(note,)), *rest), verbose=1).splitlines()]
    for line in VERBOSE.splitlines():
        assert line in lines


def test_a_plan_without_changes_is_one_line() -> None:
    quiet = tuple(Plan(domain=f"{n}.example", server="mail1") for n in range(4))
    assert screen(quiet) == "No changes. 4 domains are as declared.\n"
    assert screen(quiet[:1]) == "No changes. 1 domain is as declared.\n"
    assert screen(()) == "No changes. No domain was selected.\n"


def test_unmanaged_resources_of_quiet_domains_are_only_counted() -> None:
    plan = Plan(domain="a.example", server="mail1", unmanaged=(Unmanaged("alias", "x@a.example"),))
    assert screen((plan,)) == "No changes. 1 domain is as declared; 1 unmanaged.\n"


def test_a_domain_with_an_incomplete_read_is_never_reported_as_declared(telling: tuple[Plan, ...]) -> None:
    text = screen(telling[2:])
    assert "Plan incomplete. 1 domain is as declared, 1 domain is not read completely." in " ".join(text.split())


def test_deletions_are_red_and_shown_once_after_the_counts(telling: tuple[Plan, ...]) -> None:
    lines = list(render_plans(telling, color=True, width=200))
    counts = next(n for n, line in enumerate(lines) if "Plan:" in line)
    found = [n for n, line in enumerate(lines) if line.startswith("\033[1;31m!\033[0m \033[1;31mdeletes\033[0m")]
    assert found == [counts + 1]


def test_deletions_of_unknown_size_are_marked(make: Make) -> None:
    known = make("delete", "a", usage_bytes=1 << 30, last_login="2026-01-02T00:00:00Z")
    unknown = make("delete", "b")
    assert screen((Plan(domain="example.com", server="m", changes=(known, unknown)),)).endswith(
        "! deletes 2 mailboxes (at least 1.0 GiB, last login 2026-01-02)\n"
    )
    assert screen((Plan(domain="example.com", server="m", changes=(unknown,)),)).endswith(
        "! deletes 1 mailbox (size unknown, no login known)\n"
    )


def test_names_that_look_alike_are_spelled_out(make: Make) -> None:
    fields = (FieldChange(name="displayName", before="\u00e9", after="e\u0301"),)
    text = screen((Plan(domain="example.com", server="m", changes=(make("update", "a", fields=fields),)),))
    assert 'displayName: "\\xe9" -> "e\\u0301"' in text


def test_an_address_longer_than_the_screen_is_not_cut() -> None:
    name = "x" * 64
    long = Change(action="create", kind="mailbox", domain="d" * 60 + ".example", name=name)
    text = screen((Plan(domain=long.domain, server="m", changes=(long,)),))
    assert long.address in text


def test_an_emptied_list_shows_its_removals_and_an_empty_new_list_shows_brackets(make: Make) -> None:
    gone = make("update", "a", fields=(FieldChange(name="forwarding.to", before=("x@y.example",), after=()),))
    none = make("create", "b", fields=(FieldChange(name="forwarding.to", after=()),))
    text = screen((Plan(domain="example.com", server="m", changes=(gone, none)),))
    assert "forwarding.to: - x@y.example\n" in text
    assert "forwarding.to: []\n" in text


@pytest.mark.parametrize("kind", ["env", "file", "command", "sops", "vault", "keyring"])
def test_a_password_is_shown_by_its_reference(kind: str, make: Make) -> None:
    fields = (FieldChange(name="password", secret=SecretRef(kind, "WHERE")),)  # type: ignore[arg-type]
    text = screen((Plan(domain="example.com", server="m", changes=(make("update", "a", fields=fields),)),))
    assert f"      password: (set from {kind}:WHERE)\n" in text


Plans = st.SearchStrategy[list[Plan]]


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_untrusted_text_controls_neither_the_terminal_nor_a_runner(
    data: st.DataObject, any_plans: Plans, is_quiet: Callable[[str], bool]
) -> None:
    for line in render_plans(data.draw(any_plans), color=False, width=80, verbose=2):
        assert is_quiet(line)
        assert not line.lstrip().startswith("::")
        assert "##" not in line
        line.encode("utf-8")


@settings(max_examples=60, deadline=None)
@given(name=st.text(max_size=300), old=st.text(max_size=300), size=st.integers(0, 1 << 60))
def test_lines_fit_80_columns_for_any_values(name: str, old: str, size: int, make: Make) -> None:
    fields = (FieldChange(name="displayName", before=old, after=name), FieldChange(name="quota", before=1, after=size))
    plan = Plan(domain="example.com", server="m", changes=(make("update", "a", fields=fields),))
    assert [line for line in render_plans((plan,), color=False, width=80) if columns(line) > 80] == []


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_change_is_shown_for_any_names(data: st.DataObject, any_plans: Plans) -> None:
    plans = data.draw(any_plans)
    lines = list(render_plans(plans, color=False, width=80))
    heads = [line for line in lines if line.startswith(("  + ", "  ~ ", "  - ", "  > "))]
    assert len(heads) == sum(len(p.changes) for p in plans)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_added_and_removed_are_the_differences_of_the_sets(
    data: st.DataObject, any_addresses: st.SearchStrategy[tuple[str, ...]]
) -> None:
    before, after = data.draw(any_addresses), data.draw(any_addresses)
    assume(before != after)
    added, removed = list_changes(before, after)
    assert added == tuple(sorted(set(after) - set(before)))
    assert removed == tuple(sorted(set(before) - set(after)))
