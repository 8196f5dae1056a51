"""Notes of check `spf` about the record itself, independent of the sender: rows 14 to 16 and 18 to 21."""

from collections.abc import Sequence

from reconciler.compliance.facts import Facts
from reconciler.compliance.records.spf import MAX_LOOKUPS, MAX_VOID, SpfRecord
from reconciler.compliance.records.spf_tree import Tree
from reconciler.compliance.verdict import Note, info_note
from reconciler.core.lookups import Answer, RecordType

_LONG = 512
"""Bytes beyond which an answer may not fit into one datagram (RFC 7208 section 3.4)."""
OTHER_TYPES: tuple[RecordType, ...] = ("MX", "NS")
"""Types that show whether a name with a CNAME also has other records."""


def limit_notes(tree: Tree) -> list[Note]:
    """Rows 14 and 15."""
    notes: list[Note] = []
    # The count is a lower bound, because the walk asks nothing beyond the limit.
    if tree.lookups > MAX_LOOKUPS:
        text = f"The SPF record needs at least {tree.lookups} DNS lookups; the limit is {MAX_LOOKUPS} (section 4.6.4)."
        notes.append(Note("fail", "SPF_LOOKUPS", "The SPF record needs too many lookups", text))
    elif tree.lookups >= MAX_LOOKUPS - 1:
        text = (
            f"The SPF record needs {tree.lookups} of at most {MAX_LOOKUPS} DNS lookups. The next may exceed the limit."
        )
        notes.append(Note("warn", "SPF_LOOKUPS_NEAR", "The SPF record is near the lookup limit", text))
    # Included records of other organizations may lose a name at any time, so the note lists the names.
    if len(tree.voids) > MAX_VOID:
        text = f"{len(tree.voids)} of its lookups return no record ({listed(tree.voids)}); the limit is {MAX_VOID}."
        notes.append(Note("fail", "SPF_VOID_LOOKUPS", "Too many SPF lookups return no record", text))
    return notes


def style(record: SpfRecord, tree: Tree) -> list[Note]:
    """Rows 18 to 20: valid, but not recommended."""
    notes = _ending(record, tree)
    if record.ignored:
        text = f"Terms without effect because of all: {listed(tuple(term.text for term in record.ignored))}."
        notes.append(Note("warn", "SPF_IGNORED", "Some SPF terms have no effect", text))
    # Only the owner of a record can replace its ptr, so the same term in an included record is information.
    if any(term.name == "ptr" for term in record.effective):
        text = (
            "Do not use ptr (section 5.5): it is slow, many receivers skip it, and only the first ten reverse names of "
            "an address count."
        )
        notes.append(Note("warn", "SPF_PTR", "The SPF record uses ptr", text))
    using = tree.domains_using("ptr")
    if using:
        text = f"The included record of {listed(using)} uses ptr, which is not recommended (section 5.5)."
        notes.append(info_note(text, "SPF_PTR_INCLUDED"))
    size = len(record.text.encode())
    if size > _LONG:
        text = f"The SPF record has {size} bytes. Above {_LONG} bytes, some resolvers lose the answer (section 3.4)."
        notes.append(Note("warn", "SPF_LONG", "The SPF record is very long", text))
    return notes


def surroundings(domain: str, answer: Answer, facts: Facts) -> list[Note]:
    """Other records at the name: Sender ID (row 19), a CNAME (row 21).

    There is no lookup of type 99: RFC 7208 section 3.1 dropped it, and no receiver uses it.
    """
    notes: list[Note] = []
    if any(text.lower().startswith("spf2.0") for text in answer.texts()):
        text = "A TXT record begins with spf2.0 (Sender ID), which receivers no longer use. Delete it."
        notes.append(Note("warn", "SPF_SENDER_ID", "Obsolete Sender ID record", text))
    if not answer.aliases:
        return notes
    target = answer.aliases[0]
    # DNS servers refuse such a zone, but some hosting panels create it anyway.
    others = [rtype for rtype in OTHER_TYPES if _has_records(facts.known(domain, rtype))]
    if others:
        text = (
            f"{domain} is a CNAME for {target} and also has {' and '.join(others)} records. That is not allowed, and "
            "resolvers may return either (RFC 1034 section 3.6.2)."
        )
        notes.append(Note("fail", "SPF_ALIAS_AND_DATA", "The domain has a CNAME and other records", text))
    else:
        text = f"{domain} is a CNAME for {target}, so receivers use the TXT records of {target}."
        notes.append(Note("warn", "SPF_ALIAS", "The domain is a CNAME", text))
    return notes


def listed(names: Sequence[str]) -> str:
    """The first five names, and the number of the others."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _ending(record: SpfRecord, tree: Tree) -> list[Note]:
    """Row 18."""
    everybody, terminal = tree.for_everybody, tree.terminal
    # This can also be a network with prefix length 0 or an include that allows everybody, not only +all.
    if everybody is not None:
        text = f"{everybody} allows every server to send for the domain."
        return [Note("fail", "SPF_ALL_PASS", "The SPF record allows every sender", text)]
    if terminal is None:
        # A redirect takes the place of all. The target decides about other senders.
        if record.redirect is not None:
            return []
        text = "The SPF record has no all at its end, so it does not cover other senders."
        return [Note("warn", "SPF_NO_ALL", "The SPF record has no all", text)]
    if terminal.qualifier == "?":
        text = "?all has no effect on other senders. Use ~all."
        return [Note("warn", "SPF_ALL_NEUTRAL", "The SPF record is neutral to other senders", text)]
    if terminal.qualifier == "-":
        text = "With -all, receivers may reject mail before they evaluate DMARC (RFC 9989 section 7.1). Prefer ~all."
        return [info_note(text, "SPF_ALL_FAIL")]
    return []


def _has_records(answer: Answer | None) -> bool:
    return answer is not None and bool(answer.records) and not answer.aliases
