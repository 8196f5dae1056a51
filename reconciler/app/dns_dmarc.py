"""DMARC records made to order, from what the product expects, what is published, and what is asked for."""

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
    """What was asked for; None = as it is published or as the product has it. `rua` and `ruf` may be plain addresses.

    An empty list of addresses means: no such reports.
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
    """A record that was asked for cannot be made; `refusals` say which options, and why."""

    def __init__(self, refusals: Sequence[RecordRefusal]) -> None:
        self.refusals = tuple(dict.fromkeys(refusals))
        super().__init__("; ".join(f"{refusal.field}: {refusal.reason}" for refusal in self.refusals))


async def propose_dmarc(
    config: Configuration, today: date, options: DmarcOptions, *, offline: bool
) -> tuple[DmarcProposal, ...]:
    """A proposal for each selected domain and its declared domain aliases.

    Raises:
        Refused: what was asked for makes no record.
        Unreachable: there is no resolver to ask.
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
        answers = list(await asyncio.gather(*(resolver.lookup(f"_dmarc.{name}", "TXT") for name, _ in wanted)))
    found = [
        _proposal(name, expected, answer, options, uris)
        for (name, expected), answer in zip(wanted, answers, strict=True)
    ]
    return tuple(sorted(found, key=lambda proposal: proposal.domain))


def proposal_exit(proposals: Sequence[DmarcProposal]) -> Exit:
    """6 where what is published could not be looked up for a domain, so that nothing was proposed for it."""
    return Exit.UNREACHABLE if any(proposal.problem for proposal in proposals) else Exit.DONE


def _uris(field: str, addresses: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if addresses is None:
        return None
    found, refused = [], []
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
    if answer is not None and answer.unknown:
        text = (
            f"What is published could not be looked up, so nothing can be merged with it: {answer.text}. "
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
    remarks: list[str] = []
    try:
        rua = (report_uri(expected.dmarc_rua),) if expected.dmarc_rua else ()
    except ValueError as e:
        remarks.append(f"The product's dns.dmarc.rua is left out: {e}.")
    if len(texts) > 1:
        remarks.append(f"There are {len(texts)} records, of which receivers use none; this one replaces them all.")
    made = generator.prefilled(expected, rua, texts[0] if len(texts) == 1 else None)
    return Prefilled(made.wish, (*remarks, *made.notes))


def _revised(prefilled: Prefilled, options: DmarcOptions, uris: dict[str, tuple[str, ...] | None]) -> Prefilled:
    """The wish with the options in it; what no longer goes with them is dropped, and said."""
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
    remarks = list(prefilled.notes)
    dropped = {refusal.field: refusal.reason for refusal in generator.refusals(wish)}
    if "fo" in dropped and options.fo is None:
        wish = replace(wish, fo="0")
        remarks.append(f"fo is left out: {dropped['fo']}.")
    if "testing" in dropped and options.testing is None:
        wish = replace(wish, testing=False)
        remarks.append(f"t=y is left out: {dropped['testing']}.")
    for tag, value in (("sp", wish.subdomain_policy), ("np", wish.np)):
        if value in dmarc.POLICIES and wish.policy in dmarc.POLICIES and dmarc.weaker(value, wish.policy):
            remarks.append(f"{tag}={value} is weaker than p={wish.policy}: subdomains are open to abuse.")
    before = prefilled.wish.policy
    if wish.policy in dmarc.POLICIES and dmarc.weaker(wish.policy, before):
        remarks.append(f"p={wish.policy} is weaker than p={before}, which is published or expected.")
    return Prefilled(wish, tuple(remarks))
