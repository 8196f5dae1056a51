"""Check `mta-sts`: the record and the policy that make senders require TLS are valid and exclude no MX host."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.compliance import publish
from reconciler.compliance.facts import Facts, Fetch, Wanted
from reconciler.compliance.records import mta_sts, tags
from reconciler.compliance.records.mta_sts import MtaStsPolicy
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, info_note, skipped, unknown
from reconciler.core.findings import Finding, Record
from reconciler.core.lookups import Answer, Mx, Page

CODES: Mapping[str, str] = MappingProxyType(
    {
        "MTA_STS_OK": "The record is valid. With --https, the policy is valid too.",
        "MTA_STS_NONE": "The domain does not use MTA-STS. It is optional: with it, senders require TLS. No action "
        "needed.",
        "MTA_STS_SEVERAL": "The domain has several MTA-STS records, so senders use none of them. Keep one.",
        "MTA_STS_INVALID": "The MTA-STS record is not valid, so senders ignore it. Publish the proposed record.",
        "MTA_STS_NO_POLICY": "The record exists, but the web server has no policy at the well-known URL. Put the "
        "policy there (senders do not follow redirects), or delete the record.",
        "MTA_STS_CERTIFICATE": "The certificate of the policy's web server is not valid for mta-sts.DOMAIN, so senders "
        "use no policy. Install a certificate for that name.",
        "MTA_STS_POLICY_INVALID": "The policy is not valid, so senders ignore it. Fix the named fault.",
        "MTA_STS_MX": "The policy does not list an MX host, so senders refuse to deliver to it (mode enforce) or "
        "report it (mode testing). Add the host to the policy and change the id in the record.",
        "MTA_STS_SHORT": "Senders cache the policy for less than a day, which gives little protection. Set max_age to "
        "a week or more.",
        "MTA_STS_UNKNOWN": "The policy's web server did not respond, so the policy is unknown. Run the check again "
        "later.",
        "MTA_STS_TESTING": "In mode testing, senders only report and refuse nothing. Change the mode to enforce when "
        "the reports are clean.",
        "MTA_STS_OFF": "The mode none withdraws an earlier policy.",
        "MTA_STS_NOT_FETCHED": "The check covers only the record. Use --https to check the policy too.",
    }
)
_BASIS = Basis(id="mta-sts", reference="RFC 8461 sections 3.1 to 4.1", good_code="MTA_STS_OK")
_DAY = 86_400


def questions(subject: Subject, facts: Facts) -> Iterator[Wanted]:
    """TXT at `_mta-sts`. With a record and `--https`, also the policy, and the MX records to compare."""
    yield _name(subject), "TXT"
    answer = facts.known(_name(subject), "TXT")
    # Without a record, senders never fetch the policy. So its absence is not a fault.
    if answer is not None and _records(answer) and facts.pages is not None:
        yield subject.domain, "MX"
        yield Fetch(_url(subject))


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; row 44 of the catalogue of checks."""
    answer = facts.answer(_name(subject), "TXT")
    if answer.unknown:
        return conclude(_BASIS, unknown([answer]), good="")
    records = _records(answer)
    slips = [text for text in answer.texts() if text not in records and _is_meant(text)]
    if not records and not slips:
        text = f"{_name(subject)} has no record, so senders use TLS only if it is available."
        return skipped(_BASIS, "MTA_STS_NONE", "The domain does not use MTA-STS", text)
    notes, fix = _record_notes(subject, records, slips)
    # Senders do not fetch the policy with an invalid record. First the record must be fixed.
    if not fix:
        notes.extend(_policy_notes(subject, facts))
    valid = [publish.txt(_name(subject), text) for text in records]
    return conclude(
        _BASIS,
        notes,
        good="The record is valid" if facts.pages is None else "Record and policy are valid",
        expected=fix or valid,
        found=found_records(answer),
        fix=fix,
    )


