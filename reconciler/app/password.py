"""Passwords by a product's policy: made for people, and checked for them."""

from pathlib import Path

from reconciler.config.secrets.store import generate_password
from reconciler.config.secrets.text import is_one_line
from reconciler.config.workspace import find_root, load_configuration
from reconciler.core.errors import PasswordUnusable, ReconcilerError
from reconciler.core.names import split_address
from reconciler.core.product import PasswordPolicy, Product, password_faults
from reconciler.core.secret import Secret

# A product of the workspace, by the name that the command line gives.


def product_named(start: Path, workspace: Path | None, name: str) -> Product:
    """A product.

    Raises:
        ReconcilerError: there is no workspace, no such product, or its file is not valid.
    """
    config = load_configuration(find_root(start, workspace))
    known = config.products.get(name)
    if known is None:
        names = ", ".join(sorted(config.products)) or "none"
        raise ReconcilerError(
            f"there is no valid product {name!r} in this workspace; there are: {names}",
            hint="`reconciler validate` says what is wrong with a product file",
        )
    return known


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
