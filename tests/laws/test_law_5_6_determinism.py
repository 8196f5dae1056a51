"""Laws 5 and 6: the order of the input has no effect, and a serialized plan is the same plan."""

import json
import random
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from law_strategies import Situation, situations
from law_wild import wild

from reconciler.core.model import UNSET
from reconciler.core.plan import canonical_json, digest_data


def shuffled(rows: Any, dice: random.Random) -> Any:
    """The same mapping or tuple in another order."""
    if rows is UNSET:
        return rows
    listed = list(rows.items()) if isinstance(rows, dict) else list(rows)
    dice.shuffle(listed)
    return dict(listed) if isinstance(rows, dict) else tuple(listed)


def stirred(there: Situation, dice: random.Random) -> Situation:
    """The same situation in another order."""
    sections = ("mailboxes", "aliases", "domain_aliases")
    desired = {name: shuffled(getattr(there.desired, name), dice) for name in (*sections, "removed", "renamed")}
    current = {name: shuffled(getattr(there.current, name), dice) for name in sections}
    return replace(
        there,
        desired=replace(there.desired, **desired),
        current=replace(there.current, **current),
        options=replace(there.options, password_versions=shuffled(dict(there.options.password_versions), dice)),
    )


@settings(deadline=None, max_examples=150)
@given(st.one_of(situations(), wild()), st.integers())
def test_law_5_the_order_of_the_input_has_no_effect(there: Situation, seed: int) -> None:
    first, second = there.plan(), stirred(there, random.Random(seed)).plan()
    assert first == second
    assert first.digest == second.digest
    assert first.diagnostics == second.diagnostics
    assert [c.origin for c in first.changes] == [c.origin for c in second.changes]


@settings(deadline=None, max_examples=100)
@given(st.one_of(situations(), wild()), st.one_of(situations(), wild()))
def test_law_6_plan_data_is_stable_and_distinguishes_plans(one: Situation, other: Situation) -> None:
    first, second = one.plan(), other.plan()
    written = canonical_json(digest_data(first))
    assert json.loads(written) == digest_data(first)
    assert canonical_json(json.loads(written)) == written
    assert (first == second) is (digest_data(first) == digest_data(second)) is (first.digest == second.digest)
    if first.changes:
        assert replace(first, changes=first.changes[1:]).digest != first.digest


@settings(deadline=None, max_examples=100)
@given(st.one_of(situations(), wild()))
def test_changes_are_unique_and_come_after_their_dependencies(there: Situation) -> None:
    keys = [c.key for c in there.plan().changes]
    assert len(set(keys)) == len(keys)
    for n, change in enumerate(there.plan().changes):
        assert set(change.depends_on) <= set(keys[:n])
