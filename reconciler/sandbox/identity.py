"""Accounts that can log in: one interface for system administrators and for accounts of domains."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.sandbox.clock import Clock
from reconciler.sandbox.model import Admin, Domain, Login, User
from reconciler.sandbox.passwords import hashed, matches
from reconciler.sandbox.store import Store
from reconciler.sandbox.tokens import DOMAIN, PLAIN, SYSTEM, Family, Session


@dataclass(frozen=True, slots=True)
class Identity:
    """An account: either `admin`, or `user` in `domain`."""

    admin: Admin | None = None
    domain: Domain | None = None
    user: User | None = None

    @property
    def account(self) -> Admin | User:
        account = self.admin or self.user
        assert account is not None
        return account

    @property
    def login(self) -> Login:
        return self.account.login

    @property
    def username(self) -> str:
        """The local part, or the name of a system administrator."""
        return self.account.name

    @property
    def email(self) -> str:
        """The address, empty for a system administrator."""
        return self.domain.address(self.account.name) if self.domain else ""

    @property
    def user_id(self) -> str:
        """The account's name in tokens: its address, or the name of a system administrator."""
        return self.email or self.username

    @property
    def is_system(self) -> bool:
        return self.admin is not None

    @property
    def is_domain_admin(self) -> bool:
        return self.user is not None and self.user.is_domain_admin

    @property
    def is_disabled(self) -> bool:
        return self.account.is_disabled or (self.domain is not None and not self.domain.is_enabled)

    @property
    def roles(self) -> list[str]:
        """The role claims of the account's tokens (section 2.1)."""
        if self.admin is not None:
            flags = [
                name
                for name, is_on in (
                    ("PrimarySysAdmin", self.admin.is_primary),
                    ("CanImpersonate", self.login.can_impersonate),
                    ("CanViewPasswords", self.login.can_view_passwords),
                )
                if is_on
            ]
            return ["SysAdmin", *flags]
        return ["DomainAdmin", "User"] if self.is_domain_admin else ["User"]

    def verify(self, password: str, clock: Clock) -> bool:
        """Whether this is the account's password, or its temporary one."""
        if matches(password, self.account.password):
            return True
        temporary = self.user.temp_password if self.user else ""
        if not temporary:
            return False
        expires, _, stored = temporary.partition("|")
        return float(expires) > clock.now() and matches(password, stored)

    def set_password(self, store: Store, password: str, clock: Clock) -> None:
        """Set a new password, which is not expired."""
        account = self.account
        # The history is for the rule `preventPreviousPasswords`; system administrators have no such rule.
        if self.user is not None:
            self.user.previous = [*self.user.previous, self.user.password][-24:]
            self.user.password_set = clock.iso()
        account.password = hashed(password)
        account.login.password_expired = False
        account.login.change_password = False
        store.note("password", "admin" if self.admin else "user", self.user_id)
        self.touch(store)

    def record_login(self, store: Store, clock: Clock) -> None:
        """Remember the time of the last login."""
        if self.user is not None:
            self.user.last_login = clock.iso()
            self.touch(store)

    def touch(self, store: Store) -> None:
        """Mark the row of the account as changed, so that it is stored."""
        if self.admin is not None:
            store.touch_admin(self.admin)
        elif self.domain is not None and self.user is not None:
            store.touch(self.domain, "users", self.user.name)


def find_identity(store: Store, name: str) -> Identity | None:
    """The account with a login name: a full address, or the name of a system administrator."""
    name = name.strip().lower()
    if "@" not in name:
        admin = store.admins.get(name)
        return Identity(admin=admin) if admin else None
    found = store.account(name)
    return Identity(domain=found[0], user=found[1]) if found else None


def identity_of(store: Store, family: Family) -> Identity | None:
    """The account of a token family; None if it was deleted."""
    found = find_identity(store, family.user)
    return found if found is not None and found.is_system == family.is_system else None


def kind_of(store: Store, session: Session | None) -> str:
    """SA, DA, U or - (none), by the current role of the account: it may have changed since the login."""
    if session is None:
        return "-"
    if session.family.is_system:
        return SYSTEM
    found = store.account(session.family.user)
    return DOMAIN if found is not None and found[1].is_domain_admin else PLAIN
