"""The checks, one file per check, and the table of all checks.

A check is two pure functions. `questions` yields the lookups that the check needs, given the answers so far. `gather`
calls it again with each answer until it yields nothing new. It must yield a bounded number of questions for any
content of DNS. `judge` makes the finding from the answers. Banned here: DNS queries, and exceptions for any content of
DNS.

A new check is a new file and a row in this table; CONTRIBUTING lists the other places.
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
    """One row of the table: a check that asks and judges, or one that derives its finding from earlier findings.

    Attributes:
        usual: it runs by default, because it needs few lookups.
        sending: it is about outgoing mail, so it is skipped for domains that send no mail.
        receiving: it also applies to domain aliases.
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
"""The five checks that every domain needs."""

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
"""All checks, in the order of reports. Derived checks come last, because they read the findings before them."""


def selected_checks(
    subject: Subject, table: Sequence[Check] = CHECKS, *, everything: bool = False
) -> tuple[Check, ...]:
    """The checks that apply to a domain: the usual ones, and those that `dns.checks` names (or `everything`).

    Domain aliases get only the checks with `receiving`. Disabled checks are included, because the report shows them as
    skipped.
    """
    return tuple(check for check in table if _applies(check, subject, everything=everything))


def _applies(check: Check, subject: Subject, *, everything: bool) -> bool:
    setting = subject.expected.check(check.id)
    if subject.alias_of is not None and not check.receiving:
        return False
    # `parked` judges only domains without outgoing mail. For the others, only a disabled check is worth a line.
    if check.id == "parked" and subject.expected.sends:
        return setting is not None and setting.level == "off"
    return check.usual or everything or setting is not None
