"""One domain with every kind of change, in as few requests as possible."""

from dataclasses import replace

from domain_builders import alias, box, current, desired, gone, read_alias, read_box, rename
from law_strategies import TODAY, Situation

from reconciler.core.planning.planner import PlanOptions
from reconciler.core.secret import SecretRef
from reconciler.core.workspace import Policy

GIB = 1 << 30

_THERE = current(
    [
        read_box("anna", display_name="Anna", quota=1 * GIB, mapi=True),
        read_box("ben", display_name="Ben"),
        read_box("old", display_name="Old"),
        read_box("robert", display_name="Robert"),
        read_box("visitor", display_name="Nobody manages me", quota=3 * GIB),
    ],
    [read_alias("sales", "ben"), read_alias("old-sales", "ben"), read_alias("crew", "ben", "anna")],
    ["old.example"],
)
_WANTED = replace(
    desired(
        [
            # Every field of an existing mailbox changes, including the password; `enabled` changes in `ben` below.
            box(
                "anna",
                display_name="Anna Lee",
                quota=2 * GIB,
                password=SecretRef("env", "PW", version=2),
                forward_to=("anna@else.example",),
                forward_keep_copy=False,
                eas=True,
                mapi=False,
            ),
            box("ben", enabled=False),
            box("bob", display_name="Bob"),
            box("carl", quota=5 * GIB, password=SecretRef("generate", ""), enabled=False),
            box("dora", forward_to=("anna@example.com",), password=SecretRef("env", "PW", version=1), eas=True),
        ],
        [alias("sales", "anna", "ben", display_name="Sales"), alias("info", "dora"), alias("team")],
        ["also.example"],
        removed=[gone("old"), gone("old-sales", "alias"), gone("old.example", "domainAlias")],
        renamed=[rename("robert", "bob"), rename("crew", "team", "alias")],
    ),
)
EVERYTHING = Situation(
    desired=_WANTED,
    current=_THERE,
    policy=Policy(external_forwarding="allow"),
    options=PlanOptions(today=TODAY, password_versions={"anna@example.com": 1}, deletions_allowed=True),
)
"""Mailboxes: created (also disabled), updated in every field, disabled, deleted, renamed. Aliases: created, updated,
deleted, renamed. Domain aliases: created, deleted. Activations: revoked and granted. And one unmanaged mailbox."""

KINDS_OF_CHANGE = frozenset(
    {f"mailbox {a}" for a in ("create", "update", "delete", "rename")}
    | {f"alias {a}" for a in ("create", "update", "delete", "rename")}
    | {"domainAlias create", "domainAlias delete"}
)
