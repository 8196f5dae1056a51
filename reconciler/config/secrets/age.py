"""Encrypting to age recipients. The only user of the library `pyrage`, which is an extra."""

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
    """A recipient is not what its form says: its checksum, its length or its point is wrong."""


class Recipients:
    """Who can decrypt what is encrypted here.

    Args:
        texts: public keys, `age1…` or `ssh-ed25519 …`.

    Raises:
        AgeMissing: the library is not there.
        BadRecipient: one of them is none.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._recipients = [_recipient(text) for text in texts]
        assert self._recipients, "encrypted to nobody, a password is lost"

    def encrypt(self, secret: Secret) -> str:
        """An ASCII-armoured age message that holds the secret, without a line end."""
        import pyrage

        return pyrage.encrypt(secret.reveal().encode(), self._recipients, armored=True).decode("ascii")


def _recipient(text: str) -> "AnyRecipient":
    try:
        import pyrage
    except ImportError:
        fault = "generated passwords are to be encrypted, and the extra `age` is not installed"
        raise AgeMissing(fault, hint=install_hint("age")) from None
    try:
        return (
            pyrage.x25519.Recipient.from_str(text) if text.startswith("age1") else pyrage.ssh.Recipient.from_str(text)
        )
    except pyrage.RecipientError as e:
        hint = "copy the whole public key again; a letter may be wrong"
        raise BadRecipient(f"{text} is no age recipient", hint=hint) from e
