"""Checks the targets of aliases and forwards: unknown addresses, external domains and mail loops."""

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

_HINTS = 20
"""Suggestions for each file. Each one searches all names, and a file with more faults has another problem."""
_LOOP = 40
"""Addresses of a mail loop that a message shows; a longer loop is shown with a gap."""


def check_targets(file: DomainFile, workspace: Directory, policy: Policy) -> Iterator[Diagnostic]:
    """REF003 (a target that does not exist) and GRD007 (an external target, if the policy denies new ones)."""
    if file.desired is None:
        return
    places: Places | None = None
    hints = _HINTS
    # With an unreadable list of domain aliases, any domain could be one of ours.
    deny = policy.external_forwarding == "deny" and not workspace.is_incomplete
    for resource, targets in senders(file.desired):
        for target in targets:
            local, host = split_address(target)
            home = workspace.home(host)
            if home is None:
                if deny and not policy.allows_external(host):
                    places = places or file.places()
                    yield _outside(resource, target, places)
            # The file of a broken domain does not show its names, so its targets are not checked.
            elif home in workspace.files and local not in workspace.declared[home]:
                places = places or file.places()
                span = places.target(resource, target)
                leaving = workspace.leaving[home].get(local)
                if leaving:
                    yield _leaving(resource, target, leaving, span)
                # An ignored resource exists on the server without being declared.
                elif not (policy.ignores("mailbox", local) or policy.ignores("alias", local)):
                    yield _missing(resource, target, local, workspace.files[home], span, hint=hints > 0)
                    hints -= 1


def senders(desired: DesiredDomain) -> Iterator[tuple[Mailbox | Alias, tuple[str, ...]]]:
    """Every alias and every forwarding mailbox, with its targets."""
    aliases = () if isinstance(desired.aliases, Unset) else desired.aliases.values()
    for alias in aliases:
        if not isinstance(alias.targets, Unset):
            yield alias, alias.targets
    mailboxes = () if isinstance(desired.mailboxes, Unset) else desired.mailboxes.values()
    for mailbox in mailboxes:
        if not isinstance(mailbox.forward_to, Unset):
            yield mailbox, mailbox.forward_to


def _sends_to(resource: Mailbox | Alias) -> str:
    if isinstance(resource, Mailbox):
        return f"mailbox {resource.name} forwards to"
    return f"alias {resource.name} sends to"


def _outside(resource: Mailbox | Alias, target: str, places: Places) -> Diagnostic:
    # A warning, because this check runs offline and cannot know whether the target is new. Existing targets are
    # allowed: `import` writes them and `plan` keeps them.
    text = f"{_sends_to(resource)} {target}, an external address: `plan` rejects it if it is new"
    hint = "remove the target, or add its domain to `policy.externalForwardingDomains` in reconciler.yaml"
    return warning("GRD007", text, places.target(resource, target), hint=hint)


def _leaving(resource: Mailbox | Alias, target: str, entry: Removal | Renaming, span: Span) -> Diagnostic:
    if isinstance(entry, Renaming):
        text = f"{_sends_to(resource)} {target}, which is renamed to {entry.new} ({entry.origin})"
        return error("REF003", text, span, hint=f"write {entry.new}")
    text = f"{_sends_to(resource)} {target}, which is in `removed` ({entry.origin})"
    return error("REF003", text, span, hint="remove the target")


def _missing(
    resource: Mailbox | Alias, target: str, local: str, home: DomainFile, span: Span, *, hint: bool
) -> Diagnostic:
    """REF003 for a target that the file of its domain does not declare."""
    desired = home.desired
    assert desired is not None
    if isinstance(desired.mailboxes, Unset) or isinstance(desired.aliases, Unset):
        # Without both sections the name may exist as an unmanaged resource.
        absent = "mailboxes" if isinstance(desired.mailboxes, Unset) else "aliases"
        text = f"{_sends_to(resource)} {target}, which may not exist: {home.file} has no section `{absent}`"
        return warning("REF003", text, span)
    text = f"{_sends_to(resource)} {target}, which does not exist: {home.file} declares no such mailbox or alias"
    return error("REF003", text, span, hint=_suggestion(local, desired) if hint else "")


