"""Removals in two stages: disabled now, deleted from a day on."""

from datetime import date, timedelta

import pytest
from domain_builders import TODAY, current, desired, fields_of, gone, only, plan, read_alias, read_box, said, story

from reconciler.core.model import UNSET

TOMORROW = TODAY + timedelta(days=1)


def test_before_its_day_a_mailbox_is_disabled_and_the_day_is_said() -> None:
    made = plan(desired([], removed=[gone("carol", purge_after=TOMORROW)]), current([read_box("carol")]))
    change = only(made)
    assert (change.action, change.reason, change.purge_after, change.risk) == (
        "update",
        "purge pending",
        "2026-06-16",
        "access",
    )
    assert fields_of(change) == {"enabled": (True, False)}
    assert said(made) == ["GRD009"]
    assert not made.refused


def test_once_disabled_nothing_is_left_to_do_until_the_day() -> None:
    made = plan(desired([], removed=[gone("carol", purge_after=TOMORROW)]), current([read_box("carol", enabled=False)]))
    assert (made.changes, made.unmanaged, said(made)) == ((), (), ["GRD009"])


@pytest.mark.parametrize("day", [TODAY, TODAY - timedelta(days=30)])
def test_on_its_day_and_after_it_a_mailbox_is_deleted(day: date) -> None:
    made = plan(desired([], removed=[gone("carol", purge_after=day)]), current([read_box("carol", enabled=False)]))
    assert story(made) == ["delete mailbox:carol@example.com"]
    assert made.diagnostics == ()


def test_an_alias_stays_as_it_is_until_its_day() -> None:
    made = plan(desired(removed=[gone("s", "alias", TOMORROW)]), current(aliases=[read_alias("s")]))
    assert (made.changes, said(made)) == ((), ["GRD009"])
    assert "stays until then" in made.diagnostics[0].message


def test_whether_it_is_disabled_must_have_been_read() -> None:
    made = plan(desired([], removed=[gone("carol", purge_after=TOMORROW)]), current([read_box("carol", enabled=UNSET)]))
    assert (made.complete, made.changes) == (False, ())
    assert "GRD006" in said(made)


def test_a_removal_that_waits_is_not_pruned_meanwhile() -> None:
    made = plan(desired([], removed=[gone("carol", purge_after=TOMORROW)]), current([read_box("carol")]), prune=True)
    assert only(made).action == "update"
