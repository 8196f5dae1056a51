"""Random situations: current and desired state, policy, and history; all of them can converge.

`situations` draws only configurations that pass `validate`, and existing targets. So a rejection by the strict fake
server means that the order of changes is wrong.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from domain_builders import DOMAIN, at
from fake_run import FakePasswords, MemoryJournal, run
from fake_server import FakeServer
from hypothesis import strategies as st

from reconciler.core.model import (
    UNSET,
    Alias,
    CurrentDomain,
    DesiredDomain,
    DomainAlias,
    Mailbox,
    MailboxFacts,
    Removal,
    Renaming,
    ServerLimits,
)
from reconciler.core.plan import Outcome, Plan
from reconciler.core.planning.planner import PlanOptions, plan_domain
from reconciler.core.product import Limits
from reconciler.core.secret import SecretRef
from reconciler.core.workspace import Policy
from reconciler.engine.apply import apply_plan
from reconciler.engine.observe import Observation, observe

TODAY = date(2026, 6, 15)
FREE = ("alice", "bob", "carol", "dave", "007", "22:30", "null")
PROTECTED = ("postmaster", "abuse", "old-archive")
NAMES = (*FREE, *PROTECTED)
FRESH = ("fresh1", "fresh2")
SISTERS = ("a.example", "b.example", "xn--mnchen-3ya.example")
OUTSIDE = ("x@else.example", "y@else.example")
PROTECT = ("*-archive",)

texts = st.sampled_from(["", "Alice", "Zoë Müller", "null"])
sizes = st.sampled_from([0, 1 << 20, 5 << 30])
days = st.sampled_from([None, None, TODAY - timedelta(days=1), TODAY, TODAY + timedelta(days=1)])


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A managed value, or UNSET."""
    return st.one_of(st.just(UNSET), values)


def some(names: Any) -> st.SearchStrategy[tuple[str, ...]]:
    """Some of these addresses as canonical targets."""
    listed = sorted({at(n) for n in names})
    return st.lists(st.sampled_from(listed), unique=True, max_size=3).map(lambda t: tuple(sorted(t)))


@dataclass(frozen=True)
class Situation:
    """All inputs of a plan."""

    desired: DesiredDomain
    current: CurrentDomain
    policy: Policy
    options: PlanOptions

    def plan(self, **more: Any) -> Plan:
        """The plan for the state as it was drawn."""
        return plan_domain(self.desired, self.current, self.policy, Limits(), replace(self.options, **more))

    def server(self) -> FakeServer:
        """A server in the state that was drawn, with a second domain that no file mentions."""
        server = FakeServer()
        server.load(self.current)
        server.load(replace(self.current, domain="sister.example"))
        return server

    def journal(self) -> MemoryJournal:
        """A journal that knows the versions that were drawn."""
        return MemoryJournal(versions=dict(self.options.password_versions))

    def plan_from(self, seen: Observation, journal: MemoryJournal) -> Plan:
        """The plan for a state that was read."""
        assert isinstance(seen, CurrentDomain), seen
        options = replace(self.options, password_versions=dict(journal.versions))
        return plan_domain(self.desired, seen, self.policy, Limits(), options)

    def plan_on(self, server: FakeServer, journal: MemoryJournal) -> Plan:
        """The plan for the state that the server has now."""
        return self.plan_from(run(observe(server, self.desired)), journal)

    def apply_to(self, server: FakeServer, journal: MemoryJournal) -> tuple[Plan, tuple[Outcome, ...]]:
        """One complete run: read, plan, apply."""
        made = self.plan_on(server, journal)
        assert not made.refused, made.diagnostics
        return made, run(apply_plan(made, server, FakePasswords(), journal, lambda _: None))


@st.composite
def read_mailboxes(draw: Any, name: str, names: Any, facts: MailboxFacts | None = None) -> Mailbox:
    """A mailbox on a server with all fields read."""
    return Mailbox(
        name=name,
        display_name=draw(texts),
        quota=draw(sizes),
        enabled=draw(st.booleans()),
        forward_to=draw(some((*names, *OUTSIDE))),
        forward_keep_copy=draw(st.booleans()),
        eas=draw(st.booleans()),
        mapi=draw(st.booleans()),
        facts=facts or MailboxFacts(usage_bytes=draw(st.integers(0, 3))),
    )


