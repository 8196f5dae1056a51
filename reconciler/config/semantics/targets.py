"""Where aliases and forwardings lead: to what does not exist, outside, or round in a ring."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import chain

from reconciler.config.semantics.domain_files import Directory, DomainFile, Places
from reconciler.core.diagnostics import Diagnostic, error, warning
from reconciler.core.model import Alias, DesiredDomain, Mailbox, Removal, Renaming, Unset
from reconciler.core.names import split_address
from reconciler.core.source import Span
from reconciler.core.workspace import Policy

# Rings in a directed graph, without recursion: ten thousand names deep is ten thousand loop turns, no stack.
#
# Belongs here: graphs of names in general. What a ring means is said in `semantics_loops`.


Edges = Mapping[str, Sequence[str]]
"""From each name to the names that it leads to; a name without edges may be absent."""


def knots(edges: Edges) -> list[tuple[str, ...]]:
    """The strongly connected sets of names in which something goes round, each sorted, sorted among themselves.

    Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Comput. 1 (1972), with an explicit stack. A
    single name counts only if it leads to itself.
    """
    search = _Search(edges)
    for start in sorted(edges):
        if start not in search.index:
            search.run(start)
    return sorted(search.found)


class _Search:
    """The state of one search: when each name was met, the earliest name it reaches, and the open ones."""

    def __init__(self, edges: Edges) -> None:
        self.edges = edges
        self.index: dict[str, int] = {}
        self.low: dict[str, int] = {}
        self.open: list[str] = []
        self.is_open: set[str] = set()
        self.found: list[tuple[str, ...]] = []

    def run(self, start: str) -> None:
        work: list[tuple[str, Iterator[str]]] = [self._enter(start)]
        while work:
            name, rest = work[-1]
            for following in rest:
                if following not in self.index:
                    work.append(self._enter(following))
                    break
                if following in self.is_open:
                    self.low[name] = min(self.low[name], self.index[following])
            else:
                work.pop()
                if work:
                    before = work[-1][0]
                    self.low[before] = min(self.low[before], self.low[name])
                if self.low[name] == self.index[name]:
                    self._close(name)

    def _enter(self, name: str) -> tuple[str, Iterator[str]]:
        self.index[name] = self.low[name] = len(self.index)
        self.open.append(name)
        self.is_open.add(name)
        return name, iter(self.edges.get(name, ()))

    def _close(self, name: str) -> None:
        members: list[str] = []
        while not members or members[-1] != name:
            members.append(self.open.pop())
        self.is_open.difference_update(members)
        if len(members) > 1 or name in self.edges.get(name, ()):
            self.found.append(tuple(sorted(members)))


def ring(edges: Edges, members: Collection[str], start: str) -> tuple[str, ...]:
    """A shortest way from `start` back to itself inside a knot, `start` first and not repeated at the end.

    Raises:
        ValueError: `start` is not in a knot of these members.
    """
    inside = set(members)
    before: dict[str, str] = {}
    queue = deque([start])
    while queue:
        name = queue.popleft()
        for following in edges.get(name, ()):
            if following == start:
                way = [name]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return tuple(reversed(way))
            if following in inside and following not in before:
                before[following] = name
                queue.append(following)
    raise ValueError(f"nothing leads from {start} back to itself")


_HINTS = 20
"""Suggestions a file: each looks through all names, and after twenty faults the file's trouble is another one."""
_RING = 40
"""Names of a ring shown in full; a longer one is shown with a gap."""


def check_targets(file: DomainFile, workspace: Directory, policy: Policy) -> Iterator[Diagnostic]:
    """REF003 (a target that does not exist) and GRD007 (a target outside, where the policy denies new ones)."""
    if file.desired is None:
        return
    places: Places | None = None
    hints = _HINTS
    deny = policy.external_forwarding == "deny" and not workspace.blind
    for resource, targets in senders(file.desired):
        for target in targets:
            local, host = split_address(target)
            home = workspace.home(host)
            if home is None:
                if deny and not policy.allows_external(host):
                    places = places or file.places()
                    yield _outside(resource, target, places)
            elif home in workspace.files and local not in workspace.declared[home]:
                places = places or file.places()
                span = places.target(resource, target)
                gone = workspace.leaving[home].get(local)
                if gone:
                    yield _leaving(resource, target, gone, span)
                elif not (policy.ignores("mailbox", local) or policy.ignores("alias", local)):
                    yield _missing(resource, target, local, workspace.files[home], span, hint=hints > 0)
                    hints -= 1


