"""Checks that a list can be complete. Pure. No write follows an incomplete read (API reference section 11)."""

from collections.abc import Collection, Sequence

from reconciler.core.errors import IncompleteRead
from reconciler.smartermail.codec.scalars import Fields, number
from reconciler.smartermail.transport.redact import clean

_HINT = (
    "run the command again; if the error remains, check the domain in the server's web interface; nothing was changed"
)


def distinct(names: Sequence[str], where: str) -> None:
    """Raise IncompleteRead if a name occurs twice."""
    if len(set(names)) != len(names):
        duplicates = sorted({n for n in names if names.count(n) > 1})
        raise IncompleteRead(
            f"{where}: {len(names)} rows, but only {len(set(names))} names; {clean(duplicates[0])} occurs twice",
            hint=_HINT,
        )


def announced(answer: Fields, found: int, where: str) -> None:
    """Raise IncompleteRead if the answer's own `totalCount` is higher than the number of rows."""
    total = number(answer, "totalCount", where)
    # Only missing rows are dangerous: the plan would create their accounts again, or report them as deleted.
    if total is not None and total > found:
        raise IncompleteRead(f"{where}: {found} rows, but totalCount is {total}", hint=_HINT)


def as_many(found: int, counted: int | None, what: str, where: str) -> None:
    """Raise IncompleteRead if there are fewer rows than the server counts."""
    # More rows than counted are normal: a count may leave out the primary administrator or disabled users (API
    # reference section 4.7).
    if counted is not None and found < counted:
        raise IncompleteRead(f"{where}: {found} {what}, but the server counts {counted}", hint=_HINT)


def mailboxes(rows: int, found: int, counted: int | None, *, admin_found: bool, where: str) -> None:
    """Raise IncompleteRead if mailboxes are certainly missing.

    Args:
        rows: the number of rows in the list.
        found: the same, plus a primary administrator that the list omits but that was read by name.
        counted: the server's count, which may include the primary administrator (section 10 no. 15).
        admin_found: whether `found` includes the primary administrator; if not, the list may lack one mailbox.
    """
    # Every domain has an administrator, so that an empty list without a count of 0 is suspicious.
    if rows == 0 and counted != 0:
        count = "does not report their number" if counted is None else f"counts {counted}"
        raise IncompleteRead(f"{where}: 0 mailboxes, but the server {count}", hint=_HINT)
    # A tolerance of one for an administrator that the list omits and the count includes (API reference section 11).
    as_many(found if admin_found else found + 1, counted, "mailboxes", where)


def one_namespace(mailboxes: Collection[str], aliases: Collection[str], where: str) -> None:
    """Raise IncompleteRead if a name is both a mailbox and an alias: then a list contains rows of another kind."""
    # Users and aliases use one namespace (API reference section 6.3).
    both = sorted(set(mailboxes) & set(aliases))
    if both:
        raise IncompleteRead(
            f"{where}: {len(both)} of {len(aliases)} aliases are also mailboxes, e.g. {clean(both[0])}", hint=_HINT
        )


def kind_of_row(row: Fields, allowed: Collection[int], where: str) -> None:
    """Raise IncompleteRead if the `accountType` of a row is not allowed in this list."""
    kind = number(row, "accountType", where)
    if kind is not None and kind not in allowed:
        raise IncompleteRead(
            f"{where}: a row has the accountType {kind}; expected {' or '.join(map(str, allowed))}", hint=_HINT
        )
