"""Law 3 with files: after an import the plan is empty, and a second import changes no byte. The same holds for an import
over an old file, and for a file after `drift --adopt`."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from domain_builders import DOMAIN
from http_values import Silent, run, servers, written_down
from http_world import HttpWorld, start, stop
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from law_strategies import Situation, situations

from reconciler.app.adopt.drift import adopt
from reconciler.app.adopt.file_changes import write_changes
from reconciler.app.adopt.importing import import_domains
from reconciler.app.plan.planner import PlanRequest
from reconciler.app.plan.reading import make_plans
from reconciler.config.workspace import Configuration, load_configuration
from reconciler.core.diagnostics import has_errors
from reconciler.core.model import Alias, Mailbox
from reconciler.core.plan import Plan
from reconciler.core.workspace import Policy

few = settings(deadline=None, max_examples=8, phases=[Phase.generate], suppress_health_check=list(HealthCheck))

odd_texts = st.sampled_from(
    ["", "a: b # c", "null", "\u202egnp.exe", "nbsp\u00a0wide\u3000", "#", "- x", "\x85\u2028", "'\"\\", "😀" * 20]
)
odd_names = st.sampled_from(
    ["no", "1e3", "0x1f", "~", "{a}", "a'b", "#x", "&a", "*b", "!t", "?q", "-", "=", "x" * 64, "`|`"]
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    made = start(tmp_path_factory.mktemp("import"))
    yield made
    stop(made)


@st.composite
def odd(draw: Any) -> Situation:
    """A situation with names and texts that YAML or a terminal interprets; with missing, external, cyclic and many
    targets."""
    there: Situation = draw(situations())
    current = there.current
    names = draw(st.lists(odd_names, unique=True, max_size=4))
    others = [*names, *current.mailboxes, *current.aliases, "nobody", "admin"]
    targets = st.lists(
        st.one_of(
            st.sampled_from(others).map(lambda n: f"{n}@{DOMAIN}"),
            st.integers(0, 60).map(lambda i: f"m{i}@else.example"),
        ),
        unique=True,
        max_size=30,
    ).map(lambda t: tuple(sorted(t)))
    mailboxes, aliases = dict(current.mailboxes), dict(current.aliases)
    for name in names:
        if draw(st.booleans()):
            mailboxes[name] = Mailbox(
                name=name,
                display_name=draw(odd_texts),
                quota=draw(st.sampled_from([0, 1 << 20, 7 << 30])),
                enabled=draw(st.booleans()),
                forward_to=draw(targets),
                forward_keep_copy=draw(st.booleans()),
                eas=False,
                mapi=draw(st.booleans()),
            )
        else:
            aliases[name] = Alias(
                name=name,
                targets=draw(targets) or (f"m@{DOMAIN}",),
                display_name=draw(odd_texts),
                allow_sending=draw(st.booleans()),
                hide_from_gal=draw(st.booleans()),
                internal_only=draw(st.booleans()),
            )
    limits = replace(current.limits, mailboxes=None, aliases=None, eas=None, mapi=None)
    return replace(there, current=replace(current, mailboxes=mailboxes, aliases=aliases, limits=limits))


def planned(root: Path, there: Situation) -> tuple[Configuration, tuple[Plan, ...]]:
    config = load_configuration(root, here=root)
    assert not has_errors(config.diagnostics), config.diagnostics
    return config, run(make_plans(config, PlanRequest(today=there.options.today), Silent()))


def imported(root: Path) -> str:
    config = load_configuration(root, here=root)
    run(import_domains(config, [DOMAIN], "mail1", None, Silent()))
    return (root / "domains" / f"{DOMAIN}.yaml").read_bytes().decode()


def workspace(world: HttpWorld, there: Situation) -> Path:
    """The situation's files; skips situations whose file fails the configuration's checks."""
    root = world.root()
    written_down(world.url, replace(there, policy=Policy(external_forwarding="allow")), root)
    assume(not has_errors(load_configuration(root, here=root).diagnostics))
    return root


@few
@given(odd(), servers)
def test_law_3_after_an_import_the_plan_is_empty_and_importing_again_changes_no_byte(
    world: HttpWorld, there: Situation, names: list[str]
) -> None:
    early = {"forward-flag-off-default"} & set(names)
    world.load(there.current, early, set(names) - early)
    root = workspace(world, there)
    (root / "domains" / f"{DOMAIN}.yaml").unlink()
    text = imported(root)
    _, (plan,) = planned(root, there)
    assert (plan.complete, plan.changes, plan.unmanaged) == (True, (), ())
    assert imported(root) == text
    assert text.isprintable() or all(c.isprintable() or c == "\n" for c in text)
    assert world.writes() == []


@few
@given(situations())
def test_law_3_an_import_over_a_file_leaves_only_removals_and_renames(world: HttpWorld, there: Situation) -> None:
    world.load(there.current)
    root = workspace(world, there)
    imported(root)
    _, (plan,) = planned(root, there)
    assert plan.complete
    protected = {n for n, m in (there.desired.mailboxes or {}).items() if m.protect}
    for change in plan.changes:
        waiting = change.reason in ("removed", "renamed", "purge pending")
        renamed = {r.new for r in there.desired.renamed}
        password = {f.name for f in change.fields} <= {"password"}
        assert waiting or password or (change.action == "create" and change.name in protected | renamed), change
    text = (root / "domains" / f"{DOMAIN}.yaml").read_bytes()
    assert imported(root).encode() == text


@few
@given(situations())
def test_after_adopting_drift_only_the_reported_differences_remain(world: HttpWorld, there: Situation) -> None:
    world.load(there.current)
    root = workspace(world, there)
    config, plans = planned(root, there)
    done = adopt(config, plans)
    write_changes(done.changes)
    _, (left,) = planned(root, there)
    said = " ".join(row.what for row in done.skipped)
    assert all(change.address in said or "the complete file" in said for change in left.changes), (left.changes, said)
    assert {c.key for c in left.changes} <= {c.key for c in plans[0].changes}
    again = adopt(*planned(root, there))
    assert again.changes == ()
