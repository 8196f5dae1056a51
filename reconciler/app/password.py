"""Passwords by a product's policy: made for people, and checked for them."""

from pathlib import Path

from reconciler.app.products import product_named
from reconciler.config.secrets import generate_password
from reconciler.config.secrets_text import is_one_line
from reconciler.core.errors import PasswordUnusable
from reconciler.core.names import split_address
from reconciler.core.product import PasswordPolicy, password_faults
from reconciler.core.secret import Secret


def policy_of(start: Path, workspace: Path | None, product: str | None) -> PasswordPolicy:
    """A product's policy; without a product the default one, for which there need be no workspace.

    Raises:
        ReconcilerError: there is no such product, or its file is not valid.
    """
    if product is None:
        return PasswordPolicy()
    return product_named(start, workspace, product).password_policy


def make_password(policy: PasswordPolicy, address: str | None, length: int) -> Secret:
    """A password of `length` characters, for a mailbox if one is named.

    Raises:
        PasswordUnusable: the policy wants a longer one.
    """
    if length < policy.min_length:
        raise PasswordUnusable(f"the policy wants at least {policy.min_length} characters, and not {length}")
    local, domain = split_address(address) if address else ("", "")
    return generate_password(policy, local, domain, length=length)


def faults_of(policy: PasswordPolicy, address: str | None, text: str) -> tuple[str, ...]:
    """Which rules a password breaks, in words that do not repeat it; empty if it will do.

    Raises:
        PasswordUnusable: it is not one line of text.
    """
    if not is_one_line(text):
        raise PasswordUnusable("one password is checked, on one line of standard input, and not an empty one")
    local, domain = split_address(address) if address else ("", "")
    return password_faults(policy, text, local_part=local, domain=domain)
