"""Checks secrets offline: the current content of variables and files, and the sources that the workspace allows.

No program is run and no server is contacted here. `apply` is the first to use commands, sops, Vault and keyrings.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.config.document.loader import Document
from reconciler.config.secrets.age import AgeMissing, BadRecipient, Recipients
from reconciler.config.secrets.store import ALLOW_COMMANDS, SecretExposed, SecretStore, SopsOutside, sops_file
from reconciler.config.semantics.domain_files import DomainFile
from reconciler.core.diagnostics import Diagnostic, error, info
from reconciler.core.errors import SecretUnavailable
from reconciler.core.model import Unset
from reconciler.core.product import password_faults
from reconciler.core.secret import Secret, SecretRef
from reconciler.core.source import Span
from reconciler.core.workspace import SecretSettings, Workspace

_CHECKED = ("env", "file", "command", "sops")
"""Kinds of references with an offline check."""


def check_passwords(
    file: DomainFile, store: SecretStore, root: Path, allowed: SecretSettings | None
) -> Iterator[Diagnostic]:
    """SEC003, SEC004, SEC006 and SEC009 of one decoded file; SEC002, a note, for a secret's file that is missing here.

    An unset variable is not reported: `validate` often runs where the secrets are not available. `allowed` is None if
    the workspace's own file is broken.
    """
    if file.desired is None or isinstance(file.desired.mailboxes, Unset):
        return
    places = None
    for mailbox in file.desired.mailboxes.values():
        ref = mailbox.password
        if isinstance(ref, Unset) or ref.kind not in _CHECKED:
            continue
        places = places or file.places()
        span = places.span(places.path("mailboxes", mailbox.name, "password"))
        # Other sources need a program or a server for their value, so only the reference is checked.
        if ref.kind not in ("env", "file"):
            yield from _check_place(ref, f"the password of {mailbox.name}", root, allowed, span)
            continue
        value = _value(ref, store, span)
        if isinstance(value, Diagnostic):
            yield value
        # The server checks the password too, but only after other changes were applied.
        elif value is not None and file.product is not None:
            policy, domain = file.product.password_policy, file.desired.domain
            faults = password_faults(policy, value.reveal(), local_part=mailbox.name, domain=domain)
            if faults:
                text = f"the password of {mailbox.name} ({ref}) does not satisfy product {file.product.name}: "
                hint = "choose another password, or write `{generate: true}` for one that does"
                yield error("SEC003", text + ", ".join(faults), span, hint=hint)


def check_server_secrets(
    document: Document, workspace: Workspace, store: SecretStore, root: Path
) -> Iterator[Diagnostic]:
    """SEC002, SEC004, SEC006 and SEC009 of the servers' credentials."""
    for server in workspace.servers.values():
        for key, ref in (("username", server.username), ("password", server.password)):
            if not isinstance(ref, SecretRef):
                continue
            # The value of a server's password is not checked: it need not follow the product's policy.
            if ref.kind == "file":
                value = _value(ref, store, server.origin)
                if isinstance(value, Diagnostic):
                    yield value
            span = document.span(("servers", server.name, key))
            yield from _check_place(ref, f"the {key} of server {server.name}", root, workspace.secrets, span)


def check_recipients(document: Document) -> Iterator[Diagnostic]:
    """SEC008 for each invalid recipient; a note if the library that checks recipients is not installed."""
    body: Mapping[str, Any] = document.value  # type: ignore[assignment]
    texts: Sequence[str] = (body.get("secrets") or {}).get("recipients") or ()
    for i, text in enumerate(texts):
        span = document.span(("secrets", "recipients", i))
        try:
            Recipients([" ".join(text.split()[:2])])
        except BadRecipient as e:
            yield error("SEC008", e.message, span, hint=e.hint)
        except AgeMissing as e:
            text = "the recipients cannot be checked, because the extra `age` is not installed; `apply` needs it too"
            yield info("SEC008", text, span, hint=e.hint)
            return


def _check_place(
    ref: SecretRef, owner: str, root: Path, allowed: SecretSettings | None, span: Span
) -> Iterator[Diagnostic]:
    """Checks a reference without resolving it."""
    # If the workspace's own file is broken, its permission is unknown and nothing is reported.
    if ref.kind == "command" and allowed is not None and not allowed.commands:
        text = f"{owner} comes from a command, and the workspace does not allow commands"
        yield error("SEC006", text, span, hint=ALLOW_COMMANDS)
    if ref.kind == "sops":
        try:
            sops_file(ref.parts[0], root)
        except SopsOutside as e:
            yield error("SEC009", f"{owner}: {e.message}", span, hint=e.hint)
        # A missing file may be checked out only where `apply` runs.
        except SecretUnavailable as e:
            yield info("SEC002", f"{owner}: {e.message}", span, hint=e.hint)


def _value(ref: SecretRef, store: SecretStore, span: Span) -> Secret | Diagnostic | None:
    """The value if it is available, a diagnostic if its file is unusable, else None."""
    try:
        return store.resolve(ref, span=span)
    except SecretExposed as e:
        return error("SEC004", e.message, span, hint=e.hint)
    except SecretUnavailable as e:
        return None if ref.kind == "env" else info("SEC002", e.message, span, hint=e.hint)
