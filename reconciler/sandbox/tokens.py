"""Access, refresh and step tokens (API reference sections 2.1 to 2.7).

A token lives in the table of its family; the JWT around it is for clients that read its claims. Whatever is not in the
table is no token, so nothing can be forged.
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
    """All tokens of one (user, client id): they are revoked together. `user` is an address, or an SA's bare name."""

    user: str
    client: str
    is_system: bool = False
    is_elevated: bool = False  # came from manage-domain
    is_impersonated: bool = False
    access: set[str] = field(default_factory=set)
    refresh: str = ""


@dataclass(slots=True)
class Session:
    """What an access token stands for. `step` names the purpose of a step token, empty for a real one."""

    family: Family
    expires: float
    step: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    """Freshly made tokens with their expiry, in seconds since the epoch."""

    access: str
    access_expires: float
    refresh: str = ""
    refresh_expires: float = 0.0


class Tokens:
    """The tokens that are alive."""

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

    def sign_in(self, user: str, client: str, *, is_system: bool, roles: list[str], alone: bool = True) -> Issued:
        """Tokens of a new login; with `alone`, those of an earlier login with the same client id die."""
        family = Family(user, client, is_system=is_system)
        if alone:
            earlier = self._families.get((user, client))
            if earlier is not None:
                self.revoke(earlier)
            self._families[(user, client)] = family
        return self._issue(family, roles)

    def impersonate(self, user: str, roles: list[str], *, is_elevated: bool) -> Issued:
        """Tokens of `user` for a system administrator; with `is_elevated`, as manage-domain gives them."""
        client = f"impersonated:{secrets.token_hex(8)}"
        return self._issue(Family(user, client, is_elevated=is_elevated, is_impersonated=True), roles)

    def step(self, user: str, client: str, purpose: str, *, is_system: bool) -> Issued:
        """A step token: ten minutes, good only for finishing the login."""
        return self._access(Family(user, client, is_system=is_system), [], purpose)

    def session(self, token: str) -> Session | None:
        """What a token stands for; None when it is unknown, revoked or expired."""
        session = self._sessions.get(token)
        if session is None or session.expires <= self._clock.now():
            return None
        return session

    def refreshing(self, token: str) -> Family | None:
        """The family of a living refresh token."""
        family, expires = self._refresh.get(token, (None, 0.0))
        return family if expires > self._clock.now() else None

    def rotate(self, family: Family, roles: list[str]) -> Issued:
        """New tokens for a refresh token, which is dead from then on; earlier access tokens live out their time."""
        self._refresh.pop(family.refresh, None)
        return self._issue(family, roles)

    def revoke(self, family: Family) -> None:
        """Kill all tokens of a family."""
        for token in family.access:
            self._sessions.pop(token, None)
        family.access.clear()
        self._refresh.pop(family.refresh, None)
        if self._families.get((family.user, family.client)) is family:
            del self._families[(family.user, family.client)]
        self._by_user.get(family.user, {}).pop(id(family), None)

    def revoke_user(self, user: str) -> None:
        """Kill all tokens of an account."""
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
        """Forget what has expired, now and then, so that a long run does not grow."""
        if now < self._sweep_at:
            return
        self._sweep_at = now + 60
        for token, session in list(self._sessions.items()):
            if session.expires <= now:
                del self._sessions[token]
                session.family.access.discard(token)
        self._refresh = {token: entry for token, entry in self._refresh.items() if entry[1] > now}
