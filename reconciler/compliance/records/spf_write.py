"""SPF records to publish: a new one, or one made of what is there, in its order and with its qualifiers."""

from collections.abc import Hashable
from dataclasses import dataclass

from reconciler.compliance.records.spf import Mechanism, Modifier, SpfRecord


@dataclass(frozen=True, slots=True)
class Merged:
    """A record's text, and what had to be changed beside adding to it, as clauses for people."""

    text: str
    notes: tuple[str, ...]


def compose(terms: tuple[str, ...], ending: str = "~all") -> str:
    """A record of some terms."""
    return " ".join(("v=spf1", *terms, ending) if ending else ("v=spf1", *terms))


def merge(owner: str, records: tuple[SpfRecord, ...], primary: Mechanism | None) -> Merged:
    """One record that allows what the records at `owner` allow, and `primary`.

    Order and qualifiers are kept and nothing is left out in silence: `notes` names each term that is.
    """
    notes: list[str] = []
    mechanisms: list[tuple[Hashable, str]] = []
    added = False
    for record in records:
        for term in record.effective:
            key = term.key(owner)
            if term.name == "all" or any(key == known for known, _ in mechanisms):
                continue
            if primary is not None and key == primary.key(owner):
                added = True
                if term.qualifier != "+":
                    notes.append(f"{term.text} becomes {primary.text}")
                    mechanisms.append((key, primary.text))
                    continue
            mechanisms.append((key, term.text))
        notes.extend(f"{fault.term[:60]} is left out: {fault.why}" for fault in record.faults)
        notes.extend(f"{term.text} is left out: it stands after all and has no effect" for term in record.ignored)
    if primary is not None and not added:
        mechanisms.append((primary.key(owner), primary.text))
    words = [text for _, text in mechanisms]
    words.extend(_ending(records, words, notes))
    words.extend(_other_modifiers(records, notes))
    return Merged(compose(tuple(words), ending=""), tuple(notes))


def _ending(records: tuple[SpfRecord, ...], words: list[str], notes: list[str]) -> tuple[str, ...]:
    """The `all` or the `redirect`. Redirects beside an `all` would be dead, so they go into `words` as includes."""
    ends = {record.all.text.lower() for record in records if record.all}
    redirects = [record.redirect for record in records if record.redirect]
    if redirects and not ends and len({r.value.text.lower() for r in redirects}) == 1:
        return (redirects[0].text,)
    for redirect in redirects:
        include = f"include:{redirect.value.text}"
        notes.append(f"{redirect.text} becomes {include}, because only one record can be redirected to")
        if include not in words:
            words.append(include)
    if len(ends) == 1 and (end := next(iter(ends))) in ("~all", "-all"):
        return (end,)
    if ends:
        notes.append(f"{' and '.join(sorted(ends))} becomes ~all")
    return ("~all",)


def _other_modifiers(records: tuple[SpfRecord, ...], notes: list[str]) -> list[str]:
    kept: dict[str, Modifier] = {}
    for record in records:
        for term in record.terms:
            if not isinstance(term, Modifier) or term.name == "redirect":
                continue
            if term.name not in kept:
                kept[term.name] = term
            elif kept[term.name] != term:
                notes.append(f"{term.text} is left out: {kept[term.name].text} stands there already")
    return [term.text for term in kept.values()]
