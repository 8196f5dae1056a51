"""Law 4 with arbitrary files, state and options: no protected, ignored or unmanaged resource and no administrator is
deleted, disabled or renamed, neither by a new plan nor by a stale one.
"""

from dataclasses import replace
from typing import Any

import pytest
from fake_run import FakePasswords, run
from hypothesis import event, given, settings
from hypothesis import strategies as st
from law_strategies import FREE, NAMES, PROTECTED, Situation, currents, situations
from law_wild import wild

from reconciler.core.diagnostics import has_errors
from reconciler.core.guards.domain import objections
from reconciler.core.model import UNSET, CurrentDomain, Removal
from reconciler.core.plan import Change
from reconciler.core.product import Limits
from reconciler.engine.apply import apply_plan

ADMINS = {"admin", "chief"}
before_in_main = st.sets(st.sampled_from(NAMES), max_size=3).map(lambda names: dict.fromkeys(names, "in `main`"))


def untouchable(there: Situation, current: CurrentDomain, change: Change) -> str:
    """Why the resource of a change must not be deleted, disabled or renamed; empty if it may."""
    declared = {} if there.desired.mailboxes is UNSET else there.desired.mailboxes
    mailbox = change.kind == "mailbox"
    reasons = {
        "administrator": mailbox and change.name in ADMINS and change.name in current.mailboxes,
        "name": change.kind != "domainAlias" and change.name in PROTECTED,
        "ignored": there.policy.ignores(change.kind, change.name),
        "mark": mailbox and change.name in declared and declared[change.name].protect,
        "before": mailbox and change.name in there.options.protected_before,
    }
    return next((word for word, holds in reasons.items() if holds), "")


def takes_away(change: Change) -> bool:
    return change.action in ("delete", "rename") or change.reason == "purge pending"


@settings(deadline=None, max_examples=300)
@given(wild(), before_in_main, st.sets(st.sampled_from(FREE), max_size=3))
def test_no_plan_deletes_or_renames_a_protected_resource(
    there: Situation, before: dict[str, str], ignored: set[str]
) -> None:
    removed = {(r.kind, r.name): r for r in there.desired.removed}
    removed |= {("mailbox", n): Removal(kind="mailbox", name=n) for n in (*ignored, *before)}
    there = replace(
        there,
        desired=replace(there.desired, removed=tuple(removed.values())),
        policy=replace(there.policy, ignore={"mailbox": tuple(ignored), "alias": tuple(ignored)}),
        options=replace(there.options, protected_before=before),
    )
    made = there.plan()
    assert [c.key for c in made.changes if takes_away(c) and untouchable(there, there.current, c)] == []
    assert not [c.key for c in made.changes if there.policy.ignores(c.kind, c.name)]
    event("refused" if made.refused else "plans to take something away" if any(map(takes_away, made.changes)) else "")


@pytest.mark.parametrize("drawn", [wild, situations])
def test_ignored_and_unmanaged_resources_are_unchanged_after_an_apply(drawn: Any) -> None:
    @settings()  # The number of examples comes from the profile: settings of a nested function are its own.
    @given(drawn(), before_in_main)
    def law(there: Situation, before: dict[str, str]) -> None:
        there = replace(there, options=replace(there.options, protected_before=before))
        made = there.plan()
        if made.refused:
            return
        server = there.server()
        was = server.clone().domains[there.desired.domain]
        run(apply_plan(made, server, FakePasswords(), there.journal(), lambda _: None))
        now = server.domains[there.desired.domain]
        for name in ADMINS | (set(PROTECTED) | before.keys()) & was.mailboxes.keys():
            assert name in now.mailboxes
        for name in ADMINS:
            assert now.mailboxes[name]["enabled"] or not was.mailboxes[name]["enabled"]
        written = {(r.kind, n) for r in there.desired.renamed for n in (r.old, r.new)}
        written |= {(r.kind, r.name) for r in there.desired.removed}
        for kind, old, new in (("mailbox", was.mailboxes, now.mailboxes), ("alias", was.aliases, now.aliases)):
            section = there.desired.section(kind)  # type: ignore[arg-type]
            for name in old:
                ignored = there.policy.ignores(kind, name)  # type: ignore[arg-type]
                declared = section is not UNSET and name in section
                pruned = section is not UNSET and (there.options.prune or there.policy.prune[kind])  # type: ignore[index]
                if ignored or not (declared or pruned or (kind, name) in written):
                    assert new.get(name) == old[name], (kind, name)

    law()


@settings(deadline=None, max_examples=200)
@given(situations(), currents(), before_in_main, st.sets(st.sampled_from(FREE), max_size=2))
def test_a_stale_plan_that_deletes_a_resource_which_is_protected_now_is_refused(
    there: Situation, moved: CurrentDomain, before: dict[str, str], raised: set[str]
) -> None:
    changes = there.plan().changes
    boxes: dict[str, Any] = {
        n: replace(m, facts=replace(m.facts, is_admin=m.facts.is_admin or n in raised))
        for n, m in moved.mailboxes.items()
    }
    moved = replace(moved, mailboxes=boxes)
    there = replace(there, options=replace(there.options, protected_before=before))
    said = objections(
        changes,
        there.desired,
        moved,
        there.policy,
        Limits(),
        frozenset(),
        deletions_allowed=True,
        protected_before=before,
    )
    threatened = [
        c
        for c in changes
        if takes_away(c)
        and c.name in moved.section(c.kind)
        and (untouchable(there, moved, c) or (c.kind == "mailbox" and c.name in raised))
    ]
    event("threatened" if threatened else "")
    assert has_errors(said) or not threatened
