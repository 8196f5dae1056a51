"""Proposed DMARC records, from the product's expectations, the published record and the options."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from reconciler.app.dns import expected_of
from reconciler.app.exits import Exit
from reconciler.app.plan.planner import Planner, PlanRequest
from reconciler.compliance import generator
from reconciler.compliance.generator import DmarcWish, Prefilled, RecordRefusal
from reconciler.compliance.records import dmarc
from reconciler.compliance.records.dmarc import report_uri
from reconciler.compliance.resolver.resolver import open_resolver
from reconciler.config.workspace import Configuration
from reconciler.core.expectations import Expected
from reconciler.core.findings import Record
from reconciler.core.lookups import Answer
from reconciler.core.model import Unset
from reconciler.output.report.dmarc_proposals import DmarcProposal


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcOptions:
    """The options; None = the published value, or else the product's. `rua` and `ruf` may be plain addresses.

    An empty list of addresses turns these reports off.
    """

    policy: str | None = None
    subdomain_policy: str | None = None
    np: str | None = None
    adkim: str | None = None
    aspf: str | None = None
    rua: tuple[str, ...] | None = None
    ruf: tuple[str, ...] | None = None
    fo: str | None = None
    testing: bool | None = None


class Refused(ValueError):
    """The options do not make a valid record; `refusals` name the options and the reasons."""

    def __init__(self, refusals: Sequence[RecordRefusal]) -> None:
        self.refusals = tuple(dict.fromkeys(refusals))
        super().__init__("; ".join(f"{refusal.field}: {refusal.reason}" for refusal in self.refusals))


async def propose_dmarc(
    config: Configuration, today: date, options: DmarcOptions, *, offline: bool
) -> tuple[DmarcProposal, ...]:
    """A proposal for each selected domain and its declared domain aliases.

    Raises:
        Refused: the options do not make a valid record.
        Unreachable: no resolver is configured or found.
    """
    uris = {"rua": _uris("rua", options.rua), "ruf": _uris("ruf", options.ruf)}
    selected = Planner(config, PlanRequest(today=today)).selected()
    wanted: list[tuple[str, Expected]] = []
    for desired in selected:
        aliases = () if isinstance(desired.domain_aliases, Unset) else desired.domain_aliases
        wanted += [(name, expected_of(config, desired)) for name in (desired.domain, *sorted(aliases))]
    answers: list[Answer | None] = [None] * len(wanted)
    if not offline:
        dns = config.workspace.dns
        resolver = open_resolver(dns.resolvers, dns.timeout)
        # The resolver limits the queries that run at a time.
        answers = list(await asyncio.gather(*(resolver.lookup(f"_dmarc.{name}", "TXT") for name, _ in wanted)))
    found = [
        _proposal(name, expected, answer, options, uris)
        for (name, expected), answer in zip(wanted, answers, strict=True)
    ]
    return tuple(sorted(found, key=lambda proposal: proposal.domain))


def proposal_exit(proposals: Sequence[DmarcProposal]) -> Exit:
    """6 if the published record of a domain could not be looked up, so that it has no proposal."""
    return Exit.UNREACHABLE if any(proposal.problem for proposal in proposals) else Exit.DONE


def _uris(field: str, addresses: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if addresses is None:
        return None
    found, refused = [], []
    # An empty option clears the list.
    for address in filter(None, addresses):
        try:
            found.append(report_uri(address))
        except ValueError as e:
            refused.append(RecordRefusal(field, str(e)))
    if refused:
        raise Refused(refused)
    return tuple(dict.fromkeys(found))


def _proposal(
    domain: str,
    expected: Expected,
    answer: Answer | None,
    options: DmarcOptions,
    uris: dict[str, tuple[str, ...] | None],
) -> DmarcProposal:
    # A proposal without the published record could remove report addresses that others rely on.
    if answer is not None and answer.unknown:
        text = (
            f"The published record could not be looked up, so there is nothing to merge with: {answer.text}. "
            "Try again later, or use --offline to start from the product alone."
        )
        return DmarcProposal(domain=domain, problem=text)
    texts = [text for text in answer.texts() if dmarc.is_dmarc(text)] if answer else []
    prefilled = _prefilled(expected, texts)
    revised = _revised(prefilled, options, uris)
    refused = generator.refusals(revised.wish)
    if refused:
        raise Refused(refused)
    record = generator.record(domain, revised.wish)
    stage = generator.stage(revised.wish)
    # With several records there is no single one to compare with.
    one = texts[0] if len(texts) == 1 else None
    return DmarcProposal(
        domain=domain,
        record=record,
        published=None if answer is None else tuple(Record(record.name, "TXT", text) for text in texts),
        changes=tuple((c.tag, c.before, c.after) for c in generator.changes(one, record.value)) if one else (),
        notes=revised.notes,
        elsewhere=generator.permissions(domain, revised.wish),
        advice=stage.advice,
        next=generator.record(domain, stage.next) if stage.next else None,
    )


def _prefilled(expected: Expected, texts: Sequence[str]) -> Prefilled:
    rua: tuple[str, ...] = ()
    notes: list[str] = []
    try:
        rua = (report_uri(expected.dmarc_rua),) if expected.dmarc_rua else ()
    except ValueError as e:
        notes.append(f"The product's dns.dmarc.rua is left out: {e}.")
    if len(texts) > 1:
        notes.append(f"There are {len(texts)} records, so receivers ignore all of them; this record replaces them.")
    made = generator.prefilled(expected, rua, texts[0] if len(texts) == 1 else None)
    return Prefilled(made.wish, (*notes, *made.notes))


def _revised(prefilled: Prefilled, options: DmarcOptions, uris: dict[str, tuple[str, ...] | None]) -> Prefilled:
    """The wish with the options applied. Values that conflict with them are dropped, with a note."""
    stated: dict[str, Any] = {
        "policy": options.policy,
        "subdomain_policy": options.subdomain_policy,
        "np": options.np,
        "adkim": options.adkim,
        "aspf": options.aspf,
        "fo": options.fo,
        "testing": options.testing,
        **uris,
    }
    wish: DmarcWish = replace(prefilled.wish, **{field: value for field, value in stated.items() if value is not None})
    notes = list(prefilled.notes)
    dropped = {refusal.field: refusal.reason for refusal in generator.refusals(wish)}
    # The user did not ask for this value: it comes from the published record and conflicts with a new option.
    if "fo" in dropped and options.fo is None:
        wish = replace(wish, fo="0")
        notes.append(f"fo is left out: {dropped['fo']}.")
    if "testing" in dropped and options.testing is None:
        wish = replace(wish, testing=False)
        notes.append(f"t=y is left out: {dropped['testing']}.")
    for tag, value in (("sp", wish.subdomain_policy), ("np", wish.np)):
        if value in dmarc.POLICIES and wish.policy in dmarc.POLICIES and dmarc.weaker(value, wish.policy):
            notes.append(f"{tag}={value} is weaker than p={wish.policy}: subdomains are open to abuse.")
    before = prefilled.wish.policy
    if wish.policy in dmarc.POLICIES and dmarc.weaker(wish.policy, before):
        notes.append(f"p={wish.policy} is weaker than p={before}, which is published or expected.")
    return Prefilled(wish, tuple(notes))
