"""Keeping signed in: one sign-in a run, renewal before the end, and a token for each domain.

Whatever many tasks need at once is asked for once, in a task of its own that no caller's cancellation can break.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from reconciler.core.errors import (
    ReconcilerError,
    RefusedByServer,
    RefusedCredentials,
    UnexpectedAnswer,
    Unreachable,
)
from reconciler.core.secret import Secret
from reconciler.smartermail import endpoints
from reconciler.smartermail.auth import answers as auth
from reconciler.smartermail.auth.answers import Token
from reconciler.smartermail.auth.login import Login, SessionLost
from reconciler.smartermail.capabilities import Capabilities
from reconciler.smartermail.endpoints import Endpoint
from reconciler.smartermail.transport.errors import (
    Again,
    Asked,
    HttpAnswer,
    Missing,
    Stale,
    Unauthorised,
    judge,
    unexpected,
)

TURNS = 4
"""How often a token that came due while its request waited for its turn is replaced; then it is sent as it is."""

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Context:
    """What a request to a domain's endpoints carries.

    Attributes:
        header: the domain for `X-SmarterMailDomain`; empty where the token itself has the context.
        verified: the server said that this is the context of the intended domain.
    """

    token: Token
    header: str = ""
    verified: bool = False


class Tokens:
    """The tokens of one server in one run.

    Every method raises RefusedCredentials at once, without a request, after the server refused them once.
    """

    def __init__(self, login: Login) -> None:
        self.capabilities = Capabilities()
        self.role = login.credentials.role
        self._login = login
        self._own: Token | None = None
        self._domains: dict[str, Context] = {}
        self._stale: set[str] = set()
        self._fatal: ReconcilerError | None = None
        self._flights: dict[str, asyncio.Task[object]] = {}

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not be in any text, as far as it is known here."""
        own = () if self._own is None else (self._own.access, *((self._own.refresh,) if self._own.refresh else ()))
        return (self._login.credentials.password, *own)

    async def system(self) -> Token:
        """The account's own token, signed in or renewed where that is due."""
        token = self._own
        if token is not None and self._fatal is None and not self.is_stale(token):
            return token
        return await self._once("sign-in", self._log_in_or_renew)

    async def domain(self, domain: str) -> Context:
        """A token with the context of a domain (API reference section 2.7); a customer's own token has one already."""
        if self.role == "customer" or self.capabilities.by_header:
            own = await self.system()
            context = self._domains.get(domain)
            if context is None or context.token is not own:
                context = Context(token=own, header="" if self.role == "customer" else domain)
                self._domains[domain] = context
            return context
        context = self._domains.get(domain)
        if context is not None and self._fatal is None and not self.is_stale(context.token):
            return context
        return await self._once(f"domain {domain}", lambda: self._manage(domain))

    def reject(self, token: Token) -> None:
        """The server no longer accepts a token: the next one who needs one gets a new one."""
        self._stale.add(token.access.reveal())

    async def sign_out(self) -> None:
        """Ends the session on the server, if there is one; a failure is of no consequence."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        token, self._own = self._own, None
        if token is None:
            return
        try:
            await self._login.end(token, self.secrets)
        except (ReconcilerError, Again):
            return

    def is_stale(self, token: Token) -> bool:
        """Whether a token is to be replaced before it is used."""
        return token.is_due(self._login.clock()) or token.access.reveal() in self._stale

    async def _once(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` gives, done once for all who ask while it is under way."""
        self._raise_if_shut_out()
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.create_task(_done(work))
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        try:
            result = await asyncio.shield(flight)
        except ReconcilerError as e:
            raise _copy(e) from e.__cause__
        return result  # type: ignore[return-value]  # the task under this key gives what `work` gives

    def _landed(self, key: str, flight: asyncio.Task[object]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # looked at, so that asyncio does not report it where every caller has left

    def _raise_if_shut_out(self) -> None:
        if self._fatal is not None:
            raise _copy(self._fatal)

    async def _log_in_or_renew(self) -> Token:
        token = self._own
        if token is not None and not self.is_stale(token):
            return token
        try:
            if token is not None:
                self._own = await self._login.renew(token, self.secrets)
            else:
                self._own, unfit = await self._login.begin(self.secrets)
                self._check_fit(unfit)
        except (RefusedCredentials, SessionLost) as e:
            self._fatal = e
            raise
        except (Unreachable, UnexpectedAnswer) as e:
            circuit = self._login.session.circuit
            if not circuit.is_open:  # without a session nothing else can be asked for either
                circuit.trip("the sign-in failed", e)
            raise
        return self._own

    def _check_fit(self, unfit: str) -> None:
        if unfit:
            asked = self._login.asked(endpoints.LOGIN, ())
            text = f"{asked.server}: the account {self._login.credentials.username} cannot be used: {unfit}"
            raise RefusedCredentials(text, hint="give the right account, or change the server's role")

    async def _manage(self, domain: str) -> Context:
        context = self._domains.get(domain)
        if context is not None and not self.is_stale(context.token):
            return context
        asked = self._asked(endpoints.MANAGE_DOMAIN, domain)
        try:
            answer, fields = await self._as_system(endpoints.MANAGE_DOMAIN, asked, domain)
        except (Missing, RefusedByServer) as e:
            return await self._unmanageable(domain, asked, e)
        token = auth.impersonated(fields, domain, answer.date, self._login.clock())
        if token is None:
            raise unexpected(asked, "the answer holds no token")
        context = self._domains[domain] = Context(token=token)
        return context

    async def _unmanageable(self, domain: str, asked: Asked, error: Missing | RefusedByServer) -> Context:
        """Why there is no token: no such domain, no right, or no such endpoint; then the header takes its place."""
        try:
            await self._as_system(endpoints.ONE_DOMAIN, self._asked(endpoints.ONE_DOMAIN, domain), domain)
        except (Missing, RefusedByServer):
            raise RefusedByServer(
                f"{asked.server}: there is no domain {domain} on this server",
                hint="create it on the server first; domains are not created from files",
            ) from None
        if isinstance(error, Missing):
            self.capabilities.by_header = True
            return await self.domain(domain)
        raise RefusedByServer(
            f"{asked.server}: {self._login.credentials.username} may not manage {domain}: {error.message}",
            hint="give the account the right to impersonate, or use the primary system administrator",
        ) from None

    async def _as_system(self, endpoint: Endpoint, asked: Asked, domain: str) -> tuple[HttpAnswer, dict[str, object]]:
        """A read with the account's own token; one that is no longer accepted is renewed once."""
        refused = False
        for turn in range(1, TURNS + 1):
            token = await self.system()
            stale = partial(self.is_stale, token) if turn < TURNS else lambda: False
            try:
                answer = await self._login.sent(endpoint, asked, {"domain": domain}, token, stale)
                return answer, judge(answer, asked)
            except Stale:
                continue
            except Unauthorised:
                self.reject(token)
                if refused:
                    break
                refused = True
        raise no_longer(asked)

    def _asked(self, endpoint: Endpoint, domain: str) -> Asked:
        return self._login.asked(endpoint, self.secrets, domain)


def no_longer(asked: Asked) -> RefusedCredentials:
    """A fresh token was not accepted either."""
    return RefusedCredentials(
        f"{asked}: the server does not accept the session, also after renewing it (401)",
        hint="see whether something else signs this account out, or the server's clock jumps",
    )


async def _done(work: Callable[[], Awaitable[object]]) -> object:
    return await work()


def _copy(error: ReconcilerError) -> ReconcilerError:
    """The same error for another caller, with a traceback of its own."""
    return type(error)(error.message, hint=error.hint, span=error.span)
