"""Access, refresh and step tokens (API reference sections 2.1 to 2.7).

Tokens are JWTs, because clients read their claims. The sandbox accepts only tokens from its own table, so that no one
can forge one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import jwt

from reconciler.sandbox.clock import Clock

STEP_SECONDS = 600.0
SYSTEM, DOMAIN, PLAIN, ANYONE = "SA", "DA", "U", "-"


@dataclass(slots=True)
class Family:
    """All tokens of one (user, client id), which are revoked together.

    Attributes:
        user: an address, or the name of a system administrator.
        is_elevated: the tokens come from manage-domain.
    """

    user: str
    client: str
    is_system: bool = False
    is_elevated: bool = False
    is_impersonated: bool = False
    access: set[str] = field(default_factory=set)
    refresh: str = ""


@dataclass(slots=True)
class Session:
    """The session of an access token. `step` is the purpose of a step token; empty for a normal token."""

    family: Family
    expires: float
    step: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    """New tokens with their expiry in seconds since the epoch."""

    access: str
    access_expires: float
    refresh: str = ""
    refresh_expires: float = 0.0


class Tokens:
    """The table of valid tokens."""

    def __init__(self, clock: Clock, access_seconds: float, refresh_seconds: float) -> None:
        self._clock = clock
        self._access_seconds = access_seconds
        self._refresh_seconds = refresh_seconds
        self._key = secrets.token_bytes(32)
        self._sessions: dict[str, Session] = {}
        self._refresh: dict[str, tuple[Family, float]] = {}
        self._families: dict[tuple[str, str], Family] = {}
        self._by_user: dict[str, dict[int, Family]] = {}
        self._sweep_at = 0.0

    def log_in(self, user: str, client: str, *, is_system: bool, roles: list[str], alone: bool = True) -> Issued:
        """Issue tokens for a login. With `alone`, tokens of an earlier login with the same client id are revoked."""
        family = Family(user, client, is_system=is_system)
        if alone:
            earlier = self._families.get((user, client))
            if earlier is not None:
                self.revoke(earlier)
            self._families[(user, client)] = family
        return self._issue(family, roles)

    def impersonate(self, user: str, roles: list[str], *, is_elevated: bool) -> Issued:
        """Issue tokens of `user` for a system administrator; with `is_elevated`, as manage-domain does."""
        client = f"impersonated:{secrets.token_hex(8)}"
        return self._issue(Family(user, client, is_elevated=is_elevated, is_impersonated=True), roles)

    def step(self, user: str, client: str, purpose: str, *, is_system: bool) -> Issued:
        """Issue a step token, which is valid for ten minutes and only to complete the login."""
        return self._access(Family(user, client, is_system=is_system), [], purpose)

    def session(self, token: str) -> Session | None:
        """The session of a token; None if it is unknown, revoked or expired."""
        session = self._sessions.get(token)
        if session is None or session.expires <= self._clock.now():
            return None
        return session

    def refreshing(self, token: str) -> Family | None:
        """The family of a valid refresh token; None if it is not valid."""
        family, expires = self._refresh.get(token, (None, 0.0))
        return family if expires > self._clock.now() else None

    def rotate(self, family: Family, roles: list[str]) -> Issued:
        """Replace a refresh token by new tokens. Earlier access tokens stay valid until they expire."""
        # A refresh token works once: a second use shows that it was stolen or that an answer was lost.
        self._refresh.pop(family.refresh, None)
        return self._issue(family, roles)

    def revoke(self, family: Family) -> None:
        """Revoke all tokens of a family."""
        for token in family.access:
            self._sessions.pop(token, None)
        family.access.clear()
        self._refresh.pop(family.refresh, None)
        if self._families.get((family.user, family.client)) is family:
            del self._families[(family.user, family.client)]
        self._by_user.get(family.user, {}).pop(id(family), None)

    def revoke_user(self, user: str) -> None:
        """Revoke all tokens of an account."""
        for family in self._by_user.pop(user, {}).values():
            self.revoke(family)

    def _issue(self, family: Family, roles: list[str]) -> Issued:
        issued = self._access(family, roles, "")
        family.refresh = secrets.token_urlsafe(32)
        expires = self._clock.now() + self._refresh_seconds
        self._refresh[family.refresh] = (family, expires)
        return Issued(issued.access, issued.access_expires, family.refresh, expires)

    def _access(self, family: Family, roles: list[str], step: str) -> Issued:
        now = self._clock.now()
        self._sweep(now)
        expires = now + (STEP_SECONDS if step else self._access_seconds)
        claims: dict[str, object] = {
            "sub": family.user,
            "unique_name": family.user,
            "role": roles,
            "iat": int(now),
            "nbf": int(now),
            "exp": int(expires),
            "jti": secrets.token_hex(8),
            "iss": "reconciler-sandbox",
        }
        if step:
            claims |= {"IsAuthStep": "true", "AuthStepPurpose": step}
        token = jwt.encode(claims, self._key, algorithm="HS256")
        self._sessions[token] = Session(family, expires, step)
        family.access.add(token)
        self._by_user.setdefault(family.user, {})[id(family)] = family
        return Issued(token, expires)

    def _sweep(self, now: float) -> None:
        """Remove expired tokens once a minute, so that a long run needs no more memory."""
        if now < self._sweep_at:
            return
        self._sweep_at = now + 60
        for token, session in list(self._sessions.items()):
            if session.expires <= now:
                del self._sessions[token]
                session.family.access.discard(token)
        self._refresh = {token: entry for token, entry in self._refresh.items() if entry[1] > now}
