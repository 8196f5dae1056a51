"""The checks, one file each, and the table of them.

A check is two pure functions. `questions` names what it must know of DNS, given what is known so far: it is called
again with the answers until it asks nothing new, and it must ask a bounded number of questions whatever DNS says.
`judge` makes the finding out of these answers. Banned here: asking DNS, and raising for what DNS says.

A new check is a new file and a row in this table.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reconciler.compliance.checks import autodiscover, dkim, dmarc, mx, spf
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.subject import Subject
from reconciler.core.findings import Finding


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table."""

    id: str
    questions: Callable[[Subject, Facts], Iterable[Question]]
    judge: Callable[[Subject, Facts], Finding]


CHECKS = (
    Check("mx", mx.questions, mx.judge),
    Check("spf", spf.questions, spf.judge),
    Check("dkim", dkim.questions, dkim.judge),
    Check("autodiscover", autodiscover.questions, autodiscover.judge),
    Check("dmarc", dmarc.questions, dmarc.judge),
)
