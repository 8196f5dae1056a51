"""Passwords for changes, late: resolved or made only when the change that needs one is about to be applied."""

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
    """That generated passwords can be handed over as the workspace asks, before anything is written.

    Raises:
        CannotDeliver: there are recipients, and the extra `age` is missing, or one of them is none.
    """
    texts = config.workspace.secrets.recipients
    if texts and any(c.password and c.password.kind == "generate" for p in plans for c in p.changes):
        Recipients(texts)


class ChangePasswords:
    """Implements `core.ports.Passwords` over a workspace's references and products.

    Attributes:
        delivered: addresses whose password was generated, and written to `path`.
    """

    def __init__(self, config: Configuration, path: Path) -> None:
        settings = config.workspace.secrets
        self._config, self._store, self.path = config, SecretStore(config.root, commands=settings.commands), path
        self._asked: dict[str, ServerPasswordPolicy] = {}
        self.delivered: list[str] = []
        self._one_at_a_time = threading.Lock()

    async def ask_server(self, reader: Reader, plan: Plan) -> None:
        """Learns what the server asks of passwords, where the plan sets one and the server tells."""
        if not any(change.password for change in plan.changes):
            return
        try:
            told = await reader.read_password_policy(plan.domain)
        except ReconcilerError:  # a server that has gone meanwhile: the write that follows says so
            return
        if told is not None:
            self._asked[plan.domain] = told

    def password_for(self, change: Change) -> Secret:
        """The password of a change; see `core.ports.Passwords`."""
        ref = change.password
        assert ref is not None, "asked only for changes that set a password"
        policy, server = self._policy(change), self._asked.get(change.domain, ServerPasswordPolicy())
        if ref.kind == "generate":
            secret = generate_password(stricter(policy or PasswordPolicy(), server), change.name, change.domain)
            texts = self._config.workspace.secrets.recipients
            recipients = Recipients(texts) if texts else None
            with self._one_at_a_time:  # domains are applied side by side, each asks in a thread of its own
                deliver(self.path, change.address, secret, recipients=recipients)
            self.delivered.append(change.address)
            return secret
        secret = self._store.resolve(ref)
        if policy:
            faults = password_faults(policy, secret.reveal(), local_part=change.name, domain=change.domain)
            self._refuse(change, "product's", faults)
        self._refuse(change, "server's", password_faults(as_policy(server), secret.reveal(), local_part="", domain=""))
        return secret

    def _refuse(self, change: Change, whose: str, faults: tuple[str, ...]) -> None:
        if faults:
            raise SecretUnavailable(
                f"the password from {change.password} for {change.address} does not satisfy the {whose} policy: "
                f"{'; '.join(faults)}",
                hint="choose another one; nothing was sent to the server",
                span=change.origin,
            )

    def _policy(self, change: Change) -> PasswordPolicy | None:
        desired = self._config.domains[change.domain]
        product = self._config.products.get(desired.product or "")
        return product.password_policy if product else None
