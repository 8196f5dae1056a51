"""Sign-in without any sending: what answers mean, and how long tokens live (API reference sections 2.1 to 2.5)."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reconciler.core.errors import RefusedCredentials
from reconciler.core.secret import Secret
from reconciler.core.workspace import Role
from reconciler.smartermail.transport.errors import Asked, HttpAnswer, decoded

MARGIN = 90.0
"""Seconds before its end at which a token is renewed; a third of its life where that is shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token.

    Attributes:
        renew_at: on the clock of `time.monotonic`, when to renew it; None where its end is unknown.
        account: the address or name of the account that it stands for, in lower case; empty where unknown.
    """

    access: Secret
    refresh: Secret | None = None
    renew_at: float | None = None
    account: str = ""

    def is_due(self, now: float) -> bool:
        """Whether it is time to renew it."""
        return self.renew_at is not None and now >= self.renew_at


@dataclass(frozen=True, slots=True)
class LoginRefusal:
    """One way in which a sign-in is refused: how to recognise it, and what to say."""

    pattern: re.Pattern[str]
    text: str
    hint: str


def _refusal(pattern: str, text: str, hint: str) -> LoginRefusal:
    return LoginRefusal(re.compile(pattern, re.IGNORECASE), text, hint)


_REFUSALS = (
    _refusal(
        r"APP_PASSWORD",
        "the account may sign in with an app password only, and those do not open the API",
        "use a service account without two-factor sign-in",
    ),
    _refusal(
        r"TWO.?FACTOR|2FA|DOMAIN_FORCED_NOT_SETUP|SYSADMIN_NOT_SETUP",
        "the account needs a second factor, which nobody can give here",
        "use a service account without two-factor sign-in",
    ),
    _refusal(
        r"PASSWORD.?EXPIRED|CHANGE.?PASSWORD|EXPIRED PASSWORD",
        "the password has expired or must be changed first",
        "sign in to the web interface once, set a new password, and exempt this account from expiry",
    ),
    _refusal(
        r"TOO MANY|\bIP\b|ATTEMPTS",
        "the server lets nobody sign in from this address (too many attempts, or a restriction)",
        "unblock the address on the server (intrusion detection), and see why sign-ins failed before",
    ),
    _refusal(
        r"DISABLED|LOCKED|SUSPENDED|BLOCKED",
        "the account is disabled or locked",
        "enable it on the server, or use another",
    ),
)
_WRONG = LoginRefusal(
    re.compile(""),
    "the user name or the password is wrong",
    "correct username and password of this server; it is not tried again, so that the address is not blocked",
)


def logged_in(answer: HttpAnswer, asked: Asked, *, username: str, role: Role, now: float) -> tuple[Token, str]:
    """The token of a sign-in, and why it may not be used for this role, if so (empty otherwise).

    Args:
        now: the clock of `time.monotonic` when the answer came.

    Raises:
        RefusedCredentials: there is no token that opens the API; never to be tried again.
    """
    payload = decoded(answer.body)
    fields = payload if isinstance(payload, dict) else {}
    message = asked.says(fields.get("message"))
    if answer.status != 200 or fields.get("success") is False:
        raise login_refusal(asked, username, message or asked.says(answer.reason), answer.status)
    if fields.get("passwordExpired") is True or fields.get("changePasswordNeeded") is True:
        raise login_refusal(asked, username, "PASSWORD_EXPIRED", answer.status)
    access, refresh = _text(fields, "accessToken"), _text(fields, "refreshToken")
    if _known(message) or not access or not refresh:
        raise login_refusal(asked, username, message or "NO_TOKEN", answer.status)
    token = Token(
        access=Secret(access),
        refresh=Secret(refresh),
        renew_at=renewal(fields, "accessTokenExpiration", access, answer.date, now),
        account=username.lower(),
    )
    return token, _unfit(fields, role)


def renewed(answer_fields: Mapping[str, object], old: Token, date: datetime | None, now: float) -> Token | None:
    """The token of a refresh; None where the answer holds none. A refresh token rotates (API reference section 2.4)."""
    access, refresh = _text(answer_fields, "accessToken"), _text(answer_fields, "refreshToken")
    if not access:
        return None
    return Token(
        access=Secret(access),
        refresh=Secret(refresh) if refresh else None,
        renew_at=renewal(answer_fields, "accessTokenExpiration", access, date, now),
        account=old.account,
    )


def impersonated(fields: Mapping[str, object], domain: str, date: datetime | None, now: float) -> Token | None:
    """The token of manage-domain, which has a clock of its own (API reference section 2.7); None if absent."""
    access = _text(fields, "impersonateAccessToken")
    if not access:
        return None
    account = (_text(fields, "email") or _text(fields, "username")).lower()
    return Token(
        access=Secret(access),
        renew_at=renewal(fields, "impersonateAccessTokenExpiration", access, date, now),
        account=account if "@" in account or not account else f"{account}@{domain}",
    )


def login_refusal(asked: Asked, username: str, said: str, status: int) -> RefusedCredentials:
    """What to tell of a refused sign-in; `said` is the server's text, cleaned."""
    if said == "NO_TOKEN":
        text, hint = "the answer holds no complete set of tokens", "see whether the account has to do something first"
    else:
        known = _known(said) or _WRONG
        text, hint = known.text, known.hint
    return RefusedCredentials(f"{asked.server}: sign-in of {username} refused: {text} ({status} {said})", hint=hint)


def _known(said: str) -> LoginRefusal | None:
    return next((r for r in _REFUSALS if r.pattern.search(said)), None)


def _unfit(fields: Mapping[str, object], role: Role) -> str:
    is_admin = fields.get("isAdmin")
    if role == "admin":
        return "it is not a system administrator, but the server's role is `admin`" if is_admin is False else ""
    if is_admin is True:
        return "it is a system administrator, but the server's role is `customer`"
    if fields.get("isDomainAdmin") is False:
        return "it does not administer its domain, but the server's role is `customer`"
    return ""


def renewal(fields: Mapping[str, object], key: str, token: str, date: datetime | None, now: float) -> float | None:
    """When to renew a token, on the clock of `now`; None where its life is unknown.

    The life is counted by the server's own clock (its `Date` header, the token's `iat`), so that clocks may differ.
    """
    claims = _claims(token)
    lives: list[float] = []
    until = parse_time(fields.get(key))
    if until is not None:
        lives.append((until - (date or datetime.now(UTC))).total_seconds())
    expires, issued = claims.get("exp"), claims.get("iat")
    if isinstance(expires, int | float):
        started = issued if isinstance(issued, int | float) else (date or datetime.now(UTC)).timestamp()
        lives.append(expires - started)
    lives = [life for life in lives if life > 0]
    if not lives:
        return None
    life = min(lives)
    return now + life - min(MARGIN, life / 3)


def parse_time(value: object) -> datetime | None:
    """A point in time in ISO 8601; UTC unless it says otherwise. Year 1 is .NET's "never" and gives None."""
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
    """The claims of a JWT, which are not verified: they only say when to renew."""
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
