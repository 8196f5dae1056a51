"""Law 4, further: with whatever files, state and options, nothing protected, ignored or unmanaged and no administrator

is deleted, disabled or renamed; neither by a plan nor by one that was made before things moved.
"""

from dataclasses import replace
from typing import Any

import pytest
from fake_run import FakePasswords, run
from hypothesis import event, given, settings
from hypothesis import strategies as st
from law_strategies import FREE, NAMES, SHIELDED, Situation, currents, situations
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
    """Why nobody may delete, disable or rename what a change is about; empty if one may."""
    declared = {} if there.desired.mailboxes is UNSET else there.desired.mailboxes
    mailbox = change.kind == "mailbox"
    reasons = {
        "administrator": mailbox and change.name in ADMINS and change.name in current.mailboxes,
        "name": change.kind != "domainAlias" and change.name in SHIELDED,
        "ignored": there.policy.ignores(change.kind, change.name),
        "mark": mailbox and change.name in declared and declared[change.name].protect,
        "before": mailbox and change.name in there.options.protected_before,
    }
    return next((word for word, holds in reasons.items() if holds), "")


def takes_away(change: Change) -> bool:
    return change.action in ("delete", "rename") or change.reason == "purge pending"


@settings(deadline=None, max_examples=300)
@given(wild(), before_in_main, st.sets(st.sampled_from(FREE), max_size=3))
def test_no_plan_takes_away_what_nobody_may_touch(there: Situation, before: dict[str, str], ignored: set[str]) -> None:
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
def test_what_is_not_ours_is_afterwards_as_it_was(drawn: Any) -> None:
    @settings()  # the profile says how many: the settings of a function within a test are its own
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
        for name in ADMINS | (set(SHIELDED) | before.keys()) & was.mailboxes.keys():
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
def test_a_plan_that_was_made_before_things_moved_is_refused_where_it_takes_away_what_nobody_may_touch_now(
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
