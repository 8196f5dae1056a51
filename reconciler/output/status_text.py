"""The status of domains as a table for a terminal: one line per domain, then notes on problems."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from reconciler.core.billing import total
from reconciler.core.findings import Status
from reconciler.core.names import display_domain
from reconciler.core.password_policy import PolicyDifference
from reconciler.core.quantities import format_money, human_size
from reconciler.core.status import DomainStatus, Figures, Use
from reconciler.output.diagnostics_text import diagnostic_lines
from reconciler.output.terminal import MIN_WIDTH, Style, at_line_start, columns, count, flow, safe, words

# Texts of the status that several formats share: cells, totals and differences.


PILLS: Mapping[Status, str] = MappingProxyType({"pass": "+", "warn": "!", "fail": "X", "skip": "-", "error": "?"})
"""The status of a check as one ASCII character."""

PILL_WORDS = "+ pass, ! warn, X fail, - skip, ? error"
UNKNOWN = "?"


def count_cell(use: Use) -> str:
    """`12/25`; `12` without a limit; `off` if the feature is off on the server."""
    if use.switched_off and not use.used:
        return "off"
    used = UNKNOWN if use.used is None else str(use.used)
    return used if use.limit is None else f"{used}/{use.limit}"


def disk_cell(use: Use) -> str:
    """`3.2 GiB/250 GiB`; `3.2 GiB` without a limit."""
    used = UNKNOWN if use.used is None else human_size(use.used)
    return used if use.limit is None else f"{used}/{human_size(use.limit).replace('.0 ', ' ')}"


def checks(statuses: Iterable[DomainStatus]) -> list[str]:
    """The checks of all domains, in their order."""
    return list(dict.fromkeys(check for s in statuses for check in s.pills))


def bill_totals(statuses: Sequence[DomainStatus]) -> dict[str, tuple[Decimal, int]]:
    """Currency -> the sum of the known bills, and the number of domains with an unknown bill; sorted by currency."""
    billed = [f for f in known(statuses) if f.currency is not None]
    found: dict[str, tuple[Decimal, int]] = {}
    for currency in sorted({f.currency for f in billed if f.currency is not None}):
        amounts = [f.monthly for f in billed if f.currency == currency]
        amounts_known = [amount for amount in amounts if amount is not None]
        found[currency] = (total(amounts_known), len(amounts) - len(amounts_known))
    return found


def policy_differences(
    statuses: Iterable[DomainStatus],
) -> dict[tuple[str, str, tuple[PolicyDifference, ...]], list[str]]:
    """(server, product, differences) -> the domains with exactly these differences."""
    found: dict[tuple[str, str, tuple[PolicyDifference, ...]], list[str]] = {}
    for status in statuses:
        compared = status.figures.passwords if status.figures else None
        if compared is not None and compared.differences:
            # Domains of one product usually share the differences. One note for all of them keeps the table visible.
            key = (status.server, status.product or "", compared.differences)
            found.setdefault(key, []).append(status.domain)
    return found


def difference_words(difference: PolicyDifference) -> str:
    """`minLength 5 instead of 12`: the value of the server, then the value of the product."""
    return f"{difference.rule} {_rule_value(difference.server)} instead of {_rule_value(difference.product)}"


def _rule_value(value: int | bool) -> str:
    return str(value).lower()


def some(names: Sequence[str], most: int = 3) -> str:
    """`a, b, c and 5 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def known(statuses: Iterable[DomainStatus]) -> list[Figures]:
    """The figures of the domains whose read succeeded."""
    return [s.figures for s in statuses if s.figures is not None]


_PILL_STYLES = {"+": ("green",), "!": ("yellow",), "X": ("red", "bold"), "-": ("dim",), "?": ("cyan", "bold")}
_PASSWORDS = {"same": "ok", "different": "!", "partly-known": UNKNOWN, "unknown": UNKNOWN}
_WIDE_GAP, _NARROW_GAP = 2, 1


@dataclass(frozen=True, slots=True)
class _Cell:
    """The text of a cell, already safe, and its style."""

    text: str
    styles: tuple[str, ...] = ()
    left: bool = False
    pills: bool = False

    def drawn(self, width: int, style: Style) -> str:
        room = " " * (width - columns(self.text))
        if self.pills:
            return "".join(style(c, *_PILL_STYLES[c]) for c in self.text) + room
        shown = style(self.text, *self.styles)
        return shown + room if self.left else room + shown


Row = tuple[_Cell, ...]


def render_status(statuses: Sequence[DomainStatus], *, color: bool, width: int) -> Iterator[str]:
    """The lines, without line ends.

    Args:
        statuses: shown in this order.
        color: whether to use ANSI colors.
        width: cells per line, at least 40. If the table is too wide, long names get lines of their own. No cell is
            ever cut.
    """
    style, width = Style(color), max(width, MIN_WIDTH)
    asked = checks(statuses)
    yield from _table(statuses, asked, style, width)
    yield ""
    if asked:
        yield from flow(
            words(f"DNS: {', '.join(asked)}; {PILL_WORDS}", "dim"), indent=0, hang=4, width=width, style=style
        )
    yield from _notes(statuses, style, width)
    yield from flow(words(safe(_sum(statuses)), "bold"), indent=0, hang=4, width=width, style=style)


def _table(statuses: Sequence[DomainStatus], asked: Sequence[str], style: Style, width: int) -> Iterator[str]:
    currencies = list(bill_totals(statuses))
    # A column without any value would only take space from the others.
    compared = any(f.passwords for f in known(statuses))
    titles = ["Domain", "Boxes", "Disk", "Alias", "Dom", "EAS", "MAPI"]
    titles += [currencies[0] if len(currencies) == 1 else "Bill"] if currencies else []
    titles += (["DNS"] if asked else []) + (["Pw"] if compared else [])
    head = tuple(_Cell(t, ("bold",), left=t in ("Domain", "DNS", "Pw")) for t in titles)
    rows = [_row(s, asked, currencies, compared=compared) for s in statuses]
    # A domain that was not read has a short row, which must not influence the width of the columns.
    complete = [head, *(row for row in rows if len(row) == len(head))]
    widths = [max(columns(row[n].text) for row in complete) for n in range(len(head))]
    widths[0] = max([columns(row[0].text) for row in (head, *rows)])
    rest = sum(widths[1:])
    gap = _WIDE_GAP if widths[0] + rest + _WIDE_GAP * (len(head) - 1) <= width else _NARROW_GAP
    # Only the first column can shrink: figures must stay in one piece.
    room = max(columns(head[0].text), width - rest - gap * (len(head) - 1))
    widths[0] = min(widths[0], room)
    for row in (head, *rows):
        yield from _line(row, widths, gap, style)


def _line(row: Row, widths: Sequence[int], gap: int, style: Style) -> Iterator[str]:
    name, *others = row
    first = name.drawn(max(widths[0], columns(name.text)), style)
    # A name is never cut, because a user copies it. It gets a line of its own instead.
    if columns(name.text) > widths[0]:
        yield first
        first = " " * widths[0]
    parts = [cell.drawn(width, style) for cell, width in zip(others, widths[1:], strict=False)]
    yield (" " * gap).join((first, *parts)).rstrip()


def _row(status: DomainStatus, asked: Sequence[str], currencies: Sequence[str], *, compared: bool) -> Row:
    name = _Cell(at_line_start(safe(display_domain(status.domain))), left=True)
    figures = status.figures
    if figures is None:
        return (name, _Cell("NOT READ", ("bold", "red"), left=True))
    cells = [
        _count(figures.mailboxes),
        _Cell(disk_cell(figures.disk), _styles(figures.disk)),
        *(_count(use) for use in (figures.aliases, figures.domain_aliases, figures.eas, figures.mapi)),
    ]
    if currencies:
        cells.append(_Cell(_bill(figures, with_currency=len(currencies) > 1)))
    if asked:
        # A check that was not made for this domain is unknown, which is not the same as skipped.
        cells.append(_Cell("".join(PILLS[status.pills[c]] if c in status.pills else "?" for c in asked), pills=True))
    if compared:
        cells.append(_passwords(figures))
    return (name, *cells)


def _count(use: Use) -> _Cell:
    return _Cell(count_cell(use), _styles(use))


def _styles(use: Use) -> tuple[str, ...]:
    return ("bold", "red") if use.exceeded else ()


def _bill(figures: Figures, *, with_currency: bool) -> str:
    if figures.currency is None:
        return "-"
    amount = UNKNOWN if figures.monthly is None else format_money(figures.monthly)
    return f"{amount} {figures.currency}" if with_currency else amount


def _passwords(figures: Figures) -> _Cell:
    state = figures.passwords.state if figures.passwords else None
    text = _PASSWORDS[state] if state else "-"
    return _Cell(text, {"ok": ("green",), "!": ("yellow",), UNKNOWN: ("cyan",)}.get(text, ("dim",)), left=True)


def _notes(statuses: Sequence[DomainStatus], style: Style, width: int) -> Iterator[str]:
    """The problems: exceeded limits, different password policies, failed lookups and reads."""

    def note(text: str, *styles: str) -> Iterator[str]:
        return flow(words(safe(text), *styles), indent=0, hang=4, width=width, style=style)

    # These notes repeat cells of the table, because color alone is invisible in a log.
    over = [s.domain for s in statuses if s.figures and any(use.exceeded for use in _uses(s.figures))]
    if over:
        yield from note(f"! over a limit: {some(over)}", "bold", "red")
    for (server, product, differences), domains in policy_differences(statuses).items():
        rules = ", ".join(difference_words(d) for d in differences)
        text = f"! the password policy of {server} differs from product {product}: {rules}; in {some(domains)}"
        yield from note(text, "yellow")
    # One resolver serves many domains, so one problem gives one line.
    problems: dict[str, list[str]] = {}
    for status in statuses:
        if status.dns_problem:
            problems.setdefault(status.dns_problem, []).append(status.domain)
    for problem, domains in problems.items():
        yield from note(f"! no DNS checks for {some(domains)}: {problem}", "yellow")
    for status in statuses:
        for diagnostic in status.diagnostics:
            yield from diagnostic_lines(diagnostic, indent=0, width=width, style=style)


def _uses(figures: Figures) -> tuple[Use, ...]:
    return (
        figures.mailboxes,
        figures.disk,
        figures.aliases,
        figures.domain_aliases,
        figures.eas,
        figures.mapi,
    )


def _sum(statuses: Sequence[DomainStatus]) -> str:
    """`8 domains: 120 mailboxes, 33.1 GiB, 45.50 USD a month; 1 not read.`"""
    # Domains that were not read are counted, so that nobody takes the total as complete.
    read = known(statuses)
    boxes = sum(f.mailboxes.used or 0 for f in read)
    parts = [count(boxes, "mailbox", "mailboxes"), human_size(sum(f.disk.used or 0 for f in read))]
    for currency, (amount, unknown) in bill_totals(statuses).items():
        parts.append(f"{format_money(amount)} {currency} a month" + (f" ({unknown} unknown)" if unknown else ""))
    unread = len(statuses) - len(read)
    return f"{count(len(statuses), 'domain')}: {', '.join(parts)}" + (f"; {unread} not read" if unread else "") + "."
