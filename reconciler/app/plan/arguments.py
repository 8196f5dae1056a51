"""Names in options of the command line: a name that matches nothing is an error, and then nothing is done."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches

from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.kinds import KINDS
from reconciler.core.model import CurrentDomain, DesiredDomain, KindName, Mailbox, Unset
from reconciler.engine.observe import Observation


def unknown_targets(
    targets: Iterable[str], selected: Sequence[DesiredDomain], seen: Mapping[str, Observation]
) -> Iterator[Diagnostic]:
    """An error for each target that neither a selected file nor its domain on the server has.

    There is none if a domain could not be read: the target may be there.
    """
    if not targets or any(not isinstance(seen[d.domain], CurrentDomain) for d in selected):
        return
    known: set[str] = set()
    for desired in selected:
        for kind in KINDS:
            known.update(_key(kind.name, name, desired.domain) for name in _names(kind.name, desired, seen))
    for target in sorted(set(targets) - known):
        # Most unknown targets are spelling mistakes.
        near = get_close_matches(target, sorted(known), n=1)
        hint = f"did you mean {near[0]}?" if near else "select its domain, or declare it in a file"
        text = f"--target {target}: no such resource in the selected files or in their domains on the server"
        yield error("WSP002", text, hint=hint)


def _names(kind: KindName, desired: DesiredDomain, seen: Mapping[str, Observation]) -> Iterator[str]:
    declared = desired.section(kind)
    yield from () if isinstance(declared, Unset) else declared
    yield from (r.name for r in desired.removed if r.kind == kind)
    # Before the rename the object has its old name, afterwards the new one.
    for renaming in desired.renamed:
        if renaming.kind == kind:
            yield from (renaming.old, renaming.new)
    current = seen[desired.domain]
    assert isinstance(current, CurrentDomain), "unknown_targets checks this first"
    yield from current.section(kind)


def passwords_not_referred_to(addresses: Iterable[str], selected: Sequence[DesiredDomain]) -> Iterator[Diagnostic]:
    """An error for each address for which no selected file has a password."""
    known = {f"{m.name}@{d.domain}" for d in selected for m in _mailboxes(d) if not isinstance(m.password, Unset)}
    for address in sorted(set(addresses) - known):
        near = get_close_matches(address, sorted(known), n=1)
        hint = f"did you mean {near[0]}?" if near else "add a password in its file: `password: {generate: true}`"
        yield error("WSP002", f"--set-password {address}: no selected file has a password for this mailbox", hint=hint)


def _mailboxes(desired: DesiredDomain) -> Iterable[Mailbox]:
    return () if isinstance(desired.mailboxes, Unset) else desired.mailboxes.values()


def _key(kind: KindName, name: str, domain: str) -> str:
    return f"{kind}:{name}" if kind == "domainAlias" else f"{kind}:{name}@{domain}"
