"""Secrets as far as they can be judged offline: what a variable or a file holds now. Commands are never run here."""

from collections.abc import Iterator

from reconciler.config.secrets import SecretExposed, SecretStore
from reconciler.config.semantics import DomainFile
from reconciler.core.diagnostics import Diagnostic, error, info
from reconciler.core.errors import SecretUnavailable
from reconciler.core.model import Unset
from reconciler.core.product import password_faults
from reconciler.core.secret import Secret, SecretRef
from reconciler.core.source import Span
from reconciler.core.workspace import Workspace


def check_passwords(file: DomainFile, store: SecretStore) -> Iterator[Diagnostic]:
    """SEC003 and SEC004 of one understood file; SEC002, as a note, for a secret's file that is not here.

    A variable that is not set is nothing to report: whoever validates need not be who applies.
    """
    if file.desired is None or isinstance(file.desired.mailboxes, Unset):
        return
    places = None
    for mailbox in file.desired.mailboxes.values():
        ref = mailbox.password
        if isinstance(ref, Unset) or ref.kind not in ("env", "file"):
            continue
        places = places or file.places()
        span = places.span(places.path("mailboxes", mailbox.name, "password"))
        value = _value(ref, store, span)
        if isinstance(value, Diagnostic):
            yield value
        elif value is not None and file.product is not None:
            policy, domain = file.product.password_policy, file.desired.domain
            faults = password_faults(policy, value.reveal(), local_part=mailbox.name, domain=domain)
            if faults:
                text = f"the password of {mailbox.name} ({ref}) does not satisfy product {file.product.name}: "
                hint = "choose another one; `{generate: true}` makes one that does"
                yield error("SEC003", text + ", ".join(faults), span, hint=hint)


def check_server_secrets(workspace: Workspace, store: SecretStore) -> Iterator[Diagnostic]:
    """SEC004 of the files with the servers' credentials, and SEC002, as a note, for those that are not here."""
    for server in workspace.servers.values():
        for ref in (server.username, server.password):
            if isinstance(ref, SecretRef) and ref.kind == "file":
                value = _value(ref, store, server.origin)
                if isinstance(value, Diagnostic):
                    yield value


def _value(ref: SecretRef, store: SecretStore, span: Span) -> Secret | Diagnostic | None:
    """The value where it can be had, what is wrong where that is worth saying, else None."""
    try:
        return store.resolve(ref, span=span)
    except SecretExposed as e:
        return error("SEC004", e.message, span, hint=e.hint)
    except SecretUnavailable as e:
        return None if ref.kind == "env" else info("SEC002", e.message, span, hint=e.hint)
