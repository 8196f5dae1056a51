"""Decode answers of login, refresh and impersonation into tokens (API reference sections 2.1 to 2.7). Pure."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reconciler.core.errors import RefusedCredentials
from reconciler.core.secret import Secret
from reconciler.core.workspace import Role
from reconciler.smartermail.transport.errors import HttpAnswer, RequestInfo, decoded

MARGIN = 90.0
"""A token is refreshed so many seconds before it expires, or a third of its lifetime before if that is less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token.

    Attributes:
        refresh_at: when to refresh it, in seconds of `time.monotonic`; None if its lifetime is unknown.
        account: the address or name of its account in lower case; empty if unknown.
    """

    access: Secret
    refresh: Secret | None = None
    refresh_at: float | None = None
    account: str = ""

    def is_due(self, now: float) -> bool:
        """Whether the token is due for a refresh."""
        return self.refresh_at is not None and now >= self.refresh_at


@dataclass(frozen=True, slots=True)
class LoginRefusal:
    """One reason for a rejected login: the pattern of its server message, our message and the hint."""

    pattern: re.Pattern[str]
    text: str
    hint: str


def _refusal(pattern: str, text: str, hint: str) -> LoginRefusal:
    return LoginRefusal(re.compile(pattern, re.IGNORECASE), text, hint)


# The order matters: TWO_FACTOR_REQUIRED|APP_PASSWORD matches two patterns, and the first one counts.
_REFUSALS = (
    _refusal(
        r"APP_PASSWORD",
        "the account can log in only with an app password, and app passwords do not work for the API",
        "use a service account without two-factor authentication",
    ),
    _refusal(
        r"TWO.?FACTOR|2FA|DOMAIN_FORCED_NOT_SETUP|SYSADMIN_NOT_SETUP",
        "the account requires a second factor, which this program cannot provide",
        "use a service account without two-factor authentication",
    ),
    _refusal(
        r"PASSWORD.?EXPIRED|CHANGE.?PASSWORD|EXPIRED PASSWORD",
        "the password has expired or must be changed first",
        "log in to the web interface, set a new password, and exempt this account from password expiry",
    ),
    _refusal(
        r"TOO MANY|\bIP\b|ATTEMPTS",
        "the server rejects all logins from this IP address (too many attempts, or a restriction)",
        "unblock the address on the server (intrusion detection), and find out why earlier logins failed",
    ),
    _refusal(
        r"DISABLED|LOCKED|SUSPENDED|BLOCKED",
        "the account is disabled or locked",
        "enable the account on the server, or use another one",
    ),
)
_WRONG = LoginRefusal(
    re.compile(""),
    "the user name or the password is wrong",
    "correct the username and password of this server; the login is not retried, to prevent an address block",
)


def login_token(
    answer: HttpAnswer, request: RequestInfo, *, username: str, role: Role, now: float
) -> tuple[Token, str]:
    """The token of a login, and the reason why it does not fit the role (empty if it fits).

    Args:
        now: `time.monotonic` when the answer came.

    Raises:
        RefusedCredentials: the answer contains no usable token. The login must not be retried.
    """
    payload = decoded(answer.body)
    fields = payload if isinstance(payload, dict) else {}
    message = request.clean(fields.get("message"))
    if answer.status != 200 or fields.get("success") is False:
        raise login_refusal(request, username, message or request.clean(answer.reason), answer.status)
    # A successful login with an expired password gives a token that only changes the password.
    if fields.get("passwordExpired") is True or fields.get("changePasswordNeeded") is True:
        raise login_refusal(request, username, "PASSWORD_EXPIRED", answer.status)
    access, refresh = _text(fields, "accessToken"), _text(fields, "refreshToken")
    if _known(message) or not access or not refresh:
        raise login_refusal(request, username, message or "NO_TOKEN", answer.status)
    token = Token(
        access=Secret(access),
        refresh=Secret(refresh),
        refresh_at=refresh_time(fields, "accessTokenExpiration", access, answer.date, now),
        account=username.lower(),
    )
    return token, _role_mismatch(fields, role)


def renewed_session(answer_fields: Mapping[str, object], old: Token, date: datetime | None, now: float) -> Token | None:
    """The token of a refresh; None if absent. A refresh token works once (API reference section 2.4)."""
    access, refresh = _text(answer_fields, "accessToken"), _text(answer_fields, "refreshToken")
    if not access:
        return None
    return Token(
        access=Secret(access),
        refresh=Secret(refresh) if refresh else None,
        refresh_at=refresh_time(answer_fields, "accessTokenExpiration", access, date, now),
        account=old.account,
    )


def impersonated(fields: Mapping[str, object], domain: str, date: datetime | None, now: float) -> Token | None:
    """The token of manage-domain, which has its own lifetime (API reference section 2.7); None if absent."""
    access = _text(fields, "impersonateAccessToken")
    if not access:
        return None
    account = (_text(fields, "email") or _text(fields, "username")).lower()
    return Token(
        access=Secret(access),
        refresh_at=refresh_time(fields, "impersonateAccessTokenExpiration", access, date, now),
        account=account if "@" in account or not account else f"{account}@{domain}",
    )


def login_refusal(request: RequestInfo, username: str, message: str, status: int) -> RefusedCredentials:
    """The error for a rejected login; `message` is the server's text, already cleaned."""
    if message == "NO_TOKEN":
        text = "the answer does not contain all tokens"
        hint = "log in to the web interface with this account and complete what it asks for"
    else:
        known = _known(message) or _WRONG
        text, hint = known.text, known.hint
    return RefusedCredentials(f"{request.server}: login of {username} rejected: {text} ({status} {message})", hint=hint)


