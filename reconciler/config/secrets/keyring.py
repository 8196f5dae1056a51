"""Reads a secret from the keyring of the current user. The only module that uses the library `keyring` (an extra)."""

from reconciler.config.secrets.text import is_one_line, within
from reconciler.core.errors import SecretUnavailable
from reconciler.core.extras import install_hint
from reconciler.core.source import Span

TIMEOUT = 60.0
"""Seconds. A locked keyring prompts its owner, who needs time to answer."""


def read_keyring(service: str, username: str, *, span: Span | None = None, timeout: float = TIMEOUT) -> str:
    """The password of an entry. The library chooses the keyring, or PYTHON_KEYRING_BACKEND does.

    Raises:
        SecretUnavailable: the library is missing, there is no keyring or no such entry, the keyring stays locked, or
            the entry is not a single line of text.
    """
    entry = f"the keyring entry of {service} for {username}"
    try:
        import keyring
    except ImportError:
        text = f"{entry} needs the extra `keyring`, which is not installed"
        raise SecretUnavailable(text, hint=install_hint("keyring"), span=span) from None
    value, fault = None, ""
    try:
        value = within(timeout, lambda: keyring.get_password(service, username))
    except TimeoutError:
        fault = f"could not be read within {timeout:g} seconds; the keyring may be locked"
    except Exception as e:  # noqa: BLE001  # backends raise any exception, and its text may contain the secret
        fault = f"cannot be read ({type(e).__name__})"
    # Raised outside the `except` block, so that the backend's exception is not its context.
    if fault:
        hint = "run `keyring diagnose` to see the keyring in use; without a keyring, use another source"
        raise SecretUnavailable(f"{entry} {fault}", hint=hint, span=span)
    if value is None:
        raise SecretUnavailable(
            f"{entry} does not exist", hint=f"create it: keyring set {service} {username}", span=span
        )
    if not is_one_line(value):
        raise SecretUnavailable(f"{entry} must be one non-empty line of text", span=span)
    return value
