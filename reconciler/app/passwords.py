"""Passwords for changes, late: resolved or made only when the change that needs one is about to be applied."""

import threading
from pathlib import Path

from reconciler.config.secrets import SecretStore, deliver, generate_password
from reconciler.config.workspace import Configuration
from reconciler.core.errors import SecretUnavailable
from reconciler.core.plan import Change
from reconciler.core.product import PasswordPolicy, password_faults
from reconciler.core.secret import Secret


class ChangePasswords:
    """Implements `core.ports.Passwords` over a workspace's references and products.

    Attributes:
        delivered: addresses whose password was generated, and written to `path`.
    """

    def __init__(self, config: Configuration, path: Path) -> None:
        self._config, self._store, self.path = config, SecretStore(config.root), path
        self.delivered: list[str] = []
        self._one_at_a_time = threading.Lock()

    def password_for(self, change: Change) -> Secret:
        """The password of a change; see `core.ports.Passwords`."""
        ref = change.password
        assert ref is not None, "asked only for changes that set a password"
        policy = self._policy(change)
        if ref.kind == "generate":
            secret = generate_password(policy or PasswordPolicy(), change.name, change.domain)
            with self._one_at_a_time:  # domains are applied side by side, each asks in a thread of its own
                deliver(self.path, change.address, secret)
            self.delivered.append(change.address)
            return secret
        secret = self._store.resolve(ref)
        faults = (
            password_faults(policy, secret.reveal(), local_part=change.name, domain=change.domain) if policy else ()
        )
        if faults:
            raise SecretUnavailable(
                f"the password from {ref} for {change.address} does not satisfy the product's policy: "
                f"{'; '.join(faults)}",
                hint="choose another one; nothing was sent to the server",
                span=change.origin,
            )
        return secret

    def _policy(self, change: Change) -> PasswordPolicy | None:
        desired = self._config.domains[change.domain]
        product = self._config.products.get(desired.product or "")
        return product.password_policy if product else None
