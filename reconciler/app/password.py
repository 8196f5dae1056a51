"""Passwords by a product's policy: generated, and checked."""

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
    # A product file with errors is not in `products`, so the text says "valid".
    if known is None:
        names = ", ".join(sorted(config.products)) or "none"
        raise ReconcilerError(
            f"this workspace has no valid product {name!r}; valid products: {names}",
            hint="run `reconciler validate` to see errors in product files",
        )
    return known


def policy_of(start: Path, workspace: Path | None, product: str | None) -> PasswordPolicy:
    """A product's policy; without a product the default policy, which needs no workspace.

    Raises:
        ReconcilerError: there is no such product, or its file is not valid.
    """
    if product is None:
        return PasswordPolicy()
    return product_named(start, workspace, product).password_policy


def make_password(policy: PasswordPolicy, address: str | None, length: int) -> Secret:
    """A password of `length` characters, for a mailbox if one is named.

    Raises:
        PasswordUnusable: the policy requires a longer password.
    """
    if length < policy.min_length:
        raise PasswordUnusable(
            f"--length {length} is too short: the policy requires at least {policy.min_length} characters"
        )
    local, domain = split_address(address) if address else ("", "")
    return generate_password(policy, local, domain, length=length)


def faults_of(policy: PasswordPolicy, address: str | None, text: str) -> tuple[str, ...]:
    """The rules that a password breaks, as texts that do not contain it; empty if it is acceptable.

    Raises:
        PasswordUnusable: it is not one line of text.
    """
    if not is_one_line(text):
        raise PasswordUnusable("standard input must be one password on one line, and not empty")
    local, domain = split_address(address) if address else ("", "")
    return password_faults(policy, text, local_part=local, domain=domain)
