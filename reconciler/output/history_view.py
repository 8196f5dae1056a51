"""What `history` shows, as values of its own: a journal's lines may change without the output changing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """One change of a run.

    Attributes:
        fields: name -> (before, after), as JSON values, None where there is no such side; a password is no part.
        password: it was to set a password, and the server took it; or `asked` if it did not.
        result: as in the journal; empty where the run was interrupted before it could be written.
    """

    server: str
    domain: str
    action: str
    kind: str
    address: str
    new_address: str = ""
    fields: Mapping[str, tuple[object, object]] = field(default_factory=dict)
    password: Literal["", "set", "asked"] = ""
    result: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run.

    Attributes:
        time: when it began, ISO 8601 in UTC; empty where the journal does not tell.
        end: `converged`, `not converged` or `interrupted`; that is also what a run shows which is still going on.
        chain: `ok` or `broken`.
        fault: `file:line: why` of the first line that is wrong.
        counts: result -> how many changes; `interrupted` for those whose outcome was never written.
    """

    run: str
    time: str
    user: str
    commit: str
    tool: str
    end: str
    chain: str
    fault: str
    counts: Mapping[str, int]
    changes: tuple[ChangeRow, ...]
