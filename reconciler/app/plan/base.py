"""A base commit of the workspace: its desired state, its protected mailboxes, and its invalid files."""

from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from reconciler.app.git import files_at
from reconciler.config.workspace import Configuration, load_configuration
from reconciler.core.diagnostics import Diagnostic, Severity, warning
from reconciler.core.errors import NotInBase
from reconciler.core.model import CurrentDomain, DesiredDomain, Unset
from reconciler.core.names import BadName, domain_name
from reconciler.core.plan import Change, Plan
from reconciler.core.planning.provenance import attribute
from reconciler.core.secret import SecretRef
from reconciler.core.source import Span
from reconciler.core.workspace import ServerSettings

_AGAIN = "fix the file in a later commit, or name a commit whose files are valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The configuration at a commit.

    Attributes:
        ref: the commit as the command line names it.
        config: its files, valid or not. The folder is deleted, so nothing more can be read from it.
    """

    ref: str
    config: Configuration

    def desired(self, here: DesiredDomain, config: Configuration) -> DesiredDomain | None:
        """The desired state at the base commit; None if it has no valid file of the domain for the same server.

        Two servers are the same if they have the same name or the same address. The result has the current name.
        """
        there = self.config.domains.get(here.domain)
        if there is None:
            return None
        # A change set can rename a server. Then the address identifies it.
        servers, before = config.workspace.servers, self.config.workspace.servers
        if there.server != here.server and before[there.server].url != servers[here.server].url:
            return None
        return replace(there, server=here.server)

    def managed(self, here: DesiredDomain, config: Configuration) -> DesiredDomain | None:
        """The same, but an empty domain if the base commit does not manage it; None if its file is invalid."""
        there = self.desired(here, config)
        if there is None and not self.fault(here.domain):
            return DesiredDomain(domain=here.domain, server=here.server)
        return there

    def password_versions(self, here: DesiredDomain, config: Configuration) -> dict[str, int]:
        """Address -> the version of its password in the base commit's file; empty without a valid file."""
        there = self.desired(here, config)
        boxes = {} if there is None or isinstance(there.mailboxes, Unset) else there.mailboxes
        refs = {f"{box.name}@{here.domain}": box.password for box in boxes.values()}
        return {address: ref.version for address, ref in refs.items() if not isinstance(ref, Unset)}

    def refused_servers(self, config: Configuration) -> dict[str, NotInBase]:
        """The servers that the plan of a pull request must not log in to, by name.

        A pull request can change the address that receives the credentials, and the command that fetches them. Its
        plan runs before any review, so it uses only addresses and commands that the base commit has.
        """
        before = self.config.workspace
        addresses = {s.url for s in before.servers.values()}
        # A base that forbids commands never ran one, so none of its commands counts as reviewed.
        allowed = before.servers.values() if before.secrets.commands else ()
        commands = {(s.url, ref) for s in allowed for ref in _commands(s)}
        found: dict[str, NotInBase] = {}
        for server in config.workspace.servers.values():
            if server.url not in addresses:
                text = f"server {server.name}: the address {server.url} is not in `{self.ref}`"
                hint = "a pull request's plan sends no credentials to an address that the pull request adds"
            elif any((server.url, ref) not in commands for ref in _commands(server)):
                text = f"server {server.name}: the command that prints its credentials is not in `{self.ref}`"
                hint = "a pull request's plan runs no command that the pull request adds"
            else:
                continue
            found[server.name] = NotInBase(
                text, hint=f"review and merge the server entry first; {hint}", span=server.origin
            )
        return found

    def fault(self, domain: str) -> str:
        """Why the base commit's file of a domain is invalid, with its location; empty if it is valid or missing."""
        if domain in self.config.domains:
            return ""
        errors = [d for d in self.config.diagnostics if d.severity is Severity.ERROR]
        names = [display for display, relative in self.config.files.items() if _domain_of(relative) == domain]
        # A file with a wrong name (NAM003) may belong to any domain.
        names += [d.span.file for d in errors if d.code == "NAM003" and d.span]
        if not names:
            return ""
        own = [d for d in errors if d.span and d.span.file in names]
        # An error in another file, such as the workspace file, can also make this one unusable.
        first = next(iter([*own, *errors]), None)
        place = f"{first.span}: " if first and first.span else ""
        return f"{place}{first.message}" if first else names[0]

    def protected(self, domain: str, current: CurrentDomain) -> dict[str, str]:
        """Local parts of mailboxes that the base commit protects -> the source of the protection, as text.

        These are the mailboxes with `protect: true`, and those in its files or on the server that match a pattern of
        its policy.
        """
        there = self.config.domains.get(domain)
        boxes = {} if there is None or isinstance(there.mailboxes, Unset) else there.mailboxes
        policy, found = self.config.workspace.policy, {}
        for name in sorted({*boxes, *current.mailboxes}):
            if name in boxes and boxes[name].protect:
                found[name] = f"in `{self.ref}`"
            # The pattern of the base policy applies also to mailboxes that exist only on the server.
            elif (pattern := policy.protecting(name)) is not None:
                found[name] = f"by the policy's pattern {pattern} in `{self.ref}`"
        return found

    def dropped(self, config: Configuration) -> tuple[Diagnostic, ...]:
        """A warning for each domain that the base commit has and these files have not."""
        return tuple(
            warning(
                "BAS002",
                f"{name}: `{self.ref}` manages this domain, but these files do not; it stays unchanged on the server",
                hint="restore its file to manage it again; without a file the program neither reads nor changes it",
            )
            for name in self.config.domains
            if name not in config.domains
        )


