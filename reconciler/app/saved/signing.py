"""Ed25519 signatures of saved plans (RFC 8032), with keys in PEM as `openssl genpkey -algorithm ed25519` makes them.

The library is imported only to sign or verify: without the extra `sign`, all other commands work.
"""

import base64
import binascii
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.errors import KeyUnusable, ReconcilerError
from reconciler.core.extras import install_hint

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "Ed25519"
MAX_BYTES = 64 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MAKE = "create one: openssl genpkey -algorithm ed25519 -out plan.pem && openssl pkey -in plan.pem -pubout -out pub.pem"


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A private key. Its representation reveals nothing about it."""

    _key: "Ed25519PrivateKey"

    def sign(self, message: bytes) -> dict[str, object]:
        """The `signature` object of a saved plan."""
        value = base64.b64encode(self._key.sign(message)).decode("ascii")
        return {"algorithm": ALGORITHM, "key": _fingerprint(self._key.public_key()), "value": value}


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public key and its file."""

    _key: "Ed25519PublicKey"
    path: Path

    @property
    def fingerprint(self) -> str:
        """`sha256:` and the digest of the raw key. It names the key and proves nothing."""
        return _fingerprint(self._key)

    def verifies(self, signature: object, message: bytes) -> bool:
        """Whether a `signature` object signs the message with the private key of this public key."""
        from cryptography.exceptions import InvalidSignature

        # The algorithm is fixed: a document must not choose a weaker one.
        if not isinstance(signature, dict) or signature.get("algorithm") != ALGORITHM:
            return False
        try:
            self._key.verify(base64.b64decode(str(signature.get("value")), validate=True), message)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def load_signing_key(path: Path) -> SigningKey:
    """Reads a private key.

    Raises:
        KeyUnusable: it cannot be read, is not an Ed25519 private key, is encrypted, or other users can access its file.
        ReconcilerError: the library is not installed.
    """
    _need_library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _bytes(path, private=True)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Not chained: the message of the parser may contain a part of the private key.
        raise KeyUnusable(f"{path} is not an unencrypted private key in PEM format", hint=_MAKE) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"{path} is not an Ed25519 key", hint=_MAKE)
    return SigningKey(key)


def load_verify_key(path: Path) -> VerifyKey:
    """Reads a public key.

    Raises:
        KeyUnusable: it cannot be read, or is not an Ed25519 public key.
        ReconcilerError: the library is not installed.
    """
    _need_library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    data = _bytes(path, private=False)
    # With the private key, the job that applies plans could sign them itself.
    if b"PRIVATE KEY" in data:
        raise KeyUnusable(
            f"{path} holds a private key; a job that applies plans needs only the public key",
            hint=f"extract it: openssl pkey -in {path} -pubout -out pub.pem",
        )
    try:
        key = load_pem_public_key(data)
    except (ValueError, TypeError, UnsupportedAlgorithm) as e:
        raise KeyUnusable(f"{path} is not a public key in PEM format", hint=_MAKE) from e
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable(f"{path} is not an Ed25519 key", hint=_MAKE)
    return VerifyKey(key, path)


def _need_library() -> None:
    try:
        import cryptography  # noqa: F401 - tests only whether it is installed
    except ImportError as e:
        raise ReconcilerError(
            "signing and verifying plans needs the library cryptography, which is not installed",
            hint=install_hint("sign"),
        ) from e


def _bytes(path: Path, *, private: bool) -> bytes:
    try:
        # Without O_NONBLOCK, opening a named pipe would block.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            mode = os.fstat(handle).st_mode
            data = os.read(handle, MAX_BYTES + 1) if stat.S_ISREG(mode) else b""
        finally:
            os.close(handle)
    except (OSError, ValueError) as e:
        reason = e.strerror if isinstance(e, OSError) else "its name is not a valid path"
        raise KeyUnusable(f"the key {path} cannot be read: {reason}") from e
    # A key that others can read does not prove who signed.
    if private and os.name == "posix" and mode & _OTHERS:
        raise KeyUnusable(
            f"the private key {path} is not safe: other users can read or change it (mode {stat.S_IMODE(mode):04o})",
            hint=f"run `chmod 600 {path}`, and create a new key if others could read it",
        )
    if not stat.S_ISREG(mode) or len(data) > MAX_BYTES:
        raise KeyUnusable(f"the key {path} is not a regular file of at most {MAX_BYTES // 1024} KiB", hint=_MAKE)
    return data


def _fingerprint(key: "Ed25519PublicKey") -> str:
    return "sha256:" + hashlib.sha256(key.public_bytes_raw()).hexdigest()
