"""Removals in two stages: the mailbox is disabled now, and deleted from a date on."""

from datetime import date, timedelta

import pytest
from domain_builders import TODAY, current, desired, fields_of, gone, only, plan, read_alias, read_box, said, story

from reconciler.core.model import UNSET

TOMORROW = TODAY + timedelta(days=1)


def test_before_its_date_a_mailbox_is_disabled_and_the_note_shows_the_date() -> None:
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


def test_a_disabled_mailbox_has_no_change_until_its_date() -> None:
    made = plan(desired([], removed=[gone("carol", purge_after=TOMORROW)]), current([read_box("carol", enabled=False)]))
    assert (made.changes, made.unmanaged, said(made)) == ((), (), ["GRD009"])


@pytest.mark.parametrize("day", [TODAY, TODAY - timedelta(days=30)])
def test_on_and_after_its_date_a_mailbox_is_deleted(day: date) -> None:
    made = plan(desired([], removed=[gone("carol", purge_after=day)]), current([read_box("carol", enabled=False)]))
    assert story(made) == ["delete mailbox:carol@example.com"]
    assert made.diagnostics == ()


def test_an_alias_stays_unchanged_until_its_date() -> None:
    made = plan(desired(removed=[gone("s", "alias", TOMORROW)]), current(aliases=[read_alias("s")]))
    assert (made.changes, said(made)) == ((), ["GRD009"])
    assert "stays until then" in made.diagnostics[0].message


def test_a_mailbox_with_an_unread_enabled_field_makes_the_plan_incomplete() -> None:
    made = plan(desired([], removed=[gone("carol", purge_after=TOMORROW)]), current([read_box("carol", enabled=UNSET)]))
    assert (made.complete, made.changes) == (False, ())
    assert "GRD006" in said(made)


def test_a_removal_before_its_date_is_not_pruned() -> None:
    made = plan(desired([], removed=[gone("carol", purge_after=TOMORROW)]), current([read_box("carol")]), prune=True)
    assert only(made).action == "update"
