"""Records and untrusted texts for a page: invisible characters made visible, length bounded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciler.core.findings import Record
from reconciler.output.records_zone import host_in, zone_line
from reconciler.output.report.words import MAX_FOUND
from reconciler.output.terminal import visible

SHORT = 280
"""The length of a text that is not folded, in characters."""
COMPLETE = 2_048
"""The same for a record to publish: a reader should see a complete DKIM key."""
LONG = 8_192
"""The length at which the page truncates a text, in characters."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An untrusted text, safe to show.

    Attributes:
        short: its beginning, or the complete text.
        long: the folded text; empty if `short` is complete.
        size: the length of the original, in characters.
        cut: whether `long` is truncated too.
    """

    short: str
    long: str
    size: int
    cut: bool


def shown(text: str, most: int = SHORT) -> Shown:
    """A text of any length and content. A text of more than `most` characters is folded."""
    if len(text) <= most:
        return Shown(visible(text), "", len(text), False)
    # The text is cut before it is made visible, so that the program never processes a very long untrusted text.
    return Shown(visible(text[: SHORT - 40]) + "…", visible(text[:LONG]), len(text), len(text) > LONG)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """A record found or expected."""

    name: str
    type: str
    value: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishView:
    """A record to publish, in three forms.

    Attributes:
        host: relative to the domain's zone.
        copies: whether the value has a copy button. A value with invisible characters has none, because a reader
            would copy something else than the page shows; its zone line spells them as numbers.
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
    """The first `MAX_FOUND` records."""
    return tuple(
        RecordView(name=visible(r.name), type=visible(r.type), value=shown(r.value)) for r in records[:MAX_FOUND]
    )


def publish_views(records: Iterable[Record], domain: str) -> tuple[PublishView, ...]:
    """All records to publish."""
    return tuple(
        PublishView(
            host=host_in(r, domain),
            name=r.name,
            type=r.type,
            ttl=r.ttl,
            value=shown(r.value, COMPLETE),
            # The copy buttons use the exact value. The displayed one may be folded or contain escapes.
            exact=r.value,
            line=shown(zone_line(r), COMPLETE),
            exact_line=zone_line(r),
            copies=visible(r.value) == r.value,
        )
        for r in records
    )
