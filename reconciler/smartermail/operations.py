"""Operations: what the program uses each endpoint for, how widely it is known, and what to do where it is missing.

This table is fixed. `capabilities` holds what one server turned out to support in this run.

No public list says which build introduced which endpoint. The version therefore decides nothing: an endpoint is missing
if the server answers 404 or 405 to all its paths. Messages name the version, so that the reader can look it up.
"""

from dataclasses import dataclass
from typing import Literal

from reconciler.smartermail import endpoints as e
from reconciler.smartermail.capabilities import Build
from reconciler.smartermail.endpoints import Endpoint

Known = Literal["all", "some", "recent"]
"""all: three or more clients from different years use it; some: one or two; recent: clients for builds of 2026."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What one endpoint is used for.

    Attributes:
        action: completes the sentence "the server cannot ...".
        known: how many other clients use the endpoint.
        remedy: what to do if the server lacks it, in the imperative; empty if the program has another way.
    """

    endpoint: Endpoint
    action: str
    known: Known
    remedy: str = ""


_UPDATE = "update SmarterMail"
_NOT_FORWARDING = "remove `forwarding` from the files, or update SmarterMail"
_NOT_ACTIVATIONS = "remove `{}` from the files, or update SmarterMail"

OPERATIONS = (
    Operation(e.LOGIN, "log in accounts", "all", "check the server's url and its path prefix"),
    Operation(e.REFRESH, "refresh a session", "all", _UPDATE),
    Operation(e.LOGOUT, "end a session", "recent"),
    Operation(e.VERSION, "report its version", "some"),
    Operation(e.MANAGE_DOMAIN, "give an administrator a session of a domain", "all"),
    Operation(e.ONE_DOMAIN, "return one domain", "all", _UPDATE),
    Operation(e.DOMAINS, "list its domains with their counts", "some"),
    Operation(e.DOMAIN_NAMES, "list the names of its domains", "all"),
    Operation(e.DATA, "report which domain a session belongs to", "all", _UPDATE),
    Operation(e.SETTINGS, "return the settings of a domain", "all"),
    Operation(e.USERS, "list mailboxes", "all"),
    Operation(e.ALIASES, "list aliases", "all"),
    Operation(e.SEARCH, "search accounts", "all", _UPDATE),
    Operation(e.DOMAIN_ALIASES, "list domain aliases", "all", _UPDATE),
    Operation(e.USER, "return one mailbox", "all", _UPDATE),
    Operation(e.USER_MAIL, "return the mail settings of a mailbox", "all", _NOT_FORWARDING),
    Operation(e.FORWARDS, "return the forwarding of a mailbox", "all", _NOT_FORWARDING),
    Operation(
        e.ALIAS,
        "return one alias",
        "all",
        "remove the flags and `displayName` of aliases from the files, or update SmarterMail",
    ),
    Operation(e.PASSWORD_SETTINGS, "report its password policy", "recent"),
    Operation(e.EAS, "list EAS accounts", "some", _NOT_ACTIVATIONS.format("eas")),
    Operation(e.MAPI, "list MAPI accounts", "some", _NOT_ACTIVATIONS.format("mapi")),
    Operation(e.CREATE_USER, "create a mailbox", "all", _UPDATE),
    Operation(e.UPDATE_USER, "change a mailbox", "all", _UPDATE),
    Operation(e.DISABLE_USERS, "disable a mailbox that still receives mail", "recent"),
    Operation(
        e.UPDATE_USER_MAIL,
        "change the mail settings of a mailbox",
        "all",
        "enable forwarding in the server's web interface, or update SmarterMail",
    ),
    Operation(e.UPDATE_FORWARDS, "change the forwarding of a mailbox", "some", _NOT_FORWARDING),
    Operation(e.DELETE_USER, "delete a mailbox", "all", "delete it in the server's web interface"),
    Operation(
        e.RENAME_USER,
        "rename a mailbox",
        "recent",
        "remove the entry from `renamed`; declare the new name as an alias of the old one",
    ),
    Operation(e.CREATE_ALIAS, "create an alias", "all", _UPDATE),
    Operation(e.UPDATE_ALIAS, "change an alias", "all", _UPDATE),
    Operation(e.DELETE_ALIAS, "delete an alias", "all", "delete it in the server's web interface"),
    Operation(e.CREATE_DOMAIN_ALIAS, "add a domain alias", "all", "add it in the server's web interface"),
    Operation(e.DELETE_DOMAIN_ALIAS, "remove a domain alias", "some", "remove it in the server's web interface"),
    Operation(e.PATCH_EAS, "activate and deactivate EAS", "some", _NOT_ACTIVATIONS.format("eas")),
    Operation(e.PATCH_MAPI, "activate and deactivate MAPI", "some", _NOT_ACTIVATIONS.format("mapi")),
)

_BY_ENDPOINT = {operation.endpoint: operation for operation in OPERATIONS}


def operation_of(endpoint: Endpoint) -> Operation:
    """The row of an endpoint."""
    return _BY_ENDPOINT[endpoint]


def missing_operation(operation: Operation, build: Build | None) -> tuple[str, str]:
    """The message and the hint for a server that lacks an operation."""
    server = f"{build}" if build else "this server, which does not report its version,"
    others = ", ".join(spelling.template for spelling in operation.endpoint.spellings[1:])
    text = f"{server} cannot {operation.action}: it does not have this endpoint{f', nor {others}' if others else ''}"
    remedy = operation.remedy or "no action is needed: the program continues without it"
    return text, f"{remedy}; the server lists its endpoints at /Documentation/api"
