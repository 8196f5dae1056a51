"""The exit codes (contract section 2), each with its one meaning."""

from collections.abc import Iterable
from enum import IntEnum

from reconciler.core.diagnostics import Severity
from reconciler.core.errors import (
    CannotDeliver,
    CannotEdit,
    ForeignFiles,
    IncompleteRead,
    JournalUnusable,
    KeyUnusable,
    Locked,
    NoHostName,
    NoWorkspace,
    PasswordUnusable,
    ReconcilerError,
    RefusedCredentials,
    SecretUnavailable,
    StalePlan,
    UnknownRun,
    Unreachable,
    UnusableCommit,
    WouldOverwrite,
)
from reconciler.core.plan import Plan


class Exit(IntEnum):
    """The exit code of the process."""

    DONE = 0
    UNEXPECTED = 1
    CHANGES = 2
    INVALID = 3
    REFUSED = 4
    PARTIAL = 5
    UNREACHABLE = 6
    NOT_COMPLIANT = 7
    USAGE = 64


# Not SRV004: after an incomplete read the run refuses to write, but the server did answer.
_SERVER_CODES = frozenset({"SRV001", "SRV002", "SRV003", "SRV005"})


_REFUSALS = (
    CannotDeliver,
    CannotEdit,
    ForeignFiles,
    IncompleteRead,
    JournalUnusable,
    KeyUnusable,
    Locked,
    StalePlan,
    WouldOverwrite,
)
"""A run that ends with one of these changed nothing, and reports what forbids it."""


def of_error(error: ReconcilerError) -> Exit:
    """The exit code of a failure that ended the run."""
    # Without its secret the program cannot log in, so for this run the server is unreachable.
    if isinstance(error, Unreachable | RefusedCredentials | SecretUnavailable):
        return Exit.UNREACHABLE
    if isinstance(error, NoWorkspace | NoHostName):
        return Exit.INVALID
    if isinstance(error, PasswordUnusable | UnusableCommit | UnknownRun):
        return Exit.USAGE
    if isinstance(error, _REFUSALS):
        return Exit.REFUSED
    return Exit.UNEXPECTED


def of_plans(plans: Iterable[Plan], *, detailed: bool) -> Exit:
    """The exit code of a plan: an unreadable server takes precedence over a refusal, and a refusal over changes."""
    listed = tuple(plans)
    errors = {d.code for p in listed for d in p.diagnostics if d.severity is Severity.ERROR}
    if errors & _SERVER_CODES:
        return Exit.UNREACHABLE
    if errors:
        return Exit.REFUSED
    return Exit.CHANGES if detailed and any(p.changes for p in listed) else Exit.DONE
