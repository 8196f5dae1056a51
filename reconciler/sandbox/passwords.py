"""Password hashes and the password policy (API reference section 5.10)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

# Few iterations on purpose: a sandbox creates thousands of mailboxes with invented passwords.
_ITERATIONS = 400

COMMON = frozenset(
    (
        *("password", "passw0rd", "password1", "password123", "123456", "12345678", "123456789", "1234567890"),
        *("qwerty", "qwerty123", "letmein", "welcome", "welcome1", "admin", "admin123", "iloveyou", "monkey"),
        *("dragon", "abc123", "changeme", "secret", "test1234"),
    )
)

DEFAULT_POLICY: dict[str, Any] = {
    "requireCapital": False,
    "requireLower": False,
    "requireNumber": False,
    "requireSymbol": False,
    "notUsername": False,
    "preventCommonPasswords": False,
    "minLength": {"enabled": True, "ruleValue": 5},
    "preventPreviousPasswords": {"enabled": False, "ruleValue": 0},
    "expiration": {"enabled": False, "ruleValue": 0, "gracePeriodDays": 0},
}
"""The server's defaults. A domain can override each rule (POST password-settings)."""


def hashed(password: str) -> str:
    """A salted PBKDF2 hash: `salt$digest` in hexadecimal."""
    salt = secrets.token_bytes(8)
    return f"{salt.hex()}${_digest(password, salt).hex()}"


def matches(password: str, stored: str) -> bool:
    """Whether `stored` is the hash of `password`."""
    salt, _, digest = stored.partition("$")
    return hmac.compare_digest(_digest(password, bytes.fromhex(salt)).hex(), digest)


def _digest(password: str, salt: bytes) -> bytes:
    # `surrogatepass`: a password of the environment can contain bytes that are not UTF-8, which Python
    # reads as lone surrogates.
    return hashlib.pbkdf2_hmac("sha256", password.encode("utf-8", "surrogatepass"), salt, _ITERATIONS)


def policy_violations(
    password: str, username: str, policy: Mapping[str, Any], previous: Iterable[str] = ()
) -> list[str]:
    """The names of the rules that the password violates; empty if it is valid."""
    rules = {
        "requireCapital": not any(char.isupper() for char in password),
        "requireLower": not any(char.islower() for char in password),
        "requireNumber": not any(char.isdigit() for char in password),
        "requireSymbol": all(char.isalnum() for char in password),
        "notUsername": password.lower() == username.lower(),
        "preventCommonPasswords": password.lower() in COMMON,
    }
    broken = [name for name, is_broken in rules.items() if is_broken and policy[name]]
    if policy["minLength"]["enabled"] and len(password) < policy["minLength"]["ruleValue"]:
        broken.append("minLength")
    reuse = policy["preventPreviousPasswords"]
    if reuse["enabled"] and any(matches(password, old) for old in list(previous)[-max(1, reuse["ruleValue"]) :]):
        broken.append("preventPreviousPasswords")
    return broken
