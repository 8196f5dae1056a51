"""One endpoint, asked for: spelling, token, repetition. Readers and writers speak through this and know no HTTP."""

import asyncio
import json

from reconciler.core.errors import AmbiguousWrite, NoSuchEndpoint, ReconcilerError, RefusedByServer, UnexpectedAnswer
from reconciler.core.secret import Secret
from reconciler.smartermail import endpoints
from reconciler.smartermail.abilities import ability_of, lacking
from reconciler.smartermail.auth.answers import Token
from reconciler.smartermail.auth.tokens import TURNS, Context, Tokens, no_longer
from reconciler.smartermail.capabilities import Build, build_in
from reconciler.smartermail.codec.scalars import canonical_domain
from reconciler.smartermail.endpoints import Endpoint, Spelling
from reconciler.smartermail.transport.errors import Asked, JsonObject, Missing, Stale, Unauthorised, judge
from reconciler.smartermail.transport.retry import retrying
from reconciler.smartermail.transport.session import Session


class Calls:
    """Sends reads and writes to one server."""

    def __init__(self, session: Session, tokens: Tokens) -> None:
        self.session = session
        self.tokens = tokens
        self.capabilities = tokens.capabilities
        self._only_domain: str | None = None
        self._asking_build = asyncio.Lock()

    @property
    def is_admin(self) -> bool:
        """Whether the account is a system administrator; a customer's requests never use system endpoints."""
        return self.tokens.role == "admin"

    async def aclose(self) -> None:
        """Signs out and closes all connections."""
        try:
            await self.tokens.sign_out()
        finally:
            await self.session.aclose()

    async def read(self, endpoint: Endpoint, domain: str = "", **params: object) -> JsonObject:
        """The answer to a read.

        Raises:
            NoSuchEndpoint: 404 or 405 to every spelling.
            Unreachable, RefusedCredentials, UnexpectedAnswer, RefusedByServer: see `reconciler.core.errors`.
        """
        assert not endpoint.writes, endpoint.name
        return (await self._spelled(endpoint, domain, params, ()))[0]

    async def write(
        self, endpoint: Endpoint, domain: str, secrets: tuple[Secret, ...] = (), **params: object
    ) -> JsonObject:
        """The answer to a write, which is sent once, and only with a token that was seen to be the domain's.

        Args:
            secrets: what the request holds and no message may repeat.

        Raises:
            AmbiguousWrite: it may or may not have taken effect.
            RefusedByServer, Unreachable, RefusedCredentials, NoSuchEndpoint: it had no effect.
        """
        assert endpoint.writes, endpoint.name
        for _ in range(2 * TURNS):
            if not (await self.tokens.domain(domain)).verified:
                await self.domain_data(domain)
                continue
            try:
                return (await self._spelled(endpoint, domain, params, secrets))[0]
            except Stale:
                continue  # nothing was sent; the new token has to be seen to be the domain's first
        raise UnexpectedAnswer(
            f"{self.session.name}: the session of {domain} is renewed over and over; nothing was sent"
        )

    async def domain_data(self, domain: str) -> JsonObject:
        """`domainData` of the domain, which is seen to be the intended one (API reference sections 4.7 and 11).

        Raises:
            RefusedByServer: the account administers another domain.
        """
        self._check_own(domain)
        answer, context = await self._spelled(endpoints.DATA, domain, {}, ())
        data = answer.get("domainData")
        name = data.get("name") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(name, str) or not name:
            raise UnexpectedAnswer(
                f"{self.where(endpoints.DATA, domain)}: domainData.name is missing, so the domain cannot be verified"
            )
        if canonical_domain(name) != domain:
            if not self.is_admin:
                self._only_domain = canonical_domain(name)
                self._check_own(domain)
            shown = Asked(self.session.name, "").says(name)
            raise UnexpectedAnswer(
                f"{self.where(endpoints.DATA, domain)}: the server answered for {shown}; nothing was read or written",
                hint="this must not happen: see what stands between here and the server",
            )
        assert context is not None, "domain endpoints have a context"
        context.verified = True
        return data

    async def own_domain(self) -> JsonObject:
        """`domainData` of the domain that a customer administers."""
        answer, _ = await self._spelled(endpoints.DATA, "", {}, ())
        data = answer.get("domainData")
        if not isinstance(data, dict) or not isinstance(data.get("name"), str):
            raise UnexpectedAnswer(f"{self.where(endpoints.DATA)}: domainData.name is missing")
        self._only_domain = canonical_domain(str(data["name"]))
        return data

    async def build(self) -> Build | None:
        """The build that the server runs, asked once in a run; None where it does not tell, as it tells no customer."""
        async with self._asking_build:
            if self.is_admin and not self.capabilities.build_asked:
                self.capabilities.build_asked = True
                spelling = endpoints.VERSION.spellings[0]
                try:
                    answer, _ = await self._authorised(endpoints.VERSION, spelling, "", {}, ())
                except (Missing, ReconcilerError):  # what it could have told is no reason to fail
                    return None
                self.capabilities.build = build_in(json.dumps(answer))
        return self.capabilities.build

    def where(self, endpoint: Endpoint, domain: str = "") -> str:
        """Where an answer came from, for messages: server, request, domain."""
        spelling = endpoint.spellings[self.capabilities.first(endpoint)]
        return str(Asked(self.session.name, spelling.template, domain))

    def _check_own(self, domain: str) -> None:
        if self._only_domain is not None and self._only_domain != domain:
            raise RefusedByServer(
                f"{self.session.name}: the account administers {self._only_domain}, not {domain}",
                hint="role `customer` reaches one domain: give each a server entry of its own, or use role `admin`",
            )

    async def _spelled(
        self, endpoint: Endpoint, domain: str, params: dict[str, object], secrets: tuple[Secret, ...]
    ) -> tuple[JsonObject, Context | None]:
        """Tries the spellings in turn, the one that worked before first. Only 404 and 405 lead to the next."""
        usable = [
            (number, spelling)
            for number, spelling in enumerate(endpoint.spellings)
            if number >= self.capabilities.first(endpoint) and (self.is_admin or spelling.bearer != "system")
        ]
        for number, spelling in usable:
            try:
                result = await self._authorised(endpoint, spelling, domain, params, secrets)
            except Missing:
                continue
            except RefusedByServer:
                self.capabilities.learn(endpoint, number)
                raise
            self.capabilities.learn(endpoint, number)
            return result
        asked = self._asked(endpoint, endpoint.spellings[0], domain, ())
        ability = ability_of(endpoint)
        # What the program can do without is no reason to ask for the version.
        text, hint = lacking(ability, await self.build() if ability.otherwise else None)
        raise NoSuchEndpoint(f"{asked}: {text}", hint=hint)

    async def _authorised(
        self,
        endpoint: Endpoint,
        spelling: Spelling,
        domain: str,
        params: dict[str, object],
        secrets: tuple[Secret, ...],
    ) -> tuple[JsonObject, Context | None]:
        """One spelling, with a token; a read whose token is not accepted is sent once more with a new one.

        Raises:
            Stale: of a write only: its token is not the one that was seen to be the domain's; nothing was sent.
        """
        refused = False
        for turn in range(1, TURNS + 1):
            context = await self.tokens.domain(domain) if spelling.bearer == "domain" else None
            token = context.token if context else await self.tokens.system()
            asked = self._asked(endpoint, spelling, domain, (token.access, *secrets))
            if endpoint.writes and context is not None and not context.verified:
                raise Stale
            try:
                given = {"domain": domain, **params}
                keen = not endpoint.writes and turn == TURNS
                return await self._sent(spelling, given, asked, token, context, keen=keen), context
            except Stale:
                if endpoint.writes:
                    raise
            except Unauthorised:
                self.tokens.reject(token)
                if endpoint.writes:
                    raise AmbiguousWrite(
                        f"{asked}: the session was not accepted (401)", hint="it is renewed for the next request"
                    ) from None
                if refused:
                    break
                refused = True
        raise no_longer(self._asked(endpoint, spelling, domain, ()))

    async def _sent(
        self,
        spelling: Spelling,
        params: dict[str, object],
        asked: Asked,
        token: Token,
        context: Context | None,
        *,
        keen: bool,
    ) -> JsonObject:
        """The answer. Unless `keen`, Stale where the token came due before it was the request's turn."""
        path, body = spelling.filled(params), spelling.body(params)

        async def send(repeated: bool) -> JsonObject:
            self.session.stats.retries += repeated
            answer = await self.session.send(
                spelling.method,
                path,
                asked,
                body=body,
                token=token.access,
                domain=context.header if context else "",
                is_stale=lambda: not keen and self.tokens.is_stale(token),
            )
            return judge(answer, asked)

        return await retrying(send, self.session.retries, self.session.circuit)

    def _asked(self, endpoint: Endpoint, spelling: Spelling, domain: str, secrets: tuple[Secret, ...]) -> Asked:
        return Asked(
            self.session.name,
            spelling.template,
            domain,
            writes=endpoint.writes,
            secrets=(*self.tokens.secrets, *secrets),
        )
