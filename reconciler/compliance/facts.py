"""Facts: the answers that DNS gave for one domain."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.dns import Answer, RecordType

Question = tuple[str, RecordType]
"""A full name in lower case without the final dot, and a type."""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What is known of a host's addresses.

    Attributes:
        addresses: all that were asked for.
        aliases: the CNAMEs in front of them.
        unknown: the questions that got no answer.
    """

    addresses: frozenset[str]
    aliases: tuple[str, ...]
    unknown: tuple[Answer, ...]

    @property
    def nowhere(self) -> bool:
        """It certainly has no address."""
        return not self.addresses and not self.unknown


@dataclass(frozen=True, slots=True)
class Facts:
    """Answers by question."""

    answers: Mapping[Question, Answer]

    def known(self, name: str, rtype: RecordType) -> Answer | None:
        """The answer, or None where the question was not asked (yet)."""
        return self.answers.get((name, rtype))

    def answer(self, name: str, rtype: RecordType) -> Answer:
        """The answer to a question that the check asked; a KeyError is a bug in the check's `questions`."""
        return self.answers[name, rtype]

    def host_questions(self, host: str, *, every: bool = False) -> list[Question]:
        """What to ask about a host's addresses: AAAA only where A has none, or where `every` address matters."""
        first = self.known(host, "A")
        if first is None:
            return [(host, "A")]
        more = first.outcome == "nodata" or (every and first.outcome == "records")
        return [(host, "A"), (host, "AAAA")] if more else [(host, "A")]

    def host(self, host: str) -> HostFacts:
        """The addresses of a host about which `host_questions` were asked."""
        answers = [a for a in (self.known(host, "A"), self.known(host, "AAAA")) if a is not None]
        return HostFacts(
            addresses=frozenset(address for a in answers for address in a.addresses()),
            aliases=max((a.aliases for a in answers), key=len, default=()),
            unknown=tuple(a for a in answers if a.unknown),
        )