def _known(message: str) -> LoginRefusal | None:
    return next((r for r in _REFUSALS if r.pattern.search(message)), None)


def _role_mismatch(fields: Mapping[str, object], role: Role) -> str:
    is_admin = fields.get("isAdmin")
    if role == "admin":
        return "it is not a system administrator, but the server's role is `admin`" if is_admin is False else ""
    if is_admin is True:
        return "it is a system administrator, but the server's role is `customer`"
    if fields.get("isDomainAdmin") is False:
        return "it does not administer its domain, but the server's role is `customer`"
    return ""


def refresh_time(fields: Mapping[str, object], key: str, token: str, date: datetime | None, now: float) -> float | None:
    """When to refresh a token, in seconds of `now`; None if its lifetime is unknown.

    The lifetime is the difference of two times of the server (its `Date` header, the token's `iat`), so that the clocks
    of the two machines may differ.
    """
    claims = _claims(token)
    lives: list[float] = []
    expires_at = parse_time(fields.get(key))
    if expires_at is not None:
        lives.append((expires_at - (date or datetime.now(UTC))).total_seconds())
    expires, issued = claims.get("exp"), claims.get("iat")
    if isinstance(expires, int | float):
        started = issued if isinstance(issued, int | float) else (date or datetime.now(UTC)).timestamp()
        lives.append(expires - started)
    # A lifetime of zero or less comes from a wrong clock or from .NET's "never", and would cause endless refreshes.
    lives = [life for life in lives if life > 0]
    if not lives:
        return None
    # If the two sources differ, an early refresh is harmless and a late one is a rejected request.
    life = min(lives)
    return now + life - min(MARGIN, life / 3)


def parse_time(value: object) -> datetime | None:
    """A time in ISO 8601, in UTC if it has no offset. None for an invalid one and for year 1, the "never" of .NET."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    if parsed.year <= 1:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def _claims(token: str) -> Mapping[str, object]:
    """The claims of a JWT. The signature is not verified: the claims only decide when to refresh."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims: object = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _text(fields: Mapping[str, object], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""
