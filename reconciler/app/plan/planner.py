"""Plans for the domains of a run: compare and guard. Changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

from reconciler.app.plan.arguments import passwords_not_referred_to, unknown_targets
from reconciler.app.plan.base import Base, attributed, load_base
from reconciler.app.plan.judging import judge
from reconciler.config.workspace import Configuration
from reconciler.core.billing import billed_protocols, cost_of
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.errors import (
    IncompleteRead,
    NotInBase,
    ReconcilerError,
    RefusedByServer,
    RefusedCredentials,
    SecretUnavailable,
    Unreachable,
)
from reconciler.core.model import CurrentDomain, DesiredDomain, KindName, Unset
from reconciler.core.plan import Outcome, Plan, takes_name
from reconciler.core.planning.planner import PlanOptions, plan_domain
from reconciler.core.planning.provenance import LastKnown, directed
from reconciler.core.ports import ReadScope
from reconciler.core.product import Limits
from reconciler.engine.journal.inventory import Inventory, read_inventory
from reconciler.engine.observe import Observation, read_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """The options of a plan on the command line.

    Attributes:
        today: decides which removals with `purgeAfter` are due.
        allow_deletions: the exact number of deletions, in place of `policy.maxDeletions`.
        base: a commit to compare with, for the attribution of changes and for earlier protections.
        base_applied: whether the base commit is known to be applied. Then every difference between it and the server
            was made on the server. The base of a pull request may not be applied; then only the journal shows this.
    """

    today: date
    prune: bool = False
    allow_deletions: int | None = None
    targets: frozenset[str] = frozenset()
    set_passwords: frozenset[str] = frozenset()
    base: str | None = None
    base_applied: bool = False


def state_folder(root: Path) -> Path:
    """The folder for files that do not belong into git: journals and generated passwords."""
    return root / ".reconciler"


def journal_folder(root: Path) -> Path:
    """The folder with the journals."""
    return state_folder(root) / "journal"


class Planner:
    """Plans the domains of one run, here from the workspace's files; asked again after an apply.

    This class states the stages of every run. `rollback` and `apply --plan` replace only the source of the changes.

    Args:
        versions: of passwords known to have been set; with these and no inventory, no journal is read.
        inventory: the contents of the journals; None = it is read from the workspace's journals.
        base: the base commit's files; None = they are loaded if the request names a commit.
        internal: the domains that mail does not leave for; None = those of the files, until the servers were read.

    Raises:
        ReconcilerError: the journals or the base commit cannot be used.
    """

    def __init__(
        self,
        config: Configuration,
        request: PlanRequest,
        versions: Mapping[tuple[str, str], int] | None = None,
        *,
        inventory: Inventory | None = None,
        base: Base | None = None,
        internal: frozenset[str] | None = None,
    ) -> None:
        self.config, self.request = config, request
        self.policy = config.workspace.policy
        self.internal = internal_domains(config) if internal is None else internal
        if inventory is None and versions is None:
            inventory = read_inventory(journal_folder(config.root))
        self.inventory = inventory or Inventory(resources={}, password_versions={}, protections={})
        self._versions = self.inventory.password_versions if versions is None else versions
        self.base = load_base(config, request.base) if base is None and request.base is not None else base

    def selected(self) -> list[DesiredDomain]:
        """The domains to read, in order; a read covers the fields that the value manages."""
        return [self.config.domains[name] for name in self.config.selected]

    def bare(self, name: str) -> DesiredDomain:
        """A domain of the files without its resources: for runs that take their changes from elsewhere."""
        file = self.config.domains[name]
        return DesiredDomain(domain=file.domain, server=file.server, product=file.product, origin=file.origin)

    def scope(self, desired: DesiredDomain) -> ReadScope:  # noqa: ARG002 - a run of other changes needs more
        """The reads that the changes need in addition to the managed fields."""
        return ReadScope()

    def bill_scope(self, desired: DesiredDomain) -> ReadScope:
        """The reads that the bill needs in addition: the activations that the product charges for."""
        product = self.config.products.get(desired.product or "")
        return ReadScope(activations=billed_protocols(product.billing)) if product else ReadScope()

    def base_scope(self, desired: DesiredDomain) -> ReadScope:
        """The reads for the fields that the base commit's file manages: both plans use one read."""
        before = self.base.desired(desired, self.config) if self.base else None
        return read_scope(before) if before else ReadScope()

    def base_asks_more(self, desired: DesiredDomain, needed: ReadScope) -> bool:
        """Whether a part of the read is needed only because the base commit's file manages it."""
        own = read_scope(desired) | needed
        return own | self.base_scope(desired) != own

    def may_take_away(self, desired: DesiredDomain) -> bool:
        """Whether a plan of the domain can delete or rename anything at all."""
        pruned = self.request.prune or any(self.policy.prune.values())
        return bool(pruned or desired.removed or desired.renamed)

    def takes_away(self, desired: DesiredDomain, seen: Observation) -> bool:
        """Whether the plan of a domain deletes or renames an address that others may point at."""
        # The first test saves a plan: most domains of most runs take nothing away.
        if isinstance(seen, ReconcilerError) or not self.may_take_away(desired):
            return False
        return any(takes_name(c) for c in self.plan(desired, seen).changes)

    def plan(self, desired: DesiredDomain, seen: Observation) -> Plan:
        """The plan of one domain with the diagnostics of its guards; incomplete if the domain could not be read."""
        if isinstance(seen, ReconcilerError):
            why = (_unread(desired, seen),)
            return Plan(domain=desired.domain, server=desired.server, diagnostics=why, complete=False)
        product = self.config.products.get(desired.product or "")
        options = PlanOptions(
            today=self.request.today,
            prune=self.request.prune,
            targets=self.request.targets,
            **self._password_versions(desired),
            set_passwords=self.request.set_passwords,
            internal_domains=self.internal,
            protected_before=self.protected_before(desired, seen),
            deletions_allowed=self.request.allow_deletions is not None,
        )
        limits = product.limits if product else Limits()
        plan = plan_domain(desired, seen, self.policy, limits, options)
        # Only a product has prices.
        return replace(plan, cost=cost_of(plan, seen, product.billing)) if product else plan

    def _password_versions(self, desired: DesiredDomain) -> dict[str, Mapping[str, int]]:
        """The password versions that the journals know; for other addresses those of the base commit's file.

        A base commit that was applied has set its versions. Of any other base commit only an upper bound is known.
        """
        known = {a: v for (s, a), v in self._versions.items() if s == desired.server}
        before = self.base.password_versions(desired, self.config) if self.base else {}
        if self.request.base_applied:
            return {"password_versions": {**before, **known}}
        return {"password_versions": known, "base_versions": before}

    def protected_before(self, desired: DesiredDomain, current: CurrentDomain) -> Mapping[str, str]:
        """Local parts of mailboxes that the last apply or the base commit protects -> the source of that protection."""
        names, run = self.inventory.protected(desired.server, desired.domain) or ((), "")
        journalled = dict.fromkeys(names, f"in the last apply, run {run}")
        return journalled | (self.base.protected(desired.domain, current) if self.base else {})

    def all_plans(self, seen: Mapping[str, Observation]) -> tuple[Plan, ...]:
        """The plans of all selected domains, with the diagnostics of the guards of the run."""
        self.internal = internal_domains(self.config, seen)
        plans = judge(self.domain_plans(seen), seen, self.internal, self.request.allow_deletions)
        # Only a complete selection shows that the files dropped a domain.
        unmatched = (
            *unknown_targets(self.request.targets, self.selected(), seen),
            *passwords_not_referred_to(self.request.set_passwords, self.selected()),
            *(self.base.dropped(self.config) if self.base and len(self.selected()) == len(self.config.domains) else ()),
        )
        return (plans[0].with_diagnostics(*unmatched), *plans[1:]) if plans else ()

    def decided(self, plan: Plan, seen: Observation) -> Mapping[str, Outcome]:  # noqa: ARG002 - see saved plans
        """The outcomes of changes that the run does not make, by key. A new plan has no such changes."""
        return {}

    def left(self, plan: Plan, outcomes: Sequence[Outcome], seen: Observation) -> Plan:
        """The remaining plan of a domain after its apply, from a new read."""
        return self.after(plan, outcomes).plan(self.config.domains[plan.domain], seen)

    def after(self, plan: Plan, outcomes: Sequence[Outcome]) -> "Planner":
        """A planner for the rest: it knows the passwords that the run has set, and judges no number of deletions."""
        # Any number turns off the limit of the policy, which judged the first plan and must not refuse the remainder.
        # Attribution is only for the plan that people see.
        request = replace(self.request, allow_deletions=0, set_passwords=frozenset(), base=None)
        made = (o.change for o in outcomes if o.password_set)
        known = {(plan.server, c.address): ref.version for c in made if (ref := c.password)}
        versions = {**self._versions, **known}
        return Planner(self.config, request, versions, inventory=self.inventory, base=self.base, internal=self.internal)

    def domain_plans(self, seen: Mapping[str, Observation]) -> list[Plan]:
        """The plan of every selected domain, with the provenance of its changes from base commit and journals."""
        selected, base = self.selected(), self.base
        applied = base if self.request.base_applied else None
        plans = [self._directed(d, self.plan(d, seen[d.domain]), applied) for d in selected]
        if base is None:
            return plans
        request = replace(self.request, base=None)
        ours = internal_domains(base.config, seen)
        # The same read and journals, but the files, policy and products of the base commit.
        before = Planner(base.config, request, self._versions, inventory=self.inventory, internal=ours)
        rows: list[Plan] = []
        for desired, plan in zip(selected, plans, strict=True):
            there = base.desired(desired, self.config)
            old = self._directed(there, before.plan(there, seen[desired.domain]), None) if there else None
            rows.append(attributed(plan, desired, base, old))
        return rows

    def _directed(self, desired: DesiredDomain, plan: Plan, base: Base | None) -> Plan:
        def known(kind: KindName, address: str) -> LastKnown | None:
            return self.inventory.resource(desired.server, kind, address)

        return directed(plan, base.managed(desired, self.config) if base else None, known)


