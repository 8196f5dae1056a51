"""One request to the API, as handlers see it: session, domain context, parameters and body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reconciler.sandbox.binder import BindError, Body, Fields
from reconciler.sandbox.clock import Clock
from reconciler.sandbox.envelope import Refusal, Reply
from reconciler.sandbox.ids import Ids
from reconciler.sandbox.model import Domain, User
from reconciler.sandbox.names import bare_name
from reconciler.sandbox.quirks import Quirks
from reconciler.sandbox.store import NO_USER, Store
from reconciler.sandbox.tokens import Session, Tokens

if TYPE_CHECKING:
    from reconciler.sandbox.config import SandboxConfig
    from reconciler.sandbox.dkim import KeyMaker
    from reconciler.sandbox.dns.zones import Zones


@dataclass(slots=True)
class Service:
    """The parts of a running sandbox that handlers use."""

    config: SandboxConfig
    clock: Clock
    store: Store
    tokens: Tokens
    ids: Ids
    quirks: Quirks
    zones: Zones
    keys: KeyMaker
    url: str = ""


@dataclass(slots=True)
class Call:
    """An authorized request."""

    service: Service
    body: Body
    params: Mapping[str, str]
    address: str = ""
    session: Session | None = None
    domain_context: Domain | None = None
    from_header: bool = False
    delay: float = 0.0  # seconds to wait before the answer
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> Fields:
        return self.body.fields

    @property
    def store(self) -> Store:
        return self.service.store

    @property
    def quirks(self) -> Quirks:
        return self.service.quirks

    @property
    def clock(self) -> Clock:
        return self.service.clock

    @property
    def domain(self) -> Domain:
        """The domain of the request. The dispatcher guarantees it for roles DA and U."""
        assert self.domain_context is not None
        return self.domain_context

    @property
    def who(self) -> Session:
        """The session. The dispatcher guarantees it for all roles except `-`."""
        assert self.session is not None
        return self.session

    @property
    def is_system(self) -> bool:
        """Whether the request carries a system administrator's own token."""
        return self.session is not None and self.session.family.is_system

    @property
    def is_elevated(self) -> bool:
        """Whether the caller has a system administrator's rights in the domain: manage-domain token or header."""
        return self.is_system or (self.session is not None and self.session.family.is_elevated)

    def param(self, name: str) -> str:
        return self.params[name]

    def flag_param(self, name: str) -> bool:
        """A boolean path segment."""
        found = Fields({name: self.params[name]}).flag(name)
        if found is None:
            raise BindError(name)
        return found

    def user(self, email: str | None) -> User:
        """A user of the context domain by address or local part. Raises Refusal `User does not exist.`"""
        return self.find_user(self.domain, email)

    def find_user(self, domain: Domain, email: str | None) -> User:
        """A user of `domain` by address or local part."""
        found = domain.users.get(bare_name(email or "", domain.name))
        if found is None:
            # Older builds answer 400 with another text (API reference section 1.3).
            if "unknown-user-400" in self.quirks:
                raise Refusal("User not found", status=400)
            raise Refusal(NO_USER)
        return found

    def own_user(self) -> tuple[Domain, User]:
        """The account of the token, for settings at user level."""
        found = self.store.account(self.who.family.user)
        if found is None:
            raise Refusal(NO_USER)
        return found


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """One spelling of an endpoint.

    Attributes:
        role: `-` everyone, `SA` system administrators, `DA` domain administrators (also an SA with domain context), `U`
            every account of a domain, `*` every token, `step` step tokens too.
        is_write: whether the endpoint changes state.
        address_gives_context: whether the address in the path selects the domain for an SA.
    """

    methods: str
    pattern: str
    role: str
    handler: Handler
    is_write: bool = False
    address_gives_context: bool = False
