"""Calls of endpoints: choose the spelling and the token, then send and retry. Readers and writers know no HTTP."""

import asyncio
import json

from reconciler.core.errors import AmbiguousWrite, NoSuchEndpoint, ReconcilerError, RefusedByServer, UnexpectedAnswer
from reconciler.core.secret import Secret
from reconciler.smartermail import endpoints
from reconciler.smartermail.auth.decode import Token
from reconciler.smartermail.auth.tokens import TOKEN_ATTEMPTS, Context, Tokens, session_rejected
from reconciler.smartermail.capabilities import Build, build_in
from reconciler.smartermail.codec.scalars import canonical_domain
from reconciler.smartermail.endpoints import Endpoint, Spelling
from reconciler.smartermail.operations import missing_operation, operation_of
from reconciler.smartermail.transport.errors import (
    EndpointMissing,
    JsonObject,
    RequestInfo,
    StaleToken,
    Unauthorized,
    judge,
)
from reconciler.smartermail.transport.retry import retrying
from reconciler.smartermail.transport.session import Session


class Calls:
    """Sends reads and writes to one server and remembers what the server supports."""

    def __init__(self, session: Session, tokens: Tokens) -> None:
        self.session = session
        self.tokens = tokens
        self.capabilities = tokens.capabilities
        self._only_domain: str | None = None
        self._build_lock = asyncio.Lock()

    @property
    def is_admin(self) -> bool:
        """Whether the account is a system administrator; a customer's requests never use system endpoints."""
        return self.tokens.role == "admin"

    async def aclose(self) -> None:
        """Log out and close all connections."""
        try:
            await self.tokens.log_out()
        finally:
            await self.session.aclose()

    async def read(self, endpoint: Endpoint, domain: str = "", **params: object) -> JsonObject:
        """Send a read and return its answer.

        Raises:
            NoSuchEndpoint: 404 or 405 to every spelling.
            Unreachable, RefusedCredentials, UnexpectedAnswer, RefusedByServer: see `reconciler.core.errors`.
        """
        assert not endpoint.writes, endpoint.name
        return (await self._any_spelling(endpoint, domain, params, ()))[0]

    async def write(
        self, endpoint: Endpoint, domain: str, secrets: tuple[Secret, ...] = (), **params: object
    ) -> JsonObject:
        """Send a write once and return its answer. Its token is verified to belong to the domain.

        Args:
            secrets: values in the request that no message may contain.

        Raises:
            AmbiguousWrite: the write may or may not have taken effect.
            RefusedByServer, Unreachable, RefusedCredentials, NoSuchEndpoint: the write had no effect.
        """
        assert endpoint.writes, endpoint.name
        # Each new token needs two rounds: one to verify it, one to write.
        for _ in range(2 * TOKEN_ATTEMPTS):
            if not (await self.tokens.domain(domain)).verified:
                await self.domain_data(domain)
                continue
            try:
                return (await self._any_spelling(endpoint, domain, params, secrets))[0]
            except StaleToken:
                # Nothing was sent. The new token must be verified before it may write.
                continue
        raise UnexpectedAnswer(
            f"{self.session.name}: the session of {domain} expires before each use; nothing was sent",
            hint="check the server's clock and the lifetime of its tokens",
        )

    async def domain_data(self, domain: str) -> JsonObject:
        """Read `domainData` and verify that it belongs to the domain (API reference sections 4.7 and 11).

        Raises:
            RefusedByServer: the account administers another domain.
        """
        self._check_own(domain)
        answer, context = await self._any_spelling(endpoints.DATA, domain, {}, ())
        data = answer.get("domainData")
        name = data.get("name") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(name, str) or not name:
            raise UnexpectedAnswer(
                f"{self.where(endpoints.DATA, domain)}: domainData.name is missing, so the domain cannot be verified"
            )
        if canonical_domain(name) != domain:
            # A customer's session belongs to its own domain: the files name the wrong server entry.
            if not self.is_admin:
                # Remembered, so that requests for the other domains of the files fail without another round trip.
                self._only_domain = canonical_domain(name)
                self._check_own(domain)
            other = RequestInfo(self.session.name, "").clean(name)
            raise UnexpectedAnswer(
                f"{self.where(endpoints.DATA, domain)}: the server answered for {other}; nothing was read or written",
                hint="check for a proxy or cache that mixes up the answers of the server",
            )
        assert context is not None, "domain endpoints have a context"
        context.verified = True
        return data

    async def own_domain(self) -> JsonObject:
        """Read `domainData` of the domain that a customer administers."""
        answer, _ = await self._any_spelling(endpoints.DATA, "", {}, ())
        data = answer.get("domainData")
        if not isinstance(data, dict) or not isinstance(data.get("name"), str):
            raise UnexpectedAnswer(f"{self.where(endpoints.DATA)}: domainData.name is missing")
        self._only_domain = canonical_domain(str(data["name"]))
        return data

    async def build(self) -> Build | None:
        """The server's build, requested once in a run; None if it is not reported, as for every customer."""
        # With the lock, concurrent failures wait for one request instead of sending one each.
        async with self._build_lock:
            if self.is_admin and not self.capabilities.build_requested:
                # Set before the request, so that a failed request is not repeated for each later message.
                self.capabilities.build_requested = True
                spelling = endpoints.VERSION.spellings[0]
                try:
                    answer, _ = await self._with_token(endpoints.VERSION, spelling, "", {}, ())
                except (EndpointMissing, ReconcilerError):  # the build only improves messages: its lack is no failure
                    return None
                self.capabilities.build = build_in(json.dumps(answer))
        return self.capabilities.build

    def where(self, endpoint: Endpoint, domain: str = "") -> str:
        """The source of an answer for messages: server, request, domain."""
        spelling = endpoint.spellings[self.capabilities.first(endpoint)]
        return str(RequestInfo(self.session.name, spelling.template, domain))

    def _check_own(self, domain: str) -> None:
        if self._only_domain is not None and self._only_domain != domain:
            raise RefusedByServer(
                f"{self.session.name}: the account administers {self._only_domain}, not {domain}",
                hint="add a server entry for each domain, or use role `admin`; role `customer` reaches one domain only",
            )

    async def _any_spelling(
        self, endpoint: Endpoint, domain: str, params: dict[str, object], secrets: tuple[Secret, ...]
    ) -> tuple[JsonObject, Context | None]:
        """Try the spellings in order, beginning with the one that worked before. Only 404 and 405 lead to the next."""
        usable = [
            (number, spelling)
            for number, spelling in enumerate(endpoint.spellings)
            # A customer has no right to system endpoints. Their 403 would be taken for the final answer, instead of "no
            # such endpoint".
            if number >= self.capabilities.first(endpoint) and (self.is_admin or spelling.bearer != "system")
        ]
        for number, spelling in usable:
            try:
                result = await self._with_token(endpoint, spelling, domain, params, secrets)
            except EndpointMissing:
                continue
            # A refusal comes from the endpoint itself, so that this spelling exists.
            except RefusedByServer:
                self.capabilities.learn(endpoint, number)
                raise
            self.capabilities.learn(endpoint, number)
            return result
        request = self._request_info(endpoint, endpoint.spellings[0], domain, ())
        operation = operation_of(endpoint)
        # Without a remedy the program has another way. Then this error is not shown, and the version costs no request.
        text, hint = missing_operation(operation, await self.build() if operation.remedy else None)
        raise NoSuchEndpoint(f"{request}: {text}", hint=hint)

    async def _with_token(
        self,
        endpoint: Endpoint,
        spelling: Spelling,
        domain: str,
        params: dict[str, object],
        secrets: tuple[Secret, ...],
    ) -> tuple[JsonObject, Context | None]:
        """Send one spelling with a token. A read whose token is rejected is sent once more with a new one.

        Raises:
            StaleToken: only for writes: the token is due or not verified for the domain; nothing was sent.
        """
        was_rejected = False
        for attempt in range(1, TOKEN_ATTEMPTS + 1):
            context = await self.tokens.domain(domain) if spelling.bearer == "domain" else None
            token = context.token if context else await self.tokens.system()
            request = self._request_info(endpoint, spelling, domain, (token.access, *secrets))
            # The token can have been renewed since `write` verified it. A write under the context of another domain
            # would damage that domain.
            if endpoint.writes and context is not None and not context.verified:
                raise StaleToken
            try:
                values = {"domain": domain, **params}
                # Never for a write: a write that the server rejects with 401 is ambiguous, while a
                # rejected read is harmless.
                last_attempt = not endpoint.writes and attempt == TOKEN_ATTEMPTS
                return await self._send(spelling, values, request, token, context, last_attempt=last_attempt), context
            except StaleToken:
                if endpoint.writes:
                    raise
            except Unauthorized:
                self.tokens.reject(token)
                # A 401 to a write does not prove that it had no effect: a proxy may have sent it.
                if endpoint.writes:
                    raise AmbiguousWrite(
                        f"{request}: the server rejected the session (401)",
                        hint="run `plan` to see whether the write took effect",
                    ) from None
                if was_rejected:
                    break
                was_rejected = True
        # No third attempt: a rejected refresh token counts as a failed login (API reference section 2.4).
        raise session_rejected(self._request_info(endpoint, spelling, domain, ()))

    async def _send(
        self,
        spelling: Spelling,
        params: dict[str, object],
        request: RequestInfo,
        token: Token,
        context: Context | None,
        *,
        last_attempt: bool,
    ) -> JsonObject:
        """Send a request with retries. In the `last_attempt` the token is used even if it is due for a refresh.

        Raises:
            StaleToken: the token became due while the request waited; nothing was sent.
        """
        path, body = spelling.filled(params), spelling.body(params)

        async def attempt(is_retry: bool) -> JsonObject:
            self.session.stats.retries += is_retry
            answer = await self.session.send(
                spelling.method,
                path,
                request,
                body=body,
                token=token.access,
                domain=context.header if context else "",
                is_stale=lambda: not last_attempt and self.tokens.is_stale(token),
            )
            return judge(answer, request)

        return await retrying(attempt, self.session.retry_budget, self.session.circuit)

    def _request_info(
        self, endpoint: Endpoint, spelling: Spelling, domain: str, secrets: tuple[Secret, ...]
    ) -> RequestInfo:
        return RequestInfo(
            self.session.name,
            spelling.template,
            domain,
            writes=endpoint.writes,
            secrets=(*self.tokens.secrets, *secrets),
        )
