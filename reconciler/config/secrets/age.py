"""Encrypts to age recipients. The only module that uses the library `pyrage` (an extra)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reconciler.core.errors import CannotDeliver
from reconciler.core.extras import install_hint
from reconciler.core.secret import Secret

if TYPE_CHECKING:
    from pyrage import ssh, x25519

    AnyRecipient = ssh.Recipient | x25519.Recipient


class AgeMissing(CannotDeliver):
    """The extra `age` is not installed."""


class BadRecipient(CannotDeliver):
    """A recipient has the right prefix, but a wrong checksum, length or curve point."""


class Recipients:
    """The public keys to which generated passwords are encrypted.

    Args:
        texts: public keys, `age1…` or `ssh-ed25519 …`.

    Raises:
        AgeMissing: the library is not installed.
        BadRecipient: one of the keys is invalid.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._recipients = [_recipient(text) for text in texts]
        assert self._recipients, "a password that is encrypted to no key is lost"

    def encrypt(self, secret: Secret) -> str:
        """An ASCII-armored age message that contains the secret, without a final line end."""
        import pyrage

        return pyrage.encrypt(secret.reveal().encode(), self._recipients, armored=True).decode("ascii")


def _recipient(text: str) -> "AnyRecipient":
    # The library is optional: most workspaces do not encrypt passwords.
    try:
        import pyrage
    except ImportError:
        fault = "the extra `age` is not installed, so generated passwords cannot be encrypted"
        raise AgeMissing(fault, hint=install_hint("age")) from None
    try:
        return (
            # The schema accepts only these two forms.
            pyrage.x25519.Recipient.from_str(text) if text.startswith("age1") else pyrage.ssh.Recipient.from_str(text)
        )
    except pyrage.RecipientError as e:
        hint = "copy the complete public key again"
        raise BadRecipient(f"{text} is not a valid age recipient", hint=hint) from e
