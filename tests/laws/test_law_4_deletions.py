"""Law 4: nothing is deleted without a reason, protected resources never are, and other domains never change."""

from dataclasses import replace

from fake_run import FakePasswords, run
from hypothesis import given, settings
from law_strategies import PROTECTED, Situation
from law_wild import wild

from reconciler.core.model import UNSET
from reconciler.core.plan import Plan
from reconciler.engine.apply import apply_plan


def deleted(made: Plan) -> set[tuple[str, str]]:
    return {(c.kind, c.name) for c in made.changes if c.action == "delete"}


@settings(deadline=None, max_examples=100)
@given(wild())
def test_without_removed_or_prune_nothing_is_deleted(there: Situation) -> None:
    calm = replace(
        there, desired=replace(there.desired, removed=()), policy=replace(there.policy, prune={"mailbox": False})
    )
    assert deleted(calm.plan(prune=False)) == set()


@settings(deadline=None, max_examples=200)
@given(wild())
def test_every_deletion_has_a_reason_and_none_affects_protected_declared_or_administrating_resources(
    there: Situation,
) -> None:
    made = there.plan()
    removed = {(r.kind, r.name) for r in there.desired.removed}
    for kind, name in deleted(made):
        section = there.desired.section(kind)
        assert section is UNSET or name not in section
        pruned = section is not UNSET and (there.options.prune or there.policy.prune[kind])
        assert (kind, name) in removed or pruned
        assert name not in ("admin", "chief")
        assert kind == "domainAlias" or name not in PROTECTED
        assert not there.policy.ignores(kind, name)
        assert name in there.current.section(kind)


@settings(deadline=None, max_examples=150)
@given(wild())
def test_another_domain_never_changes_and_protected_resources_still_exist(there: Situation) -> None:
    made = there.plan()
    assert {c.domain for c in made.changes} <= {there.desired.domain}
    if made.refused:
        return
    server = there.server()
    sister = server.clone().domains["sister.example"]
    run(apply_plan(made, server, FakePasswords(), there.journal(), lambda _: None))
    assert server.domains["sister.example"] == sister
    assert {domain for _, domain, _ in server.log} <= {there.desired.domain}
    ours = server.domains[there.desired.domain]
    names = ours.mailboxes.keys() | ours.aliases.keys()
    moved = {r.old for r in there.desired.renamed}
    before = there.current.mailboxes.keys() | there.current.aliases.keys()
    assert "admin" in names
    assert ({"chief", *PROTECTED} & before) - moved <= names
