"""The state of the sandbox: system administrators, and domains with users, aliases, lists, domain aliases, DKIM keys.

Dictionaries of fields contain only values that differ from `defaults`, so that 100,000 mailboxes need little memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from reconciler.sandbox import defaults
from reconciler.sandbox.clock import NEVER

JsonObject = dict[str, Any]


@dataclass(slots=True)
class Login:
    """States of an account that decide the result of a login (API reference section 2.2)."""

    two_factor: str = ""  # the second part of TWO_FACTOR_REQUIRED|...; empty: off
    two_factor_code: str = "123456"
    password_expired: bool = False
    change_password: bool = False
    app_password_only: bool = False
    can_impersonate: bool = True
    can_view_passwords: bool = True
    allow_mail: bool = False  # a disabled account still receives mail


@dataclass(slots=True)
class Admin:
    """A system administrator."""

    name: str
    password: str
    is_primary: bool = True
    is_disabled: bool = False
    login: Login = field(default_factory=Login)


@dataclass(slots=True)
class User:
    """A mailbox. Sizes are in bytes; quota 0 means unlimited."""

    name: str
    password: str
    is_primary: bool = False
    quota: int = 0
    size: int = 0
    created: str = NEVER
    last_login: str = NEVER
    data: JsonObject = field(default_factory=dict)
    flags: JsonObject = field(default_factory=dict)
    mail: JsonObject = field(default_factory=dict)
    contact: JsonObject = field(default_factory=dict)
    throttle: JsonObject = field(default_factory=dict)
    blocked_senders: list[str] = field(default_factory=list)
    forward: JsonObject = field(default_factory=dict)
    auto_responder: JsonObject = field(default_factory=dict)
    eas: bool = False
    mapi: bool = False
    previous: list[str] = field(default_factory=list)
    password_set: str = NEVER
    temp_password: str = ""
    login: Login = field(default_factory=Login)

    @property
    def is_disabled(self) -> bool:
        return bool(self.flags.get("isDisabled", False))

    @property
    def is_domain_admin(self) -> bool:
        # The primary administrator has the role even if a write cleared the flag.
        return self.is_primary or bool(self.flags.get("isDomainAdmin", False))

    @property
    def full_name(self) -> str:
        return str(self.data.get("fullName", ""))

    def mail_value(self, name: str) -> Any:
        """A field of userMailSettings, or its default."""
        return self.mail.get(name, defaults.USER_MAIL[name])

    def forward_value(self, name: str) -> Any:
        """A field of mailboxForwardList, or its default."""
        return self.forward.get(name, defaults.FORWARD[name])


@dataclass(slots=True)
class Alias:
    """An alias. `targets` are stored as written, but in lower case."""

    name: str
    targets: list[str] = field(default_factory=list)
    flags: JsonObject = field(default_factory=dict)

    def value(self, name: str) -> Any:
        """A field of the alias, or its default."""
        return self.flags.get(name, defaults.ALIAS_FLAGS[name])


@dataclass(slots=True)
class MailingList:
    """A mailing list: name, settings and subscribers."""

    name: str
    number: int
    moderator: str = ""
    description: str = ""
    posting: int = 0
    is_disabled: bool = False
    created: str = NEVER
    subscribers: list[str] = field(default_factory=list)


@dataclass(slots=True)
class DkimKey:
    """An RSA key pair. `public_key` is the Base64 form of its SubjectPublicKeyInfo, as in a DKIM record."""

    selector: str
    size: int
    public_key: str
    private_pem: str
    next_check: float


@dataclass(slots=True)
class Dkim:
    """The DKIM state of a domain: whether it signs, the active key, and the key that is not in DNS yet."""

    is_on: bool = False
    active: DkimKey | None = None
    pending: DkimKey | None = None
    seeded: bool = False  # an active key is generated at the first read
    options: JsonObject = field(default_factory=dict)


@dataclass(slots=True)
class Domain:
    """A domain with all its objects. The keys of its dictionaries are names in lower case."""

    name: str
    hostname: str
    path: str
    main_admin: str
    settings: JsonObject = field(default_factory=dict)
    throttle: JsonObject = field(default_factory=dict)
    user_defaults: JsonObject = field(default_factory=dict)
    password_overrides: JsonObject = field(default_factory=dict)
    forward_blacklist: list[str] = field(default_factory=list)
    domain_aliases: dict[str, str] = field(default_factory=dict)  # A-label name -> its Unicode form
    dkim: Dkim = field(default_factory=Dkim)
    users: dict[str, User] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    lists: dict[str, MailingList] = field(default_factory=dict)
    next_list: int = 1

    def setting(self, name: str) -> Any:
        """A domain setting, or its default."""
        return self.settings.get(name, defaults.DOMAIN_SETTINGS[name])

    @property
    def is_enabled(self) -> bool:
        return bool(self.setting("isEnabled"))

    def address(self, name: str) -> str:
        return f"{name}@{self.name}"

    def is_taken(self, name: str) -> bool:
        """Whether a user, an alias or a list has the name. They share one namespace."""
        return name in self.users or name in self.aliases or name in self.lists


MEMBERS = ("users", "aliases", "lists")
_KINDS: dict[str, type[User | Alias | MailingList]] = {"users": User, "aliases": Alias, "lists": MailingList}


def to_json(value: object, *, without: tuple[str, ...] = ()) -> JsonObject:
    """A JSON object of one of these dataclasses, with nested ones."""
    result: JsonObject = {}
    for spec in fields(value):  # type: ignore[arg-type]  # callers pass only dataclasses
        if spec.name in without:
            continue
        part = getattr(value, spec.name)
        result[spec.name] = to_json(part) if isinstance(part, Login | Dkim | DkimKey) else part
    return result


def member_from_json(kind: str, data: JsonObject) -> User | Alias | MailingList:
    """The inverse of `to_json` for a user, alias or list."""
    made = dict(data)
    if kind == "users":
        made["login"] = Login(**made["login"])
    return _KINDS[kind](**made)


def domain_from_json(data: JsonObject) -> Domain:
    """The inverse of `to_json` for a domain without its members."""
    made = dict(data)
    dkim = dict(made["dkim"])
    for name in ("active", "pending"):
        dkim[name] = DkimKey(**dkim[name]) if dkim[name] else None
    made["dkim"] = Dkim(**dkim)
    return Domain(**made)


def admin_from_json(data: JsonObject) -> Admin:
    """The inverse of `to_json` for a system administrator."""
    return Admin(**{**data, "login": Login(**data["login"])})
