"""The checks, one file each, and the table of them.

A check is two pure functions. `questions` names what it must know of DNS, given what is known so far: it is called
again with the answers until it asks nothing new, and it must ask a bounded number of questions whatever DNS says.
`judge` makes the finding out of these answers. Banned here: asking DNS, and raising for what DNS says.

A new check is a new file and a row in this table.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from reconciler.compliance.checks import (
    autoconfig,
    autodiscover,
    bulk,
    client_srv,
    dane,
    delegation,
    dkim,
    dmarc,
    dnssec,
    mta_sts,
    mx,
    parked,
    ptr,
    spf,
    tls_rpt,
)
from reconciler.compliance.facts import Facts, Wanted
from reconciler.compliance.subject import Subject
from reconciler.core.expectations import CheckId
from reconciler.core.findings import Finding


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table: a check that asks and judges, or one that derives its finding from those before it.

    Attributes:
        usual: it runs without being asked for, because it is cheap.
        sending: it is about mail that the domain sends, so it has nothing to judge where that is none.
        receiving: it is about mail that arrives, or is signed: domain aliases get it too.
    """

    id: CheckId
    questions: Callable[[Subject, Facts], Iterable[Wanted]]
    judge: Callable[[Subject, Facts], Finding] | None
    derive: Callable[[Subject, Sequence[Finding]], Finding] | None = None
    usual: bool = True
    sending: bool = False
    receiving: bool = True


FIRST = (
    Check("mx", mx.questions, mx.judge),
    Check("spf", spf.questions, spf.judge, sending=True),
    Check("dkim", dkim.questions, dkim.judge, sending=True),
    Check("autodiscover", autodiscover.questions, autodiscover.judge, receiving=False),
    Check("dmarc", dmarc.questions, dmarc.judge, sending=True),
)
"""The five that every domain needs."""

CHECKS = (
    *FIRST,
    Check("ptr", ptr.questions, ptr.judge, sending=True, receiving=False),
    Check("mta-sts", mta_sts.questions, mta_sts.judge),
    Check("tls-rpt", tls_rpt.questions, tls_rpt.judge),
    Check("dnssec", dnssec.questions, dnssec.judge),
    Check("dane", dane.questions, dane.judge, usual=False),
    Check("client-srv", client_srv.questions, client_srv.judge, receiving=False),
    Check("autoconfig", autoconfig.questions, autoconfig.judge, usual=False, receiving=False),
    Check("delegation", delegation.questions, delegation.judge, usual=False),
    Check("parked", parked.questions, parked.judge),
    Check("bulk", bulk.questions, None, bulk.derive, sending=True, receiving=False),
)
"""All, in the order of reports; what is derived comes last."""


def selected_checks(
    subject: Subject, table: Sequence[Check] = CHECKS, *, everything: bool = False
) -> tuple[Check, ...]:
    """The rows that a domain gets: the usual ones, and those that `dns.checks` names (or `everything`).

    A domain alias gets those about receiving and signing. A check that is switched off is among them, because the
    report says so.
    """
    return tuple(check for check in table if _applies(check, subject, everything=everything))


def _applies(check: Check, subject: Subject, *, everything: bool) -> bool:
    setting = subject.expected.check(check.id)
    if subject.alias_of is not None and not check.receiving:
        return False
    if check.id == "parked" and subject.expected.sends:
        return setting is not None and setting.level == "off"
    return check.usual or everything or setting is not None
