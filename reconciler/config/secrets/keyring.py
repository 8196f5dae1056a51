"""A secret from the keyring of whoever runs the program. The only user of the library `keyring`, which is an extra."""

from reconciler.config.secrets.text import is_one_line, within
from reconciler.core.errors import SecretUnavailable
from reconciler.core.extras import install_hint
from reconciler.core.source import Span

PATIENCE = 60.0
"""Seconds: a locked keyring asks its owner."""


def read_keyring(service: str, username: str, *, span: Span | None = None, timeout: float = PATIENCE) -> str:
    """The password of an entry; which keyring that is, the library finds out or is told (PYTHON_KEYRING_BACKEND).

    Raises:
        SecretUnavailable: the library is missing, there is no keyring or no such entry, it stays locked, or what is in
            it is no single line of text.
    """
    what = f"the keyring's entry of {service} for {username}"
    try:
        import keyring
    except ImportError:
        text = f"{what} needs the extra `keyring`, which is not installed"
        raise SecretUnavailable(text, hint=install_hint("keyring"), span=span) from None
    value, fault = None, ""
    try:
        value = within(timeout, lambda: keyring.get_password(service, username))
    except TimeoutError:
        fault = f"took longer than {timeout:g} seconds: is the keyring locked?"
    except Exception as e:  # noqa: BLE001  # backends raise what they like, and may say in it what they hold
        fault = f"cannot be read ({type(e).__name__})"
    # Raised out here, so that what the backend said does not travel along as the context.
    if fault:
        hint = "`keyring diagnose` says which keyring is used; on a machine without one take another source"
        raise SecretUnavailable(f"{what} {fault}", hint=hint, span=span)
    if value is None:
        raise SecretUnavailable(f"{what} is not there", hint=f"keyring set {service} {username}", span=span)
    if not is_one_line(value):
        raise SecretUnavailable(f"{what} must be one line of text, and not an empty one", span=span)
    return value
