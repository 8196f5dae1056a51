"""Dispatch a request to its handler: route, token, role, domain context (API reference sections 1.3 and 2.7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.sandbox.binder import BindError, Body, Fields, read_body
from reconciler.sandbox.call import Call, Route, Service
from reconciler.sandbox.envelope import Refusal, Reply, refused, with_quirks
from reconciler.sandbox.identity import kind_of
from reconciler.sandbox.model import Domain
from reconciler.sandbox.routing import Router, params_of
from reconciler.sandbox.store import NO_DOMAIN
from reconciler.sandbox.tokens import DOMAIN, PLAIN, SYSTEM, Session


@dataclass(slots=True)
class Request:
    """An HTTP request to the API. `path` is the part after `/api/v1/`, still percent-encoded."""

    method: str
    path: str
    body: bytes
    content_type: str = ""
    token: str = ""
    domain_header: str = ""
    address: str = ""


@dataclass(slots=True)
class Outcome:
    """The answer, and the values for the request log."""

    reply: Reply
    endpoint: str = ""
    token_kind: str = "-"  # noqa: S105 - SA, DA, U, step or none
    user: str = ""
    domain: str = ""
    is_write: bool = False
    delay: float = 0.0


class _NotAllowedError(Exception):
    """The endpoint exists, but not with this method. OPTIONS gets the list of methods."""

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        super().__init__(method)
        methods = sorted({*allowed, "OPTIONS"} | ({"HEAD"} if "GET" in allowed else set()))
        self.reply = Reply(204 if method == "OPTIONS" else 405, None, {"allow": ", ".join(methods)})


class Dispatcher:
    """Answers API requests."""

    def __init__(self, service: Service, router: Router) -> None:
        self._service = service
        self._router = router

    def answer(self, request: Request) -> Outcome:
        """Execute a request and return its outcome, also for errors."""
        outcome = Outcome(Reply())
        try:
            route, parts = self._route(request)
            outcome.endpoint, outcome.is_write = route.pattern, route.is_write
            session = self._session(route, request, outcome)
            call = Call(
                self._service,
                Body(Fields({})),
                params_of(route, parts),
                address=request.address,
                session=session,
            )
            call.domain_context, call.from_header = self._context(route, call, outcome, request)
            outcome.domain = call.domain_context.name if call.domain_context else ""
            if request.method == "POST":
                is_strict = "strict-binder" in self._service.quirks
                call.body = read_body(request.body, request.content_type, strict=is_strict)
            try:
                outcome.reply = route.handler(call)
            # Also after a refusal: a failed login must be delayed.
            finally:
                outcome.delay = call.delay
            if self._service.quirks.names:
                outcome.reply = with_quirks(outcome.reply, self._service.quirks, is_write=route.is_write)
        except _NotAllowedError as error:
            outcome.reply = error.reply
        except Refusal as refusal:
            outcome.reply = with_quirks(refused(refusal, self._service.quirks), self._service.quirks, is_write=False)
        except BindError:
            outcome.reply = refused(Refusal("Invalid input parameters", status=400), self._service.quirks)
        return outcome

    def _route(self, request: Request) -> tuple[Route, list[str]]:
        routes, parts = self._router.find(request.path)
        quirks = self._service.quirks
        present = {method: route for method, route in routes.items() if not quirks.missing(method, route.pattern)}
        if not present:
            raise Refusal("", status=404, bare=True)
        # HEAD is GET without a body, which uvicorn omits.
        method = "GET" if request.method == "HEAD" else request.method
        allowed = {one: route for one, route in present.items() if not quirks.not_allowed(one, route.pattern)}
        if method not in allowed:
            raise _NotAllowedError(request.method, allowed)
        return allowed[method], parts

    def _session(self, route: Route, request: Request, outcome: Outcome) -> Session | None:
        """The session of the token, after a check that it has the role of the route."""
        if route.role == "-":
            return None
        session = self._service.tokens.session(request.token) if request.token else None
        if session is None:
            raise Refusal("", status=401, bare=True)
        kind = kind_of(self._service.store, session)
        outcome.token_kind, outcome.user = ("step" if session.step else kind), session.family.user
        if route.role == "step":
            return session
        if session.step:
            raise _forbidden()
        # A block applies to existing sessions too, unless a quirk limits it to logins.
        if "ids-blocks-logins-only" not in self._service.quirks and self._service.ids.is_blocked(request.address):
            raise Refusal("The IP address is blocked", status=403)
        if (route.role == "SA" and kind != SYSTEM) or (route.role == "DA" and kind == PLAIN):
            raise _forbidden()
        return session

    def _context(self, route: Route, call: Call, outcome: Outcome, request: Request) -> tuple[Domain | None, bool]:
        """The domain of a request to a domain endpoint, and whether the header named it."""
        if route.role not in {"DA", "U"}:
            return None, False
        store, quirks = self._service.store, self._service.quirks
        if outcome.token_kind in {DOMAIN, PLAIN}:
            # The header is only for system administrators: a domain administrator must not reach another domain.
            return store.domain(call.who.family.user.rpartition("@")[2]), False
        if request.domain_header and "header-context-ignored" not in quirks:
            return store.domain(request.domain_header.strip()), True
        if route.address_gives_context and "address-in-path-needs-context" not in quirks:
            return store.domain(call.params["email"].rpartition("@")[2]), False
        text = NO_DOMAIN
        if route.pattern == "settings/domain/list-users":
            text = "Failed to list users: the domain was not found."
        raise Refusal(text, status=400 if "missing-context-400" in quirks else None)


def _forbidden() -> Refusal:
    return Refusal("Access denied", status=403)