NOTHING_SEEN: Mapping[str, Observation] = MappingProxyType({})
"""Nothing was read yet."""


def pending_of(plan: Plan, decided: Mapping[str, Outcome]) -> Plan:
    """The plan with only the changes that are still to be made."""
    return replace(plan, changes=tuple(c for c in plan.changes if c.key not in decided))


def internal_domains(config: Configuration, seen: Mapping[str, Observation] = NOTHING_SEEN) -> frozenset[str]:
    """The workspace's domains and their domain aliases: mail to these does not leave.

    The current state decides, because a file can declare any name. A domain that its server does not let us manage is
    external. So is a domain alias that a domain that was read does not have yet. (In the plan of its own domain, an
    alias that the plan creates is internal.)
    """
    there = {name for s in seen.values() if isinstance(s, CurrentDomain) for name in s.domain_aliases}
    refused = {name for name, s in seen.items() if isinstance(s, RefusedByServer)}
    aliases = [
        name
        for d in config.domains.values()
        if not isinstance(d.domain_aliases, Unset)
        for name in d.domain_aliases
        if d.domain not in seen or name in there
    ]
    return frozenset((*(config.domains.keys() - refused), *aliases))


# The first match decides, so the base class comes last.
_CODES: Sequence[tuple[type[ReconcilerError], str]] = (
    (Unreachable, "SRV001"),
    (NotInBase, "SEC007"),
    (RefusedCredentials, "SRV002"),
    (SecretUnavailable, "SRV002"),
    (IncompleteRead, "SRV004"),
    (RefusedByServer, "SRV005"),
    (ReconcilerError, "SRV003"),
)


def _unread(desired: DesiredDomain, e: ReconcilerError) -> Diagnostic:
    code = next(code for kind, code in _CODES if isinstance(e, kind))
    return error(code, f"{desired.domain}: {e.message}", e.span or desired.origin, hint=e.hint)