def _commands(server: ServerSettings) -> tuple[SecretRef, ...]:
    refs = (server.username, server.password)
    return tuple(ref for ref in refs if isinstance(ref, SecretRef) and ref.kind == "command")


def load_base(config: Configuration, ref: str) -> Base:
    """The workspace at a commit, without the passwords of environment variables or of files outside git.

    Raises:
        UnusableCommit, NoWorkspace: see `app.git.files_at`.
    """
    with files_at(config.root, ref) as folder:
        # The plan of the base commit never logs in anywhere, so it needs no secrets.
        return Base(ref=ref, config=load_configuration(folder, here=folder, environ={}))


def attributed(plan: Plan, desired: DesiredDomain, base: Base, base_plan: Plan | None) -> Plan:
    """The plan with the attribution of its changes and the hidden changes; or with a warning why these are unknown.

    Args:
        base_plan: of the base commit's files, from the same read; None if `base.desired` is None.
    """
    fault = base.fault(desired.domain)
    if fault:
        text = (
            f"{desired.domain}: attribution and earlier protections are unknown, because the files at `{base.ref}` are "
            f"invalid: {fault}"
        )
        return plan.with_diagnostics(warning("BAS001", text, desired.origin, hint=_AGAIN))
    if base_plan is not None and not base_plan.complete:
        why = next(
            (d.message for d in base_plan.diagnostics if d.severity is Severity.ERROR), "it could not be planned"
        )
        text = f"{desired.domain}: attribution is unknown: at `{base.ref}`, {why}"
        # An incomplete plan already says why it is incomplete.
        return plan.with_diagnostics(warning("BAS001", text, desired.origin)) if plan.complete else plan
    shown = attribute(plan, base_plan)
    return replace(shown, hidden=tuple(replace(c, origin=_place(c, desired)) for c in shown.hidden))


def _place(change: Change, desired: DesiredDomain) -> Span:
    """The line that hides a change: the entry that declares, removes or renames the object, else the file's start."""
    section = desired.section(change.kind)
    names = {change.name, change.new_name}
    found = [
        *(() if isinstance(section, Unset) else (r.origin for name, r in section.items() if name in names)),
        *(r.origin for r in desired.removed if r.kind == change.kind and r.name in names),
        *(r.origin for r in desired.renamed if r.kind == change.kind and {r.old, r.new} & names),
    ]
    return next((origin for origin in found if origin is not None), desired.origin)


def _domain_of(relative: str) -> str | None:
    """The domain that a file in `domains/` is named after; None for other files."""
    path = PurePosixPath(relative)
    if path.parts[0] != "domains":
        return None
    try:
        return domain_name(path.stem)
    except BadName:
        return None