def _suggestion(local: str, desired: DesiredDomain) -> str:
    assert not isinstance(desired.mailboxes, Unset)
    assert not isinstance(desired.aliases, Unset)
    # A stricter cutoff than the default 0.6: short names are similar by chance.
    near = get_close_matches(local, [*desired.mailboxes, *desired.aliases], n=1, cutoff=0.7)
    if near:
        return f"did you mean {near[0]}?"
    return f"declare {local} under `mailboxes` or `aliases`, or remove the target"


def check_loops(workspace: Directory) -> Iterator[Diagnostic]:
    """REF004: mail that returns to an address it passed. Each file with a part in the loop gets one diagnostic.

    A forward that keeps a copy loops too.
    """
    sending: dict[str, list[tuple[str, Mailbox | Alias, tuple[str, ...]]]] = {}
    for domain, file in workspace.files.items():
        assert file.desired is not None
        for resource, targets in senders(file.desired):
            if targets:
                sending.setdefault(f"{resource.name}@{domain}", []).append((domain, resource, targets))
    # Only addresses that send on can be part of a loop, which keeps the graph small.
    edges = {
        name: tuple(t for t in map(workspace.resolve, chain(*(row[2] for row in rows))) if t in sending)
        for name, rows in sending.items()
    }
    places: dict[str, Places] = {}
    for members in cycles({name: targets for name, targets in edges.items() if targets}):
        # The reversed order keeps the first name of each domain as the start of its loop.
        for domain, start in {split_address(m)[1]: m for m in reversed(members)}.items():
            loop = shortest_cycle(edges, members, start)
            following = loop[1] if len(loop) > 1 else start
            if domain not in places:
                places[domain] = workspace.files[domain].places()
            # The message points to the target that continues the loop, in this file.
            resource, target = next(
                (resource, target)
                for _, resource, targets in sending[start]
                for target in targets
                if workspace.resolve(target) == following
            )
            yield _loop(resource, loop, places[domain].target(resource, target))


def _loop(resource: Mailbox | Alias, loop: tuple[str, ...], span: Span) -> Diagnostic:
    if len(loop) == 1:
        return error("REF004", f"{_sends_to(resource)} itself ({loop[0]})", span, hint="remove this target")
    names = [*loop, loop[0]]
    if len(names) > _LOOP:
        half = _LOOP // 2
        names = [*names[:half], f"({len(names) - 2 * half} more)", *names[-half:]]
    return error("REF004", f"mail loop: {' → '.join(names)}", span, hint="remove one of these targets")


Edges = Mapping[str, Sequence[str]]
"""Name -> names that it sends to; a name without edges may be absent."""


def cycles(edges: Edges) -> list[tuple[str, ...]]:
    """The sets of names that reach each other (strongly connected components). Each set and the list are sorted.

    Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Comput. 1 (1972), with an explicit stack: a chain
    of ten thousand names would exceed Python's recursion limit. A single name counts only if it sends to itself.
    """
    search = _Search(edges)
    for start in sorted(edges):
        if start not in search.index:
            search.run(start)
    return sorted(search.found)


class _Search:
    """The state of one search: the order in which names were met, the earliest name each reaches, the open names."""

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
            # The iterator keeps its position, so that the loop continues after the nested name.
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


def shortest_cycle(edges: Edges, members: Collection[str], start: str) -> tuple[str, ...]:
    """A shortest path from `start` to itself inside `members`, with `start` first and not repeated at the end.

    Raises:
        ValueError: `start` is in no cycle of these members.
    """
    inside = set(members)
    before: dict[str, str] = {}
    queue = deque([start])
    while queue:
        name = queue.popleft()
        for following in edges.get(name, ()):
            # Breadth first: the first return to `start` is a shortest one.
            if following == start:
                path = [name]
                while path[-1] != start:
                    path.append(before[path[-1]])
                return tuple(reversed(path))
            if following in inside and following not in before:
                before[following] = name
                queue.append(following)
    raise ValueError(f"no path leads from {start} to itself")
