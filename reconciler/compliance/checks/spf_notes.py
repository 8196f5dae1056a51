"""What an SPF record is worth by itself, whoever sends: rows 14 to 16 and 18 to 21."""

from collections.abc import Sequence

from reconciler.compliance.facts import Facts
from reconciler.compliance.records.spf import MAX_LOOKUPS, MAX_VOID, SpfRecord
from reconciler.compliance.records.spf_tree import Tree
from reconciler.compliance.verdict import Note, remark
from reconciler.core.lookups import Answer, RecordType

_LONG = 512
"""Bytes beyond which an answer may not fit into one datagram (RFC 7208 section 3.4)."""
BESIDE: tuple[RecordType, ...] = ("MX", "NS")
"""Types that tell whether there is anything beside a CNAME."""


def limit_notes(tree: Tree) -> list[Note]:
    """Rows 14 and 15."""
    notes: list[Note] = []
    if tree.lookups > MAX_LOOKUPS:
        text = f"It needs {tree.lookups} or more DNS lookups; {MAX_LOOKUPS} are allowed (section 4.6.4)."
        notes.append(Note("fail", "SPF_LOOKUPS", "The SPF record needs too many lookups", text))
    elif tree.lookups >= MAX_LOOKUPS - 1:
        text = f"It needs {tree.lookups} DNS lookups, {MAX_LOOKUPS} are allowed: the next change may break it."
        notes.append(Note("warn", "SPF_LOOKUPS_NEAR", "The SPF record is near the lookup limit", text))
    if len(tree.voids) > MAX_VOID:
        text = f"{len(tree.voids)} of its lookups find nothing ({listed(tree.voids)}); {MAX_VOID} are allowed."
        notes.append(Note("fail", "SPF_VOID_LOOKUPS", "Too many SPF lookups find nothing", text))
    return notes


def style(record: SpfRecord, tree: Tree) -> list[Note]:
    """Rows 18 to 20: what works, but badly."""
    notes = _ending(record, tree)
    if record.ignored:
        text = f"Without effect beside all: {listed(tuple(term.text for term in record.ignored))}."
        notes.append(Note("warn", "SPF_IGNORED", "Some SPF terms have no effect", text))
    if any(term.name == "ptr" for term in record.effective):
        text = (
            "ptr should not be used (section 5.5): it is slow, many receivers skip it, and of an address's reverse "
            "names only the first ten count."
        )
        notes.append(Note("warn", "SPF_PTR", "The SPF record uses ptr", text))
    using = tree.having("ptr")
    if using:
        text = f"ptr, which should not be used (section 5.5), stands in the record of {listed(using)}."
        notes.append(remark(text, "SPF_PTR_INCLUDED"))
    size = len(record.text.encode())
    if size > _LONG:
        text = f"It has {size} bytes; beyond {_LONG} some resolvers lose the answer (section 3.4)."
        notes.append(Note("warn", "SPF_LONG", "The SPF record is very long", text))
    return notes


def surroundings(domain: str, answer: Answer, facts: Facts) -> list[Note]:
    """What else is at the name: Sender ID (row 19), a CNAME (row 21).

    Records of type 99 (section 3.1) are not asked for: they were given up, and no receiver looks at them.
    """
    notes: list[Note] = []
    if any(text.lower().startswith("spf2.0") for text in answer.texts()):
        text = "A TXT record begins with spf2.0: Sender ID, which is not used any more. Delete it."
        notes.append(Note("warn", "SPF_SENDER_ID", "There is a record of Sender ID", text))
    if not answer.aliases:
        return notes
    target = answer.aliases[0]
    beside = [rtype for rtype in BESIDE if _stands_beside(facts.known(domain, rtype))]
    if beside:
        text = (
            f"{domain} is a CNAME of {target} and has {' and '.join(beside)} records beside it, which is not allowed: "
            "resolvers may answer either (RFC 1034 section 3.6.2)."
        )
        notes.append(Note("fail", "SPF_ALIAS_AND_DATA", "The domain is a CNAME and has other records", text))
    else:
        text = f"{domain} is a CNAME of {target}: what is found is its TXT, and nothing can be published at {domain}."
        notes.append(Note("warn", "SPF_ALIAS", "The domain is a CNAME", text))
    return notes


def listed(names: Sequence[str]) -> str:
    """The first five, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _ending(record: SpfRecord, tree: Tree) -> list[Note]:
    """Row 18."""
    everybody, terminal = tree.for_everybody, tree.terminal
    if everybody is not None:
        text = f"{everybody} allows everybody to send in the domain's name."
        return [Note("fail", "SPF_ALL_PASS", "The SPF record allows everybody", text)]
    if terminal is None:
        if record.redirect is not None:
            return []
        text = "Without all at its end it says nothing about other senders."
        return [Note("warn", "SPF_NO_ALL", "The SPF record has no end", text)]
    if terminal.qualifier == "?":
        text = "?all says nothing about other senders; use ~all."
        return [Note("warn", "SPF_ALL_NEUTRAL", "The SPF record says nothing about others", text)]
    if terminal.qualifier == "-":
        text = "-all may have mail rejected before DKIM and DMARC are looked at (RFC 9989 section 7.1); ~all does not."
        return [remark(text, "SPF_ALL_FAIL")]
    return []


def _stands_beside(answer: Answer | None) -> bool:
    return answer is not None and bool(answer.records) and not answer.aliases
