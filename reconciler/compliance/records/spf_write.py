"""Builds SPF records to publish: a new record, or the existing records merged in order and with their qualifiers."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from reconciler.compliance.records.spf import Mechanism, Modifier, SpfRecord


@dataclass(frozen=True, slots=True)
class Merged:
    """A record's text, and the changes other than additions, as clauses of a message."""

    text: str
    notes: tuple[str, ...]


def compose_spf(terms: tuple[str, ...], ending: str = "~all") -> str:
    """The text of a record with some terms."""
    return " ".join(("v=spf1", *terms, ending) if ending else ("v=spf1", *terms))


def merge(owner: str, records: Sequence[SpfRecord], added: Sequence[Mechanism]) -> Merged:
    """One record that allows everything that the records at `owner` allow, and also `added`.

    It keeps order and qualifiers and omits duplicates. `notes` names every other term that is left out. Additions that
    the records do not contain come after their mechanisms.
    """
    merging = _Merging(owner, {mechanism.key(owner): mechanism for mechanism in added})
    for record in records:
        for term in record.effective:
            if term.name != "all":
                merging.take(term)
        merging.notes.extend(f"{fault.term[:60]} is left out: {fault.why}" for fault in record.faults)
        merging.notes.extend(
            f"{term.text} is left out: it comes after all and has no effect"
            if isinstance(term, Mechanism)
            else f"{term.text} is left out: it has no effect together with all"
            for term in record.ignored
            # An addition is not left out: it moves before all.
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
    """The mechanisms kept so far, by key."""

    owner: str
    added: dict[Hashable, Mechanism]
    kept: dict[Hashable, Mechanism] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def take(self, term: Mechanism) -> None:
        """Keeps a mechanism unless it is a duplicate. A mechanism that is also an addition gets a pass."""
        key = term.key(self.owner)
        known = self.kept.get(key)
        # Evaluation stops at the first match, so the first of two equal mechanisms decides.
        if known is not None:
            if known.qualifier != term.qualifier:
                self.notes.append(f"{term.text} is left out: {known.text} comes before it")
            return
        wanted = self.added.get(key)
        if wanted is not None and term.qualifier != "+":
            self.notes.append(f"{term.text} becomes {wanted.text}")
            term = wanted
        self.kept[key] = term


def _ending(records: Sequence[SpfRecord], merging: _Merging) -> tuple[str, ...]:
    """The `all` or the `redirect`. Next to an `all`, a redirect has no effect, so it becomes an include."""
    ends = {record.all.text.lower() for record in records if record.all}
    redirects = [record.redirect for record in records if record.redirect]
    if redirects and not ends and len({r.value.text.lower() for r in redirects}) == 1:
        return (redirects[0].text,)
    for redirect in redirects:
        include = Mechanism(name="include", domain=redirect.value, text=f"include:{redirect.value.text}")
        merging.notes.append(f"{redirect.text} becomes {include.text}, because a record can have only one redirect")
        merging.take(include)
    # A common and effective end is a decision of the owner. Anything else becomes ~all, the safe choice.
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
                notes.append(f"{term.text} is left out: the record already contains {kept[term.name].text}")
    return [term.text for term in kept.values()]
