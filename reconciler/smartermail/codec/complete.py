"""Whether rows can be all there are. Pure. No write follows a read that was incomplete (API reference section 11)."""

from collections.abc import Collection, Sequence

from reconciler.core.errors import IncompleteRead
from reconciler.smartermail.codec.scalars import Fields, number
from reconciler.smartermail.transport.redact import clean

_HINT = "nothing is changed; run again, and if it stays, look at the domain in the server's own interface"


def distinct(names: Sequence[str], where: str) -> None:
    """Raises IncompleteRead where a name comes twice."""
    if len(set(names)) != len(names):
        twice = sorted({n for n in names if names.count(n) > 1})
        raise IncompleteRead(
            f"{where}: {len(names)} rows, but only {len(set(names))} names; {clean(twice[0])} comes twice", hint=_HINT
        )


def announced(answer: Fields, found: int, where: str) -> None:
    """Raises IncompleteRead where the answer itself says that there are more rows (`totalCount`)."""
    total = number(answer, "totalCount", where)
    if total is not None and total > found:
        raise IncompleteRead(f"{where}: {found} rows, but the answer says that there are {total}", hint=_HINT)


def as_many(found: int, counted: int | None, what: str, where: str) -> None:
    """Raises IncompleteRead where there are fewer rows than the server counts."""
    if counted is not None and found < counted:
        raise IncompleteRead(f"{where}: {found} {what}, but the server counts {counted}", hint=_HINT)


def mailboxes(rows: int, found: int, counted: int | None, *, admin_found: bool, where: str) -> None:
    """Raises IncompleteRead where mailboxes must be missing.

    Args:
        rows: how many the list had.
        found: the same, with a primary administrator that lists leave out but that could be read by name.
        counted: what the server counts; it may or may not count the primary administrator (section 10 no. 15).
        admin_found: whether the primary administrator is among `found`; if not, one may be missing from the list.
    """
    if rows == 0 and counted != 0:
        said = "does not say how many there are" if counted is None else f"counts {counted}"
        raise IncompleteRead(f"{where}: 0 mailboxes, but the server {said}", hint=_HINT)
    as_many(found if admin_found else found + 1, counted, "mailboxes", where)


def one_namespace(mailboxes: Collection[str], aliases: Collection[str], where: str) -> None:
    """Raises IncompleteRead where a name is mailbox and alias at once: lists of other kinds were mixed in."""
    both = sorted(set(mailboxes) & set(aliases))
    if both:
        raise IncompleteRead(
            f"{where}: {len(both)} of {len(aliases)} aliases are mailboxes too, {clean(both[0])} for one", hint=_HINT
        )


def kind_of_row(row: Fields, allowed: Collection[int], where: str) -> None:
    """Raises IncompleteRead where a row says that it is of another kind."""
    kind = number(row, "accountType", where)
    if kind is not None and kind not in allowed:
        raise IncompleteRead(
            f"{where}: a row has the accountType {kind}, not {' or '.join(map(str, allowed))}", hint=_HINT
        )