@st.composite
def read_aliases(draw: Any, name: str, names: Any) -> Alias:
    """An alias on a server with all fields read."""
    return Alias(
        name=name,
        targets=draw(some((*names, *OUTSIDE))),
        display_name=draw(texts),
        allow_sending=draw(st.booleans()),
        hide_from_gal=draw(st.booleans()),
        internal_only=draw(st.booleans()),
    )


@st.composite
def currents(draw: Any) -> CurrentDomain:
    """A current domain: each name is a mailbox, an alias or neither; two administrators, and some domain aliases."""
    what = {n: draw(st.sampled_from(["mailbox", "alias", ""])) for n in NAMES}
    known = [n for n, kind in what.items() if kind]
    mailboxes = {n: draw(read_mailboxes(n, known)) for n, kind in what.items() if kind == "mailbox"}
    for name, facts in (("admin", MailboxFacts(is_primary_admin=True)), ("chief", MailboxFacts(is_admin=True))):
        mailboxes[name] = draw(read_mailboxes(name, known, facts))
    return CurrentDomain(
        domain=DOMAIN,
        mailboxes=mailboxes,
        aliases={n: draw(read_aliases(n, known)) for n, kind in what.items() if kind == "alias"},
        domain_aliases={n: DomainAlias(name=n) for n in draw(st.sets(st.sampled_from(SISTERS)))},
    )


@st.composite
def wanted_mailboxes(draw: Any, name: str, targets: Any) -> Mailbox:
    """A declared mailbox with some managed fields."""
    password = st.builds(lambda v: SecretRef("env", "PW", version=v), st.integers(1, 3))
    return Mailbox(
        name=name,
        display_name=draw(maybe(texts)),
        quota=draw(maybe(sizes)),
        enabled=draw(maybe(st.booleans())),
        forward_to=draw(maybe(some((*targets, *OUTSIDE)))),
        forward_keep_copy=draw(maybe(st.booleans())),
        eas=draw(maybe(st.booleans())),
        mapi=draw(maybe(st.booleans())),
        password=draw(maybe(password)),
        protect=draw(st.booleans()),
    )


@st.composite
def wanted_aliases(draw: Any, name: str, targets: Any) -> Alias:
    """A declared alias."""
    return Alias(
        name=name,
        targets=draw(some((*targets, *OUTSIDE))),
        display_name=draw(maybe(texts)),
        allow_sending=draw(maybe(st.booleans())),
        hide_from_gal=draw(maybe(st.booleans())),
        internal_only=draw(maybe(st.booleans())),
    )


@st.composite
def options_and_policy(draw: Any) -> tuple[PlanOptions, Policy]:
    """Options and policy: random pruning, unlimited deletions."""
    kinds: list[Any] = ["mailbox", "alias", "domainAlias"]
    policy = Policy(prune={kind: draw(st.booleans()) for kind in kinds}, protect=PROTECT, external_forwarding="allow")
    known = draw(st.dictionaries(st.sampled_from([at(n) for n in NAMES]), st.integers(1, 2)))
    options = PlanOptions(today=TODAY, prune=draw(st.booleans()), password_versions=known, deletions_allowed=True)
    return options, policy


