"""The requests of login, refresh and logout, each sent once (API reference sections 2.1 to 2.4)."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from reconciler.core.errors import AmbiguousWrite, RefusedByServer, RefusedCredentials, UnexpectedAnswer, Unreachable
from reconciler.core.secret import Secret
from reconciler.core.workspace import Role
from reconciler.smartermail import endpoints
from reconciler.smartermail.auth import decode as auth
from reconciler.smartermail.auth.decode import Token
from reconciler.smartermail.endpoints import Endpoint
from reconciler.smartermail.transport.errors import (
    EndpointMissing,
    HttpAnswer,
    RequestInfo,
    Unauthorized,
    decoded,
    judge,
    unexpected,
)
from reconciler.smartermail.transport.retry import retrying
from reconciler.smartermail.transport.session import Session


class SessionLost(Unreachable):
    """The answer with the new tokens was lost, so that the session cannot be refreshed any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The account that logs in, and its role."""

    username: str
    password: Secret
    role: Role


class Login:
    """Gets tokens for one account.

    The client id is random: a login with the same client id from another program would end our session (section 2.3).
    """

    def __init__(self, session: Session, credentials: Credentials, clock: Callable[[], float] = time.monotonic) -> None:
        self.credentials = credentials
        self.clock = clock
        self.session = session
        self._client_id = f"reconciler-{secrets.token_hex(12)}"

    async def begin(self, known_secrets: tuple[Secret, ...]) -> tuple[Token, str]:
        """Log in. Returns the token, and the reason why the account does not fit its role (empty if it fits).

        Raises:
            RefusedCredentials: must not be retried.
            Unreachable, UnexpectedAnswer: no answer, or not an answer of this API.
        """
        credentials = self.credentials
        request = self.request_info(endpoints.LOGIN, known_secrets)
        fields: dict[str, object] = {
            "username": credentials.username,
            "password": credentials.password.reveal(),
            "language": "en",
            "twoFactorCode": "",
            "clientId": self._client_id,
        }
        answer = await self.send(endpoints.LOGIN, request, fields)
        # Builds reject a login with different statuses, also with 200 (API reference section 2.1).
        if answer.status in (400, 401, 403) or (answer.status == 200 and isinstance(decoded(answer.body), dict)):
            return auth.login_token(
                answer, request, username=credentials.username, role=credentials.role, now=self.clock()
            )
        try:
            judge(answer, request)
        except EndpointMissing:
            hint = "check the server's url and its path prefix"
            raise UnexpectedAnswer(f"{request}: there is no SmarterMail API at this address", hint=hint) from None
        raise unexpected(request, f"the answer to the login has the status {answer.status}")

    async def refresh(self, old: Token, known_secrets: tuple[Secret, ...]) -> Token:
        """Refresh a token. A refresh token works once, so that this request is never retried.

        Raises:
            RefusedCredentials, SessionLost: must not be retried.
            Unreachable: nothing was sent.
        """
        request = self.request_info(endpoints.REFRESH, known_secrets)
        text = f"{request.server}: the session could not be refreshed"
        hint = "run the command again; applied changes remain, and the next run makes the others"
        if old.refresh is None:
            raise RefusedCredentials(f"{text}: the login returned no refresh token", hint=hint)
        fields: dict[str, object] = {"token": old.refresh.reveal(), "clientId": self._client_id}
        try:
            answer = await self.send(endpoints.REFRESH, request, fields)
            new = auth.renewed_session(judge(answer, request), old, answer.date, self.clock())
        except (Unauthorized, EndpointMissing, RefusedByServer) as e:
            raise RefusedCredentials(f"{text}: the server refused", hint=hint) from e
        # The server may have accepted the refresh token, which then does not work a second time.
        except AmbiguousWrite as e:
            raise SessionLost(f"{text}: {e.message}", hint=hint) from e
        if new is None:
            raise RefusedCredentials(f"{text}: the answer contains no token", hint=hint)
        return new

    async def end(self, token: Token, known_secrets: tuple[Secret, ...]) -> None:
        """Log out. The outcome does not matter, because the token expires in minutes."""
        spelling = endpoints.LOGOUT.spellings[0]
        request = self.request_info(endpoints.LOGOUT, known_secrets)
        await self.session.send(spelling.method, spelling.path, request, body={}, token=token.access)

    async def send(
        self,
        endpoint: Endpoint,
        request: RequestInfo,
        params: dict[str, object],
        token: Token | None = None,
        is_stale: Callable[[], bool] = lambda: False,
    ) -> HttpAnswer:
        """Send a request of this module, with retries after 429 and, for reads, after 5xx.

        Returns:
            The answer with any other status; the caller judges it.

        Raises:
            StaleToken: the token became due for a refresh while the request waited; nothing was sent.
        """
        spelling = endpoint.spellings[0]

        async def attempt(is_retry: bool) -> HttpAnswer:
            self.session.stats.retries += is_retry
            answer = await self.session.send(
                spelling.method,
                spelling.filled(params),
                request,
                body=spelling.body(params),
                token=token.access if token else None,
                is_stale=is_stale,
            )
            if answer.status == 429 or answer.status >= 500:
                judge(answer, request)
            return answer

        return await retrying(attempt, self.session.retry_budget, self.session.circuit)

    def request_info(self, endpoint: Endpoint, known_secrets: tuple[Secret, ...], domain: str = "") -> RequestInfo:
        """The description of a request for messages."""
        template = endpoint.spellings[0].template
        return RequestInfo(self.session.name, template, domain, writes=endpoint.writes, secrets=known_secrets)
