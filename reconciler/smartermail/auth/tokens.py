"""The tokens of a run: one login, refreshes before expiry, and one token per domain.

If several tasks need the same token, one request serves all of them. It runs in its own task, so that the cancellation
of one caller does not affect the others.
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
from reconciler.smartermail.auth import decode as auth
from reconciler.smartermail.auth.decode import Token
from reconciler.smartermail.auth.login import Login, SessionLost
from reconciler.smartermail.capabilities import Capabilities
from reconciler.smartermail.endpoints import Endpoint
from reconciler.smartermail.transport.errors import (
    EndpointMissing,
    HttpAnswer,
    RequestInfo,
    Retryable,
    StaleToken,
    Unauthorized,
    judge,
    unexpected,
)

TOKEN_ATTEMPTS = 4
"""How often a request gets a new token because the last one became due while the request waited.

The last attempt sends the token even if it is due: otherwise a very slow server could keep a request waiting forever.
"""

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Context:
    """How a request to the endpoints of a domain names that domain.

    Attributes:
        header: the value of `X-SmarterMailDomain`; empty if the token itself belongs to the domain.
        verified: the server confirmed that this context belongs to the intended domain.
    """

    token: Token
    header: str = ""
    verified: bool = False


class Tokens:
    """The tokens of one server in one run.

    After the server has rejected the credentials once, every method raises RefusedCredentials without a request.
    """

    def __init__(self, login: Login) -> None:
        self.capabilities = Capabilities()
        self.role = login.credentials.role
        self._login = login
        self._own: Token | None = None
        self._domains: dict[str, Context] = {}
        self._stale: set[str] = set()
        self._fatal: ReconcilerError | None = None
        self._running: dict[str, asyncio.Task[object]] = {}

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The password and the account's tokens, which no message may contain."""
        own = () if self._own is None else (self._own.access, *((self._own.refresh,) if self._own.refresh else ()))
        return (self._login.credentials.password, *own)

    async def system(self) -> Token:
        """The account's own token, after a login or a refresh if one is due."""
        token = self._own
        if token is not None and self._fatal is None and not self.is_stale(token):
            return token
        return await self._once("login", self._log_in_or_refresh)

    async def domain(self, domain: str) -> Context:
        """A token for a domain (API reference section 2.7). A customer's own token already belongs to its domain."""
        if self.role == "customer" or self.capabilities.by_header:
            own = await self.system()
            context = self._domains.get(domain)
            # After a refresh the new token must be verified again before a write.
            if context is None or context.token is not own:
                context = Context(token=own, header="" if self.role == "customer" else domain)
                self._domains[domain] = context
            return context
        context = self._domains.get(domain)
        if context is not None and self._fatal is None and not self.is_stale(context.token):
            return context
        return await self._once(f"domain {domain}", lambda: self._manage(domain))

    def reject(self, token: Token) -> None:
        """Mark a token as rejected by the server. The next caller gets a new one."""
        self._stale.add(token.access.reveal())

    async def log_out(self) -> None:
        """End the session on the server, if one exists. A failure does not matter: the session expires anyway."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        # The token is cleared first, so that a second call does not log out again.
        token, self._own = self._own, None
        if token is None:
            return
        try:
            await self._login.end(token, self.secrets)
        except (ReconcilerError, Retryable):
            return

    def is_stale(self, token: Token) -> bool:
        """Whether a token must be replaced before its next use."""
        return token.is_due(self._login.clock()) or token.access.reveal() in self._stale

    async def _once(self, key: str, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work` once for all callers that need its result at the same time."""
        self._raise_if_rejected()
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(_as_coroutine(work))
            self._running[key] = task
            task.add_done_callback(lambda done: self._finished(key, done))
        # Without `shield`, the cancellation of one caller would cancel the work for all of them.
        try:
            result = await asyncio.shield(task)
        except ReconcilerError as e:
            raise _copy(e) from e.__cause__
        return result  # type: ignore[return-value]  # the task of this key has the result type of `work`

    def _finished(self, key: str, task: asyncio.Task[object]) -> None:
        if self._running.get(key) is task:
            del self._running[key]
        if not task.cancelled():
            # Retrieved here: if all callers are cancelled, asyncio would report an exception that nobody retrieved.
            task.exception()

    def _raise_if_rejected(self) -> None:
        if self._fatal is not None:
            raise _copy(self._fatal)

    async def _log_in_or_refresh(self) -> Token:
        token = self._own
        if token is not None and not self.is_stale(token):
            return token
        try:
            if token is not None:
                self._own = await self._login.refresh(token, self.secrets)
            else:
                self._own, mismatch = await self._login.begin(self.secrets)
                self._check_role(mismatch)
        # Another attempt could lock the account or block this address, so that this result is final.
        except (RefusedCredentials, SessionLost) as e:
            self._fatal = e
            raise
        except (Unreachable, UnexpectedAnswer) as e:
            circuit = self._login.session.circuit
            # Without a session, no other request can succeed either.
            if not circuit.is_open:
                circuit.trip("the login failed", e)
            raise
        return self._own

    def _check_role(self, mismatch: str) -> None:
        if mismatch:
            request = self._login.request_info(endpoints.LOGIN, ())
            text = f"{request.server}: the account {self._login.credentials.username} cannot be used: {mismatch}"
            raise RefusedCredentials(text, hint="use another account, or change the server's role in reconciler.yaml")

    async def _manage(self, domain: str) -> Context:
        context = self._domains.get(domain)
        if context is not None and not self.is_stale(context.token):
            return context
        request = self._request_info(endpoints.MANAGE_DOMAIN, domain)
        try:
            answer, fields = await self._as_system(endpoints.MANAGE_DOMAIN, request, domain)
        except (EndpointMissing, RefusedByServer) as e:
            return await self._without_impersonation(domain, request, e)
        token = auth.impersonated(fields, domain, answer.date, self._login.clock())
        if token is None:
            raise unexpected(request, "the answer contains no token")
        context = self._domains[domain] = Context(token=token)
        return context

    async def _without_impersonation(
        self, domain: str, request: RequestInfo, error: EndpointMissing | RefusedByServer
    ) -> Context:
        """Find out why manage-domain gave no token: no such domain, no permission, or no such endpoint.

        Without the endpoint, a header names the domain instead.
        """
        try:
            await self._as_system(endpoints.ONE_DOMAIN, self._request_info(endpoints.ONE_DOMAIN, domain), domain)
        except (EndpointMissing, RefusedByServer):
            raise RefusedByServer(
                f"{request.server}: the domain {domain} does not exist on this server",
                hint="create it on the server first; this program does not create domains",
            ) from None
        if isinstance(error, EndpointMissing):
            self.capabilities.by_header = True
            return await self.domain(domain)
        raise RefusedByServer(
            f"{request.server}: {self._login.credentials.username} may not manage {domain}: {error.message}",
            hint="give the account the permission to impersonate, or use the primary system administrator",
        ) from None

    async def _as_system(
        self, endpoint: Endpoint, request: RequestInfo, domain: str
    ) -> tuple[HttpAnswer, dict[str, object]]:
        """A read with the account's own token. A rejected token is refreshed once."""
        was_rejected = False
        for attempt in range(1, TOKEN_ATTEMPTS + 1):
            token = await self.system()
            stale = partial(self.is_stale, token) if attempt < TOKEN_ATTEMPTS else lambda: False
            try:
                answer = await self._login.send(endpoint, request, {"domain": domain}, token, stale)
                return answer, judge(answer, request)
            except StaleToken:
                continue
            except Unauthorized:
                self.reject(token)
                if was_rejected:
                    break
                was_rejected = True
        raise session_rejected(request)

    def _request_info(self, endpoint: Endpoint, domain: str) -> RequestInfo:
        return self._login.request_info(endpoint, self.secrets, domain)


def session_rejected(request: RequestInfo) -> RefusedCredentials:
    """The error for a server that rejects also a fresh token."""
    return RefusedCredentials(
        f"{request}: the server rejects the session, also after a refresh (401)",
        hint="check whether another program logs this account out, and whether the server's clock is stable",
    )


async def _as_coroutine(work: Callable[[], Awaitable[object]]) -> object:
    return await work()


def _copy(error: ReconcilerError) -> ReconcilerError:
    """A copy of an error with its own traceback, for another caller."""
    return type(error)(error.message, hint=error.hint, span=error.span)
