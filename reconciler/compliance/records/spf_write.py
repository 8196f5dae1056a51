"""SPF records to publish: a new one, or one made of what is there, in its order and with its qualifiers."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from reconciler.compliance.records.spf import Mechanism, Modifier, SpfRecord


@dataclass(frozen=True, slots=True)
class Merged:
    """A record's text, and what had to be changed beside adding to it, as clauses for people."""

    text: str
    notes: tuple[str, ...]


def compose_spf(terms: tuple[str, ...], ending: str = "~all") -> str:
    """A record of some terms."""
    return " ".join(("v=spf1", *terms, ending) if ending else ("v=spf1", *terms))


def merge(owner: str, records: Sequence[SpfRecord], added: Sequence[Mechanism]) -> Merged:
    """One record that allows what the records at `owner` allow, and `added` beside it.

    Order and qualifiers are kept, what is there twice stands once, and nothing else is left out in silence: `notes`
    names each term that is. What is added stands behind the mechanisms that are there, unless it is there already.
    """
    merging = _Merging(owner, {mechanism.key(owner): mechanism for mechanism in added})
    for record in records:
        for term in record.effective:
            if term.name != "all":
                merging.take(term)
        merging.notes.extend(f"{fault.term[:60]} is left out: {fault.why}" for fault in record.faults)
        merging.notes.extend(
            f"{term.text} is left out: it stands after all and has no effect"
            if isinstance(term, Mechanism)
            else f"{term.text} is left out: beside all it has no effect"
            for term in record.ignored
            # What is to be added comes back, before all.
            if not (isinstance(term, Mechanism) and term.qualifier == "+" and term.key(owner) in merging.added)
        )
    for mechanism in added:
        merging.kept.setdefault(mechanism.key(owner), mechanism)
    ending = _ending(records, merging)
    words = [term.text for term in merging.kept.values()]
    words.extend((*ending, *_other_modifiers(records, merging.notes)))
    return Merged(compose_spf(tuple(words), ending=""), tuple(merging.notes))


@dataclass(slots=True)
class _Merging:
    """The mechanisms taken over so far, by what they match."""

    owner: str
    added: dict[Hashable, Mechanism]
    kept: dict[Hashable, Mechanism] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def take(self, term: Mechanism) -> None:
        """Takes a mechanism over: once, and with the qualifier of what is to be added where it is that."""
        key = term.key(self.owner)
        known = self.kept.get(key)
        if known is not None:
            if known.qualifier != term.qualifier:
                self.notes.append(f"{term.text} is left out: {known.text} stands before it")
            return
        wanted = self.added.get(key)
        if wanted is not None and term.qualifier != "+":
            self.notes.append(f"{term.text} becomes {wanted.text}")
            term = wanted
        self.kept[key] = term


def _ending(records: Sequence[SpfRecord], merging: _Merging) -> tuple[str, ...]:
    """The `all` or the `redirect`. Redirects beside an `all` would be dead, so they are taken over as includes."""
    ends = {record.all.text.lower() for record in records if record.all}
    redirects = [record.redirect for record in records if record.redirect]
    if redirects and not ends and len({r.value.text.lower() for r in redirects}) == 1:
        return (redirects[0].text,)
    for redirect in redirects:
        include = Mechanism(name="include", domain=redirect.value, text=f"include:{redirect.value.text}")
        merging.notes.append(f"{redirect.text} becomes {include.text}, because only one record can be redirected to")
        merging.take(include)
    if len(ends) == 1 and (end := next(iter(ends))) in ("~all", "-all"):
        return (end,)
    if ends:
        merging.notes.append(f"{' and '.join(sorted(ends))} becomes ~all")
    return ("~all",)


def _other_modifiers(records: Sequence[SpfRecord], notes: list[str]) -> list[str]:
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
