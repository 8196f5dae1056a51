"""Records and texts of strangers as a page shows them: visible, and of bounded length."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciler.core.findings import Record
from reconciler.output.records_zone import host_in, zone_line
from reconciler.output.report.words import MAX_FOUND
from reconciler.output.terminal import visible

SHORT = 280
"""Characters of a text that are shown at once; the rest is folded."""
WHOLE = 2_048
"""The same for what is to be published: a DKIM key should be seen whole."""
LONG = 8_192
"""Characters that are in the page at all."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A stranger's text, safe to show.

    Attributes:
        short: its beginning, or all of it.
        long: more of it, where it is folded; else empty.
        size: how many characters it has in truth.
        cut: whether `long` is not all of it either.
    """

    short: str
    long: str
    size: int
    cut: bool


def shown(text: str, most: int = SHORT) -> Shown:
    """A text of any length and content; what is longer than `most` characters is folded."""
    if len(text) <= most:
        return Shown(visible(text), "", len(text), False)
    return Shown(visible(text[: SHORT - 40]) + "…", visible(text[:LONG]), len(text), len(text) > LONG)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """A record found or expected."""

    name: str
    type: str
    value: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishView:
    """A record to publish, in its three forms.

    Attributes:
        host: relative to the domain's zone.
        copies: what is copied is what is shown: of a value with invisible characters there is only the zone line,
            in which they are written as numbers.
    """

    host: str
    name: str
    type: str
    ttl: int | None
    value: Shown
    exact: str
    line: Shown
    exact_line: str
    copies: bool


def record_views(records: Sequence[Record]) -> tuple[RecordView, ...]:
    """The first records; `MAX_FOUND` of them."""
    return tuple(
        RecordView(name=visible(r.name), type=visible(r.type), value=shown(r.value)) for r in records[:MAX_FOUND]
    )


def publish_views(records: Iterable[Record], domain: str) -> tuple[PublishView, ...]:
    """All of them."""
    return tuple(
        PublishView(
            host=host_in(r, domain),
            name=r.name,
            type=r.type,
            ttl=r.ttl,
            value=shown(r.value, WHOLE),
            exact=r.value,
            line=shown(zone_line(r), WHOLE),
            exact_line=zone_line(r),
            copies=visible(r.value) == r.value,
        )
        for r in records
    )