def senders(desired: DesiredDomain) -> Iterator[tuple[Mailbox | Alias, tuple[str, ...]]]:
    """Every alias, and every mailbox that forwards, with its targets."""
    aliases = () if isinstance(desired.aliases, Unset) else desired.aliases.values()
    for alias in aliases:
        if not isinstance(alias.targets, Unset):
            yield alias, alias.targets
    mailboxes = () if isinstance(desired.mailboxes, Unset) else desired.mailboxes.values()
    for mailbox in mailboxes:
        if not isinstance(mailbox.forward_to, Unset):
            yield mailbox, mailbox.forward_to


def _what(resource: Mailbox | Alias) -> str:
    if isinstance(resource, Mailbox):
        return f"mailbox {resource.name} forwards to"
    return f"alias {resource.name} leads to"


def _outside(resource: Mailbox | Alias, target: str, places: Places) -> Diagnostic:
    # Offline nobody knows whether it is new. What was there before is no fault: `import` writes it, `plan` lets it be.
    text = f"{_what(resource)} {target}, outside the workspace's domains: `plan` refuses that where it is new"
    hint = "take the target out, or name its domain in `policy.externalForwardingDomains` of reconciler.yaml"
    return warning("GRD007", text, places.target(resource, target), hint=hint)


def _leaving(resource: Mailbox | Alias, target: str, gone: Removal | Renaming, span: Span) -> Diagnostic:
    if isinstance(gone, Renaming):
        text = f"{_what(resource)} {target}, which is renamed to {gone.new} ({gone.origin})"
        return error("REF003", text, span, hint=f"write {gone.new}")
    text = f"{_what(resource)} {target}, which is to be removed ({gone.origin})"
    return error("REF003", text, span, hint="take the target out")


def _missing(
    resource: Mailbox | Alias, target: str, local: str, there: DomainFile, span: Span, *, hint: bool
) -> Diagnostic:
    """What is to be said of a target that its domain's file does not declare."""
    desired = there.desired
    assert desired is not None
    if isinstance(desired.mailboxes, Unset) or isinstance(desired.aliases, Unset):
        absent = "mailboxes" if isinstance(desired.mailboxes, Unset) else "aliases"
        text = f"{_what(resource)} {target}: whether it exists cannot be known, {there.file} has no section `{absent}`"
        return warning("REF003", text, span)
    text = f"{_what(resource)} {target}, which does not exist: {there.file} declares no such mailbox or alias"
    return error("REF003", text, span, hint=_suggestion(local, desired) if hint else "")


def _suggestion(local: str, desired: DesiredDomain) -> str:
    assert not isinstance(desired.mailboxes, Unset)
    assert not isinstance(desired.aliases, Unset)
    near = get_close_matches(local, [*desired.mailboxes, *desired.aliases], n=1, cutoff=0.7)
    if near:
        return f"did you mean {near[0]}?"
    return f"declare {local} under `mailboxes` or `aliases`, or take the target out"


def check_loops(workspace: Directory) -> Iterator[Diagnostic]:
    """REF004: mail that comes back to where it was. Said once a ring in each file that has a part in it.

    A forwarding that keeps a copy goes round all the same.
    """
    sending: dict[str, list[tuple[str, Mailbox | Alias, tuple[str, ...]]]] = {}
    for domain, file in workspace.files.items():
        assert file.desired is not None
        for resource, targets in senders(file.desired):
            if targets:
                sending.setdefault(f"{resource.name}@{domain}", []).append((domain, resource, targets))
    edges = {
        name: tuple(t for t in map(workspace.resolve, chain(*(row[2] for row in rows))) if t in sending)
        for name, rows in sending.items()
    }
    places: dict[str, Places] = {}
    for members in knots({name: targets for name, targets in edges.items() if targets}):
        for domain, start in {split_address(m)[1]: m for m in reversed(members)}.items():
            way = ring(edges, members, start)
            following = way[1] if len(way) > 1 else start
            if domain not in places:
                places[domain] = workspace.files[domain].places()
            resource, target = next(
                (resource, target)
                for _, resource, targets in sending[start]
                for target in targets
                if workspace.resolve(target) == following
            )
            yield _loop(resource, way, places[domain].target(resource, target))


def _loop(resource: Mailbox | Alias, way: tuple[str, ...], span: Span) -> Diagnostic:
    hint = "take one of these targets out"
    if len(way) == 1:
        return error("REF004", f"{_what(resource)} itself ({way[0]})", span, hint=hint)
    names = [*way, way[0]]
    if len(names) > _RING:
        half = _RING // 2
        names = [*names[:half], f"({len(names) - 2 * half} more)", *names[-half:]]
    return error("REF004", f"mail goes round in a ring: {' → '.join(names)}", span, hint=hint)
