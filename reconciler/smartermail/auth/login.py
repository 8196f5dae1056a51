"""The requests of signing in and of renewing, each made once (API reference sections 2.1 to 2.4)."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from reconciler.core.errors import AmbiguousWrite, RefusedByServer, RefusedCredentials, UnexpectedAnswer, Unreachable
from reconciler.core.secret import Secret
from reconciler.core.workspace import Role
from reconciler.smartermail import endpoints
from reconciler.smartermail.auth import answers as auth
from reconciler.smartermail.auth.answers import Token
from reconciler.smartermail.endpoints import Endpoint
from reconciler.smartermail.transport.errors import Asked, HttpAnswer, Missing, Unauthorised, decoded, judge, unexpected
from reconciler.smartermail.transport.retry import retrying
from reconciler.smartermail.transport.session import Session


class SessionLost(Unreachable):
    """A session that cannot be renewed any more, since the answer with the new tokens was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who signs in, and as what."""

    username: str
    password: Secret
    role: Role


class Login:
    """Gets tokens for one account. The client id is random, so that nobody else's sign-in ends ours (section 2.3)."""

    def __init__(self, session: Session, credentials: Credentials, clock: Callable[[], float] = time.monotonic) -> None:
        self.credentials = credentials
        self.clock = clock
        self.session = session
        self._client_id = f"reconciler-{secrets.token_hex(12)}"

    async def begin(self, known: tuple[Secret, ...]) -> tuple[Token, str]:
        """Signs in. Gives the token, and why the account may not be used for this role, if so.

        Raises:
            RefusedCredentials: never to be tried again.
            Unreachable, UnexpectedAnswer: there was no answer, or none of this API.
        """
        given = self.credentials
        asked = self.asked(endpoints.LOGIN, known)
        fields: dict[str, object] = {
            "username": given.username,
            "password": given.password.reveal(),
            "language": "en",
            "twoFactorCode": "",
            "clientId": self._client_id,
        }
        answer = await self.sent(endpoints.LOGIN, asked, fields)
        if answer.status in (400, 401, 403) or (answer.status == 200 and isinstance(decoded(answer.body), dict)):
            return auth.logged_in(answer, asked, username=given.username, role=given.role, now=self.clock())
        try:
            judge(answer, asked)
        except Missing:
            hint = "is url the server's, with its path prefix if it has one?"
            raise UnexpectedAnswer(f"{asked}: there is no such API at this address", hint=hint) from None
        raise unexpected(asked, f"the answer to a sign-in has the status {answer.status}")

    async def renew(self, old: Token, known: tuple[Secret, ...]) -> Token:
        """A new token for the old one's refresh token, which dies with its use: never sent twice.

        Raises:
            RefusedCredentials, SessionLost: never to be tried again.
            Unreachable: nothing was sent.
        """
        asked = self.asked(endpoints.REFRESH, known)
        text = f"{asked.server}: the session could not be renewed"
        hint = "run again; what was applied stays, the next run finishes the work"
        if old.refresh is None:
            raise RefusedCredentials(f"{text}: the server gave no refresh token", hint=hint)
        fields: dict[str, object] = {"token": old.refresh.reveal(), "clientId": self._client_id}
        try:
            answer = await self.sent(endpoints.REFRESH, asked, fields)
            new = auth.renewed(judge(answer, asked), old, answer.date, self.clock())
        except (Unauthorised, Missing, RefusedByServer) as e:
            raise RefusedCredentials(f"{text}: the server refused", hint=hint) from e
        except AmbiguousWrite as e:
            raise SessionLost(f"{text}: {e.message}", hint=hint) from e
        if new is None:
            raise RefusedCredentials(f"{text}: the answer holds no token", hint=hint)
        return new

    async def end(self, token: Token, known: tuple[Secret, ...]) -> None:
        """Signs out; what comes of it is of no consequence, since the token dies by itself in minutes."""
        spelling = endpoints.LOGOUT.spellings[0]
        asked = self.asked(endpoints.LOGOUT, known)
        await self.session.send(spelling.method, spelling.path, asked, body={}, token=token.access)

    async def sent(
        self,
        endpoint: Endpoint,
        asked: Asked,
        params: dict[str, object],
        token: Token | None = None,
        is_stale: Callable[[], bool] = lambda: False,
    ) -> HttpAnswer:
        """The answer, once it is neither "too many requests" nor, for reads, a failure that may pass.

        Raises:
            Stale: the token came due before it was the request's turn; nothing was sent.
        """
        spelling = endpoint.spellings[0]

        async def send(repeated: bool) -> HttpAnswer:
            self.session.stats.retries += repeated
            answer = await self.session.send(
                spelling.method,
                spelling.filled(params),
                asked,
                body=spelling.body(params),
                token=token.access if token else None,
                is_stale=is_stale,
            )
            if answer.status == 429 or answer.status >= 500:
                judge(answer, asked)
            return answer

        return await retrying(send, self.session.retries, self.session.circuit)

    def asked(self, endpoint: Endpoint, known: tuple[Secret, ...], domain: str = "") -> Asked:
        """What messages say of a request."""
        template = endpoint.spellings[0].template
        return Asked(self.session.name, template, domain, writes=endpoint.writes, secrets=known)
