"""What the endpoints are for, which builds are known to have them, and what to do on a server that has not.

No public list says which build brought which endpoint, so that a server is not judged by its version: an endpoint is
missing when every spelling of it is answered with 404 or 405. The version then goes into what is said of it.
"""

from dataclasses import dataclass
from typing import Literal

from reconciler.smartermail import endpoints as e
from reconciler.smartermail.capabilities import Build
from reconciler.smartermail.endpoints import Endpoint

Known = Literal["all", "some", "recent"]
"""all: three or more clients of different years use it; some: one or two do; recent: clients of builds of 2026 do."""


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing that servers can do.

    Attributes:
        does: what "cannot" is followed by.
        otherwise: what somebody whose server cannot is to do; empty where the program goes on in another way.
    """

    endpoint: Endpoint
    does: str
    known: Known
    otherwise: str = ""


_UPDATE = "update SmarterMail"
_NOT_ACTIVATIONS = "leave {} out of the files, or update SmarterMail"

ABILITIES = (
    Ability(e.LOGIN, "sign anybody in", "all", "see whether url is the server's, with its path prefix"),
    Ability(e.REFRESH, "renew a session", "all", _UPDATE),
    Ability(e.LOGOUT, "end a session", "recent"),
    Ability(e.VERSION, "tell its version", "some"),
    Ability(e.MANAGE_DOMAIN, "lend a domain's session to an administrator", "all"),
    Ability(e.ONE_DOMAIN, "tell of one domain", "all", _UPDATE),
    Ability(e.DOMAINS, "list its domains with their counts", "some"),
    Ability(e.DOMAIN_NAMES, "list the names of its domains", "all"),
    Ability(e.DATA, "tell whose domain a session is of", "all", "without it nothing may be written; " + _UPDATE),
    Ability(e.SETTINGS, "tell a domain's settings", "all"),
    Ability(e.USERS, "list mailboxes", "all"),
    Ability(e.ALIASES, "list aliases", "all"),
    Ability(e.SEARCH, "search accounts", "all", _UPDATE),
    Ability(e.DOMAIN_ALIASES, "list domain aliases", "all", _UPDATE),
    Ability(e.USER, "tell of one mailbox", "all", _UPDATE),
    Ability(e.USER_MAIL, "tell a mailbox's mail settings", "all", "leave forwarding out of the files, or update"),
    Ability(e.FORWARDS, "tell a mailbox's forwarding", "all", "leave forwarding out of the files, or update"),
    Ability(e.ALIAS, "tell of one alias", "all", "leave an alias's flags and display name out of the files, or update"),
    Ability(e.PASSWORD_SETTINGS, "tell its password policy", "recent"),
    Ability(e.EAS, "tell who has EAS", "some", _NOT_ACTIVATIONS.format("eas")),
    Ability(e.MAPI, "tell who has MAPI", "some", _NOT_ACTIVATIONS.format("mapi")),
    Ability(e.CREATE_USER, "create a mailbox", "all", _UPDATE),
    Ability(e.UPDATE_USER, "change a mailbox", "all", _UPDATE),
    Ability(e.DISABLE_USERS, "disable a mailbox that goes on receiving", "recent"),
    Ability(e.UPDATE_USER_MAIL, "change a mailbox's mail settings", "all", "switch forwarding on by hand, or update"),
    Ability(e.UPDATE_FORWARDS, "change a mailbox's forwarding", "some", "leave forwarding out of the files, or update"),
    Ability(e.DELETE_USER, "delete a mailbox", "all", "delete it in the server's own interface"),
    Ability(
        e.RENAME_USER, "rename a mailbox", "recent", "take the rename back; the new name may be an alias of the old"
    ),
    Ability(e.CREATE_ALIAS, "create an alias", "all", _UPDATE),
    Ability(e.UPDATE_ALIAS, "change an alias", "all", _UPDATE),
    Ability(e.DELETE_ALIAS, "delete an alias", "all", "delete it in the server's own interface"),
    Ability(e.CREATE_DOMAIN_ALIAS, "add a domain alias", "all", "add it in the server's own interface"),
    Ability(e.DELETE_DOMAIN_ALIAS, "remove a domain alias", "some", "remove it in the server's own interface"),
    Ability(e.PATCH_EAS, "switch EAS on and off", "some", _NOT_ACTIVATIONS.format("eas")),
    Ability(e.PATCH_MAPI, "switch MAPI on and off", "some", _NOT_ACTIVATIONS.format("mapi")),
)

_BY_ENDPOINT = {ability.endpoint: ability for ability in ABILITIES}


def ability_of(endpoint: Endpoint) -> Ability:
    """The row of an endpoint."""
    return _BY_ENDPOINT[endpoint]


def lacking(ability: Ability, build: Build | None) -> tuple[str, str]:
    """What is said of a server that cannot, and the hint."""
    who = f"{build}" if build else "this server, which does not tell its version,"
    others = ", ".join(spelling.template for spelling in ability.endpoint.spellings[1:])
    text = f"{who} cannot {ability.does}: it has no such endpoint{f', nor {others}' if others else ''}"
    otherwise = ability.otherwise or "the program goes on without it"
    return text, f"{otherwise}; the server's own reference at /Documentation/api lists what it has"
