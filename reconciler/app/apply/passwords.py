"""Passwords for changes: resolved or generated only when the change that needs one is about to be applied."""

import threading
from collections.abc import Iterable
from pathlib import Path

from reconciler.config.secrets.age import Recipients
from reconciler.config.secrets.store import SecretStore, deliver, generate_password
from reconciler.config.workspace import Configuration
from reconciler.core.errors import ReconcilerError, SecretUnavailable
from reconciler.core.password_policy import ServerPasswordPolicy, as_policy, stricter
from reconciler.core.plan import Change, Plan
from reconciler.core.ports import Reader
from reconciler.core.product import PasswordPolicy, password_faults
from reconciler.core.secret import Secret


def check_delivery(config: Configuration, plans: Iterable[Plan]) -> None:
    """Checks, before the first write, that generated passwords can be delivered as the workspace asks.

    Raises:
        CannotDeliver: there are recipients, and the extra `age` is missing or one of them is invalid.
    """
    texts = config.workspace.secrets.recipients
    if texts and any(c.password and c.password.kind == "generate" for p in plans for c in p.changes):
        Recipients(texts)


class ChangePasswords:
    """Implements `core.ports.Passwords` with a workspace's references and products.

    Attributes:
        delivered: addresses whose password was generated and written to `path`.
    """

    def __init__(self, config: Configuration, path: Path) -> None:
        settings = config.workspace.secrets
        self._config, self._store, self.path = config, SecretStore(config.root, commands=settings.commands), path
        self._server_policies: dict[str, ServerPasswordPolicy] = {}
        self.delivered: list[str] = []
        self._one_at_a_time = threading.Lock()

    async def ask_server(self, reader: Reader, plan: Plan) -> None:
        """Reads the server's password policy, if the plan sets a password."""
        if not any(change.password for change in plan.changes):
            return
        try:
            policy = await reader.read_password_policy(plan.domain)
        except ReconcilerError:
            # If the server is unreachable, the write that follows fails and reports it.
            return
        if policy is not None:
            self._server_policies[plan.domain] = policy

    def password_for(self, change: Change) -> Secret:
        """The password of a change; see `core.ports.Passwords`."""
        ref = change.password
        assert ref is not None, "the engine calls this only for changes that set a password"
        policy, server = self._policy(change), self._server_policies.get(change.domain, ServerPasswordPolicy())
        if ref.kind == "generate":
            # Product and server may each require something else, so the password satisfies both.
            secret = generate_password(stricter(policy or PasswordPolicy(), server), change.name, change.domain)
            texts = self._config.workspace.secrets.recipients
            recipients = Recipients(texts) if texts else None
            # Domains are applied concurrently, and each asks from its own thread.
            with self._one_at_a_time:
                deliver(self.path, change.address, secret, recipients=recipients)
            self.delivered.append(change.address)
            return secret
        secret = self._store.resolve(ref)
        if policy:
            faults = password_faults(policy, secret.reveal(), local_part=change.name, domain=change.domain)
            self._refuse(change, "product's", faults)
        # A server's policy has no rules about names, so none are given.
        self._refuse(change, "server's", password_faults(as_policy(server), secret.reveal(), local_part="", domain=""))
        return secret

    def _refuse(self, change: Change, whose: str, faults: tuple[str, ...]) -> None:
        if faults:
            raise SecretUnavailable(
                f"the password from {change.password} for {change.address} does not satisfy the {whose} policy: "
                f"{'; '.join(faults)}",
                hint="choose another password; nothing was sent to the server",
                span=change.origin,
            )

    def _policy(self, change: Change) -> PasswordPolicy | None:
        desired = self._config.domains[change.domain]
        product = self._config.products.get(desired.product or "")
        return product.password_policy if product else None