@st.composite
def situations(draw: Any, *, tight_limits: bool = True) -> Situation:
    """A situation that can converge.

    Half of them leave no room: the server's limits are the larger of the numbers before and after.
    """
    current: CurrentDomain = draw(currents())
    options, policy = draw(options_and_policy())
    boxes, rows, sisters = (draw(st.integers(0, 3)) > 0 for _ in range(3))
    role = {n: draw(st.sampled_from(["mailbox", "alias", "removed", ""])) for n in FREE}
    role |= {
        n: draw(st.sampled_from([k for k in ("mailbox", "alias") if n in current.section(k)] or [""]))
        for n in PROTECTED
    }
    declared_boxes = {n for n, r in role.items() if r == "mailbox" and boxes}
    declared_rows = {n for n, r in role.items() if r == "alias" and rows}

    removed: list[Removal] = []
    for name, what in role.items():
        if what == "removed":
            kind = "alias" if name in current.aliases else "mailbox"
            removed.append(Removal(kind=kind, name=name, purge_after=draw(days)))
        elif name in declared_boxes and name in current.aliases:
            removed.append(Removal(kind="alias", name=name))
        elif name in declared_rows and name in current.mailboxes:
            removed.append(Removal(kind="mailbox", name=name))
    gone = {r.name for r in removed}
    renamed = _renamed(draw, current, {*declared_boxes, *declared_rows, *gone}, boxes, rows)
    declared_boxes |= {r.new for r in renamed if r.kind == "mailbox"}
    declared_rows |= {r.new for r in renamed if r.kind == "alias"}

    desired = DesiredDomain(
        domain=DOMAIN,
        server="mail1",
        mailboxes=_in_turn(draw, wanted_mailboxes, declared_boxes, ()) if boxes else UNSET,
        aliases=_in_turn(draw, wanted_aliases, declared_rows, declared_boxes) if rows else UNSET,
        domain_aliases={n: DomainAlias(name=n) for n in draw(st.sets(st.sampled_from(SISTERS)))} if sisters else UNSET,
        removed=tuple(removed),
        renamed=tuple(renamed),
    )
    there = _pointing_somewhere(Situation(desired, current, policy, options))
    return _without_room(there, tight_limits) if draw(st.booleans()) else there


def _pointing_somewhere(there: Situation) -> Situation:
    """A situation in which references to deleted addresses also have an external target: a guard would refuse the plan."""
    gone = {c.address for c in there.plan().changes if c.action in ("delete", "rename")}

    def held(targets: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted((*targets, OUTSIDE[0]))) if targets and set(targets) <= gone else targets

    current = there.current
    mailboxes = {n: replace(m, forward_to=held(m.forward_to)) for n, m in current.mailboxes.items()}  # type: ignore[arg-type]
    aliases = {n: replace(a, targets=held(a.targets)) for n, a in current.aliases.items()}  # type: ignore[arg-type]
    return replace(there, current=replace(current, mailboxes=mailboxes, aliases=aliases))


def _renamed(draw: Any, current: CurrentDomain, taken: set[str], boxes: bool, rows: bool) -> list[Renaming]:
    made = []
    for kind, there, declared, new in (
        ("mailbox", current.mailboxes, boxes, FRESH[0]),
        ("alias", current.aliases, rows, FRESH[1]),
    ):
        olds = sorted({n for n in there if n in FREE} - taken)
        if declared and olds and draw(st.booleans()):
            made.append(Renaming(kind=kind, old=draw(st.sampled_from(olds)), new=new))  # type: ignore[arg-type]
    return made


def _in_turn(draw: Any, strategy: Any, names: set[str], targets: Any) -> dict[str, Any]:
    """Declared resources without cyclic targets, because a strict server rejects targets that do not exist yet."""
    made: dict[str, Any] = {}
    order = draw(st.permutations(sorted(names)))
    for name in order:
        made[name] = draw(strategy(name, (*targets, *made)))
    return made


def _without_room(there: Situation, tight_limits: bool) -> Situation:
    made = there.plan()

    def most(kind: str) -> int:
        before = sum(n != "admin" for n in there.current.section(kind))  # type: ignore[arg-type]
        rows = [c.action for c in made.changes if c.kind == kind]
        return max(before, before + rows.count("create") - rows.count("delete"))

    server, journal = there.server(), there.journal()
    before = server.clone().domains[DOMAIN].mailboxes
    there.apply_to(server, journal)
    after = server.domains[DOMAIN].mailboxes

    def activations(protocol: str) -> int:
        return max(sum(m[protocol] for m in boxes.values()) for boxes in (before, after))

    limits = ServerLimits(
        mailboxes=most("mailbox"),
        aliases=most("alias"),
        domain_aliases=most("domainAlias"),
        eas=activations("eas") if tight_limits else None,
        mapi=activations("mapi") if tight_limits else None,
    )
    return replace(there, current=replace(there.current, limits=limits))


def imported(current: CurrentDomain) -> DesiredDomain:
    """The domain file that an import would write: all resources except the host's own account."""
    return DesiredDomain(
        domain=current.domain,
        server="mail1",
        mailboxes={n: m for n, m in current.mailboxes.items() if not m.facts.is_primary_admin},
        aliases=dict(current.aliases),
        domain_aliases=dict(current.domain_aliases),
    )