def _record_notes(subject: Subject, records: list[str], slips: list[str]) -> tuple[list[Note], list[Record]]:
    """The faults of the record, and the record to publish instead."""
    fixed = publish.txt(_name(subject), mta_sts.fixed_record((records or slips)[0]))
    if len(records) > 1:
        text = f"The domain has {len(records)} MTA-STS records, so senders use none of them (section 3.1). Keep one."
        return [Note("warn", "MTA_STS_SEVERAL", "Several MTA-STS records", text)], [fixed]
    if not records:
        why = "; ".join(tags.slips(slips[0])) or "it does not begin with exactly v=STSv1;"
        text = f"“{slips[0][:60]}” looks like an MTA-STS record, but {why}."
        return [Note("warn", "MTA_STS_INVALID", "The MTA-STS record is not valid", text)], [fixed]
    faults = mta_sts.record_faults(records[0])
    if not faults:
        return [], []
    text = f"The record at {_name(subject)}: {'; '.join(faults)}."
    return [Note("warn", "MTA_STS_INVALID", "The MTA-STS record is not valid", text)], [fixed]


def _policy_notes(subject: Subject, facts: Facts) -> list[Note]:
    page = facts.page(_url(subject))
    if page is None:
        return [info_note("The policy was not fetched. Use --https to check it.", "MTA_STS_NOT_FETCHED")]
    if page.outcome == "temporary":
        text = f"{page.url}: {page.text}. The policy may exist. Try again later."
        return [Note("error", "MTA_STS_UNKNOWN", "Fetching the policy failed", text)]
    if page.outcome == "certificate":
        text = f"{page.url}: {page.text}."
        return [Note("warn", "MTA_STS_CERTIFICATE", "The policy's certificate is not valid", text)]
    if page.outcome != "text":
        text = f"{page.url}: {page.text}. Senders use no policy."
        return [Note("warn", "MTA_STS_NO_POLICY", "The policy is missing", text)]
    policy = mta_sts.parse_policy(page.body)
    # Senders should verify the content type (RFC 8461 section 3.3). Web servers often send another one.
    faults = list(policy.faults)
    if page.content_type != "text/plain":
        faults.append(f"its content type is {page.content_type[:60] or 'missing'} instead of text/plain")
    if faults:
        text = f"The policy at {page.url}: {'; '.join(faults[:5])}."
        return [Note("warn", "MTA_STS_POLICY_INVALID", "The policy is not valid", text)]
    return [*_mx_notes(policy, facts.answer(subject.domain, "MX"), page), *_strength(policy)]


def _mx_notes(policy: MtaStsPolicy, answer: Answer, page: Page) -> list[Note]:
    """Every MX host must match the policy. Otherwise senders refuse to deliver to it."""
    if policy.mode == "none":
        return []
    if answer.unknown:
        return unknown([answer])
    # An MX host that the policy omits is the most dangerous fault: senders then refuse to deliver.
    hosts = [r.host for r in answer.records if isinstance(r, Mx) and r.host]
    outside = sorted({host for host in hosts if not policy.allows(host)})
    if not outside:
        return []
    text = f"The policy at {page.url} does not list the MX host {', '.join(outside[:5])}."
    if policy.mode == "enforce":
        return [Note("fail", "MTA_STS_MX", "The policy excludes an MX host", text)]
    return [Note("warn", "MTA_STS_MX", "The policy does not list an MX host", text)]


def _strength(policy: MtaStsPolicy) -> list[Note]:
    if policy.mode == "none":
        return [info_note("The policy's mode is none, which withdraws an earlier policy.", "MTA_STS_OFF")]
    notes: list[Note] = []
    if policy.max_age is not None and policy.max_age < _DAY:
        text = f"Senders cache the policy for only {policy.max_age} seconds. Set max_age to a week or more."
        notes.append(Note("warn", "MTA_STS_SHORT", "The policy's max_age is short", text))
    if policy.mode == "testing":
        notes.append(
            info_note("The policy's mode is testing: senders report problems but still deliver.", "MTA_STS_TESTING")
        )
    return notes


def _records(answer: Answer) -> list[str]:
    return [text for text in answer.texts() if mta_sts.is_record(text)]


def _is_meant(text: str) -> bool:
    return tags.tidied(text).lower().replace(" ", "").startswith("v=sts")


def _name(subject: Subject) -> str:
    return f"_mta-sts.{subject.domain}"


def _url(subject: Subject) -> str:
    return f"https://mta-sts.{subject.domain}/.well-known/mta-sts.txt"
