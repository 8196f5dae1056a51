"""The kinds of resource, one row each, with their fields: the names in files and plans, cost of reading, and risk."""

from dataclasses import dataclass
from typing import Literal

from reconciler.core.model import KindName

Risk = Literal["none", "mail-loss", "access", "exfiltration"]


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One managed field.

    Attributes:
        name: the path in the file, e.g. `forwarding.to`; plans use it too.
        attribute: the attribute of the model class.
        costly: it takes one request per resource to read.
        activation: the server sets it in one request for several mailboxes (EAS, MAPI).
    """

    name: str
    attribute: str
    risk: Risk = "none"
    costly: bool = False
    activation: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `section` is its key in domain files, `title` its name for people."""

    name: KindName
    section: str
    title: str
    plural: str
    fields: tuple[FieldSpec, ...]

    def field(self, name: str) -> FieldSpec:
        """The field with this name. Raises KeyError if the kind has no such field."""
        return next((f for f in self.fields if f.name == name), None) or _unknown(self.name, name)


def _unknown(kind: str, name: str) -> FieldSpec:
    raise KeyError(f"{kind} has no field {name}")


MAILBOX = Kind(
    "mailbox",
    "mailboxes",
    "mailbox",
    "mailboxes",
    (
        FieldSpec("displayName", "display_name"),
        FieldSpec("quota", "quota"),
        # Risk "access": these fields decide who can use a mailbox. External targets have a risk of their own.
        FieldSpec("enabled", "enabled", risk="access"),
        FieldSpec("forwarding.to", "forward_to", costly=True),
        FieldSpec("forwarding.keepCopy", "forward_keep_copy", costly=True),
        FieldSpec("eas", "eas", risk="access", activation=True),
        FieldSpec("mapi", "mapi", risk="access", activation=True),
    ),
)
ALIAS = Kind(
    "alias",
    "aliases",
    "alias",
    "aliases",
    (
        # Some servers list only the targets of aliases; all other fields then take one request per alias.
        FieldSpec("displayName", "display_name", costly=True),
        FieldSpec("to", "targets"),
        FieldSpec("allowSending", "allow_sending", costly=True),
        FieldSpec("hideFromGal", "hide_from_gal", costly=True),
        FieldSpec("internalOnly", "internal_only", costly=True),
    ),
)
DOMAIN_ALIAS = Kind("domainAlias", "domainAliases", "domain alias", "domain aliases", ())

KINDS: tuple[Kind, ...] = (MAILBOX, ALIAS, DOMAIN_ALIAS)
BY_NAME: dict[KindName, Kind] = {k.name: k for k in KINDS}
BY_SECTION: dict[str, Kind] = {k.section: k for k in KINDS}

PASSWORD = "password"  # noqa: S105 - the name of a field
"""The one write-only field of a mailbox; in a plan it is `{"sensitive": true}`."""
