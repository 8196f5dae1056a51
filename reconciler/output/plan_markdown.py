"""Plans as a pull request comment: what a merge would destroy first, details folded, no longer than a forge takes."""

from collections.abc import Iterator, Sequence
from datetime import date

from reconciler.core.plan import Change, Plan
from reconciler.output.cost_words import bill_words
from reconciler.output.markdown import md
from reconciler.output.plan_markdown_parts import Section, sections
from reconciler.output.plan_words import ChangeCounts, count, deletions, summary_words, count_changes
from reconciler.output.share_words import Attributions, attributions, attribution_words

GITHUB_LIMIT = 65_536
"""Characters that a comment may have on GitHub; other forges take more, or less."""
MIN_LIMIT = 2_000
_RESERVE = 900
"""Kept free for the notes on what was cut."""
_BILLS = 3
"""In how many currencies the total stands at the top."""


def render_plans_markdown(plans: Sequence[Plan], *, limit: int = GITHUB_LIMIT, today: date | None = None) -> str:
    """The comment, with a final newline, of at most `limit` characters; it is cut between changes, and says so.

    Where the plans know a base commit, the changes stand in three parts: this change set's own, those that were
    pending already, and those that it masks. Where they know directions only, they stand by these.

    Args:
        today: the day from which the age of a last sign-in is counted in the headline; without it the day itself is
            said there. Details always have the day.

    Raises:
        ValueError: the limit is too small for the headline and the counts.
    """
    if limit < MIN_LIMIT:
        raise ValueError(f"a comment needs room for {MIN_LIMIT} characters, the limit is {limit}")
    parts = [_top(plans, today)]
    room = limit - len(parts[0]) - _RESERVE
    cut: list[str] = []
    bare = 0
    part = ""
    for section in sections(plans):
        heading = section.part if section.part != part else ""
        text, missing, shortened = _fill(section, heading, room)
        if text:
            part = section.part
        parts.append(text)
        room -= len(text)
        bare += shortened
        if missing:
            cut.append(count(missing, section.noun, section.many))
    if bare:
        parts.append(f"\nThe details of {count(bare, 'entry', 'entries')} are left out for want of space.\n")
    if cut:
        parts.append(f"\n**Cut for want of space: {', '.join(cut)}.** `reconciler plan` shows all.\n")
    return "".join(parts)


def _top(plans: Sequence[Plan], today: date | None) -> str:
    """The headline, the counts, whose the changes are, and the bill."""
    total, origins = count_changes(plans), attributions(plans)
    lines = [summary_words(total)]
    if origins.known:
        lines.append(attribution_words(origins))
    if total.changes:
        totals = [md(line) for line in bill_words(plans, arrow="→")]
        lines += totals[:_BILLS]
        if len(totals) > _BILLS:
            lines.append(f"And in {count(len(totals) - _BILLS, 'more currency', 'more currencies')}.")
    return f"## {_headline(total, origins, today)}\n\n" + "\n\n".join(lines) + "\n"


def _fill(section: Section, heading: str, room: int) -> tuple[str, int, int]:
    """The section as far as it fits, how many entries are missing, and how many are only there in short.

    An entry whose details are too long is put in short; once one does not fit even so, none follows.
    """
    room -= len(heading) + len(section.before) + len(section.after)
    if not section.total:
        return (heading if room >= 0 else ""), 0, 0
    lines: list[str] = []
    shortened = 0
    for item in section.items:
        text = item.full if len(item.full) <= room else item.short
        if len(text) > room:
            break
        shortened += text is not item.full
        lines.append(text)
        room -= len(text)
    text = heading + section.before + "".join(lines) + section.after if lines else ""
    return text, section.total - len(lines), shortened


def _headline(total: ChangeCounts, origins: Attributions, today: date | None) -> str:
    """What matters, in one line; it holds numbers only, no names."""
    alarms = []
    if total.refused:
        alarms.append(f"refused in {count(len(total.refused), 'domain')}")
    alarms += _threats(_own(total.doomed), _own(total.outward), today)
    pending = list(_threats(_pending(total.doomed), _pending(total.outward), today))
    if pending:
        alarms.append(f"already pending: {', '.join(pending)}")
    if origins.on_server:
        alarms.append(f"{count(len(origins.on_server), 'resource')} changed on the server")
    if total.unread:
        alarms.append(f"{count(len(total.unread), 'domain')} not read whole")
    if alarms:
        return f"⚠ {md(' · '.join(alarms))}"
    if not total.changes:
        return "No changes"
    said = count(total.changes, "change")
    return f"{said}, {origins.counts['pending']} of them already pending" if origins.counts["pending"] else said


def _own(changes: Sequence[Change]) -> list[Change]:
    return [c for c in changes if c.attribution != "pending"]


def _pending(changes: Sequence[Change]) -> list[Change]:
    return [c for c in changes if c.attribution == "pending"]


def _threats(doomed: Sequence[Change], outward: Sequence[Change], today: date | None) -> Iterator[str]:
    """`deletes 1 mailbox with 3.2 GiB, last used 2 days ago`; `sends mail outside in 1 change`."""
    if doomed:
        parts = (f"{number} with {mail}" if mail else number for number, mail in deletions(doomed, today))
        yield f"deletes {'; '.join(parts)}"
    if outward:
        yield f"sends mail outside in {count(len(outward), 'change')}"
