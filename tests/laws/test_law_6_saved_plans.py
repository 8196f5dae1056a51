"""Law 6: saved and loaded, a plan is equal; and a file with a changed byte is refused."""

import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from domain_builders import alias, box, current, desired, gone, plan, read_alias, read_box, rename
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from law_strategies import TODAY, Situation, situations
from law_wild import wild
from saved_world import SavedWorld, configuration, request_for

from reconciler.app.saved.plan_file import SavedPlan, saved_plan, unfit
from reconciler.core.errors import StalePlan
from reconciler.core.plan import Plan
from reconciler.core.planning.planner import PlanOptions
from reconciler.core.planning.recheck import precondition
from reconciler.core.source import Span
from reconciler.core.workspace import Policy


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@settings(deadline=None, max_examples=100)
@given(there=st.one_of(situations(), wild()))
def test_law_6_saved_and_loaded_a_plan_is_equal(root: Path, there: Situation) -> None:
    made = there.plan()
    assume(not unfit([made]))
    world = SavedWorld(root, there, there.server())
    loaded = world.load(world.save(made))
    assert loaded.plans == (made,)
    assert loaded.plans[0].digest == made.digest
    assert loaded.request == request_for(there, made)
    (expected,) = loaded.domains
    assert expected.preconditions == {c.key: precondition(c, loaded.salt) for c in made.changes}


any_text = st.text(st.characters(exclude_categories=()), max_size=20)
"""Includes single surrogates, which no encoding supports but JSON can contain."""


@settings(deadline=None, max_examples=60)
@given(text=any_text, before=any_text)
def test_law_6_holds_for_any_text(root: Path, text: str, before: str) -> None:
    there = current([read_box("alice", display_name=before)])
    made = plan(desired([box("alice", display_name=text)]), there)
    saved = saved_plan(configuration(root, desired()), _request(made), [made])
    assert saved.isascii()
    assert _load(root, saved).plans == (made,)


def everything() -> tuple[Plan, Any]:
    """A plan with every action, and its domain file."""
    there = current(
        [
            read_box("alice", quota=1),
            read_box("carol", usage_bytes=3, last_login="2026-01-01T00:00:00Z"),
            read_box("rob"),
        ],
        [read_alias("old", "alice")],
        ["gone.example"],
    )
    wanted = desired(
        [box("alice", quota=5, forward_to=("x@else.example",)), box("dora"), box("bob", enabled=False)],
        [alias("team", "dora")],
        ["new.example"],
        removed=[gone("carol"), gone("old", "alias"), gone("gone.example", "domainAlias")],
        renamed=[rename("rob", "bob")],
    )
    made = plan(wanted, there, deletions_allowed=True)
    assert len(made.changes) == 9
    return made, wanted


def _request(made: Plan) -> Any:
    return request_for(Situation(desired(), current(), Policy(), PlanOptions(today=TODAY)), made)


def _load(root: Path, text: str | bytes, **more: Any) -> SavedPlan:
    path = root / "p.plan"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return SavedPlan.load(path, configuration(root, everything()[1], **more))


def test_every_fact_of_a_change_is_restored_except_the_live_object(root: Path) -> None:
    made, wanted = everything()
    spans = tuple(replace(c, origin=Span("../domains/example.com.yaml", 3, 1, 3, 9)) for c in made.changes)
    made = replace(made, changes=spans)
    files = {"../domains/example.com.yaml": "domains/example.com.yaml"}
    text = saved_plan(configuration(root, wanted, files=files), _request(made), [made])
    assert '"file": "domains/example.com.yaml"' in text
    (loaded,) = _load(root, text, files=files).plans
    for before, after in zip(made.changes, loaded.changes, strict=True):
        assert (before, before.origin) == (after, after.origin)
        assert (before.usage_bytes, before.last_login) == (after.usage_bytes, after.last_login)


def test_a_file_with_any_changed_byte_is_refused(root: Path, long_run: bool) -> None:
    made, wanted = everything()
    text = saved_plan(configuration(root, wanted), _request(made), [made]).encode()
    assert _load(root, text).plans == (made,)
    dice = random.Random(3)
    for place in range(0, len(text), 7 if long_run else 41):
        for byte in (dice.randrange(256), text[place] ^ 1, ord(" ")):
            if byte != text[place]:
                with pytest.raises(StalePlan):
                    _load(root, text[:place] + bytes([byte]) + text[place + 1 :])
    for edited in (text[:-1], text + b"\n", b"\xef\xbb\xbf" + text, text.replace(b"\n", b"\r\n"), b""):
        with pytest.raises(StalePlan):
            _load(root, edited)


def test_two_saves_of_one_plan_have_no_digest_in_common(root: Path) -> None:
    made, wanted = everything()
    one, other = (
        _load(root, saved_plan(configuration(root, wanted), _request(made), [made])).domains[0].preconditions
        for _ in range(2)
    )
    digests = [{d for p in e.values() for d in (p.fields or {}).values()} for e in (one, other)]
    assert digests[0] and not digests[0] & digests[1]


def test_a_saved_plan_is_valid_until_it_expires_and_the_error_shows_the_time(root: Path) -> None:
    made, wanted = everything()
    then = datetime(2026, 6, 1, 12, tzinfo=UTC)
    config = configuration(root, wanted)
    path = root / "p.plan"
    path.write_text(saved_plan(config, _request(made), [made], expires=timedelta(hours=2), now=then), "ascii")
    assert SavedPlan.load(path, config, now=then + timedelta(minutes=119)).plans == (made,)
    with pytest.raises(StalePlan, match="expired at 2026-06-01T14:00:00Z"):
        SavedPlan.load(path, config, now=then + timedelta(hours=2))
