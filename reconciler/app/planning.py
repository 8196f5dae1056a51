"""Plans for the selected domains of a workspace: read, compare, guard. Changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from reconciler.app.asked import passwords_not_referred_to, unknown_targets
from reconciler.app.servers import OpenServers, open_servers
from reconciler.config.workspace import Configuration
from reconciler.core.bill import billed_protocols, cost_of
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.errors import (
    IncompleteRead,
    ReconcilerError,
    RefusedByServer,
    RefusedCredentials,
    SecretUnavailable,
    Unreachable,
)
from reconciler.core.guards_run import allowed_deletions, dangling_across
from reconciler.core.model import DesiredDomain, Unset
from reconciler.core.plan import Outcome, Plan
from reconciler.core.planner import PlanOptions, plan_domain
from reconciler.core.ports import Progress, ReadScope
from reconciler.core.product import Limits
from reconciler.engine.inventory import password_versions
from reconciler.engine.observe import Observation, observe_all


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What the command line asks of a plan."""

    today: date
    prune: bool = False
    allow_deletions: int | None = None
    targets: frozenset[str] = frozenset()
    set_passwords: frozenset[str] = frozenset()


def state_folder(root: Path) -> Path:
    """Where a workspace keeps what is not for git: the journal, generated passwords."""
    return root / ".reconciler"


def journal_folder(root: Path) -> Path:
    """Where the journals are."""
    return state_folder(root) / "journal"


class Planner:
    """Plans domains of one workspace; asked again after an apply."""

    def __init__(
        self,
        config: Configuration,
        request: PlanRequest,
        versions: Mapping[tuple[str, str], int] | None = None,
    ) -> None:
        self.config, self.request = config, request
        self._internal = internal_domains(config)
        self._versions = password_versions(journal_folder(config.root)) if versions is None else versions

    def selected(self) -> list[DesiredDomain]:
        """The selected domains, in order."""
        return [self.config.domains[name] for name in self.config.selected]

    def plan(self, desired: DesiredDomain, seen: Observation) -> Plan:
        """The plan of one domain, or one that says why there is none."""
        if isinstance(seen, ReconcilerError):
            said = (_unread(desired, seen),)
            return Plan(domain=desired.domain, server=desired.server, diagnostics=said, complete=False)
        product = self.config.products.get(desired.product or "")
        options = PlanOptions(
            today=self.request.today,
            prune=self.request.prune,
            targets=self.request.targets,
            password_versions={a: v for (s, a), v in self._versions.items() if s == desired.server},
            set_passwords=self.request.set_passwords,
            internal_domains=self._internal,
            deletions_allowed=self.request.allow_deletions is not None,
        )
        limits = product.limits if product else Limits()
        plan = plan_domain(desired, seen, self.config.workspace.policy, limits, options)
        return replace(plan, cost=cost_of(plan, seen, product.billing)) if product else plan

    def bill_scope(self, desired: DesiredDomain) -> ReadScope:
        """What the bill needs besides what the file manages: the seats that the product charges for."""
        product = self.config.products.get(desired.product or "")
        return ReadScope(seats=billed_protocols(product.billing)) if product else ReadScope()

    def after(self, plan: Plan, outcomes: Sequence[Outcome]) -> "Planner":
        """A planner for what is left: it knows the passwords set meanwhile, and counts no deletions a second time."""
        request = PlanRequest(
            today=self.request.today, prune=self.request.prune, targets=self.request.targets, allow_deletions=0
        )
        made = (o.change for o in outcomes if o.password_set)
        known = {(plan.server, c.address): ref.version for c in made if (ref := c.password)}
        return Planner(self.config, request, {**self._versions, **known})

    def all_plans(self, seen: Mapping[str, Observation]) -> tuple[Plan, ...]:
        """The plans of all selected domains, the run's own guards included."""
        plans = [self.plan(d, seen[d.domain]) for d in self.selected()]
        pointing = dangling_across(plans, seen, self._internal)
        plans = [p.with_diagnostics(*(said for domain, said in pointing if domain == p.domain)) for p in plans]
        allowed = self.request.allow_deletions
        objection = None if allowed is None else allowed_deletions(plans, allowed)
        if objection is not None:
            first = plans[0].domain
            plans = [p.with_diagnostics(objection) if p.count("delete") or p.domain == first else p for p in plans]
        nameless = (
            *unknown_targets(self.request.targets, self.selected(), seen),
            *passwords_not_referred_to(self.request.set_passwords, self.selected()),
        )
        return (plans[0].with_diagnostics(*nameless), *plans[1:]) if plans else ()


async def observe_selected(
    planner: Planner, servers: OpenServers, progress: Progress, *, bill: bool = True
) -> dict[str, Observation]:
    """What the servers say of every selected domain; a server that cannot be used answers with its reason.

    Args:
        bill: whether to read also what only the bill needs.
    """
    domains = planner.selected()
    readable = [d for d in domains if d.server in servers.readers]
    progress.begin("Reading", len(readable))
    more = planner.bill_scope if bill else lambda _: ReadScope()
    seen = await observe_all(servers.readers, readable, progress.step, more)
    progress.end()
    return seen | {d.domain: servers.unusable[d.server] for d in domains if d.server in servers.unusable}


async def make_plans(config: Configuration, request: PlanRequest, progress: Progress) -> tuple[Plan, ...]:
    """Plans every selected domain."""
    planner = Planner(config, request)
    names = [d.server for d in planner.selected()]
    async with open_servers(config.workspace, names, config.root) as servers:
        return planner.all_plans(await observe_selected(planner, servers, progress))


def internal_domains(config: Configuration) -> frozenset[str]:
    """The workspace's domains and their aliases: mail to these does not leave."""
    aliases = [
        name for d in config.domains.values() if not isinstance(d.domain_aliases, Unset) for name in d.domain_aliases
    ]
    return frozenset((*config.domains, *aliases))


_CODES: Sequence[tuple[type[ReconcilerError], str]] = (
    (Unreachable, "SRV001"),
    (RefusedCredentials, "SRV002"),
    (SecretUnavailable, "SRV002"),
    (IncompleteRead, "SRV004"),
    (RefusedByServer, "SRV005"),
    (ReconcilerError, "SRV003"),
)


def _unread(desired: DesiredDomain, e: ReconcilerError) -> Diagnostic:
    code = next(code for kind, code in _CODES if isinstance(e, kind))
    return error(code, f"{desired.domain}: {e.message}", e.span or desired.origin, hint=e.hint)
