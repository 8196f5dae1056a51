"""Facts: the answers that DNS, and where it may be asked the web, gave for one domain."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.core.lookups import Answer, Page, RecordType

Question = tuple[str, RecordType]
"""A full name in lower case without the final dot, and a type; for the resolver."""


@dataclass(frozen=True, slots=True, order=True)
class Direct:
    """A question for one authoritative server, by its IP address."""

    server: str
    name: str
    rtype: RecordType


@dataclass(frozen=True, slots=True, order=True)
class Fetch:
    """A page that is wanted over HTTPS."""

    url: str


Wanted = Question | Direct | Fetch
"""All that a check may ask for."""


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
    """Answers by question.

    Attributes:
        answers: of the resolver.
        direct: of authoritative servers.
        pages: from the web; None = it may not be asked (`--https` was not given).
    """

    answers: Mapping[Question, Answer]
    direct: Mapping[Direct, Answer] = field(default_factory=dict)
    pages: Mapping[Fetch, Page] | None = None

    def known(self, name: str, rtype: RecordType) -> Answer | None:
        """The answer, or None where the question was not asked (yet)."""
        return self.answers.get((name, rtype))

    def answer(self, name: str, rtype: RecordType) -> Answer:
        """The answer to a question that the check asked; a KeyError is a bug in the check's `questions`."""
        return self.answers[name, rtype]

    def told(self, server: str, name: str, rtype: RecordType) -> Answer | None:
        """What an authoritative server says, or None where it was not asked (yet)."""
        return self.direct.get(Direct(server, name, rtype))

    def page(self, url: str) -> Page | None:
        """The page, or None where it was not fetched (yet, or at all)."""
        return (self.pages or {}).get(Fetch(url))

    def has(self, wanted: Wanted) -> bool:
        """Whether this was asked."""
        match wanted:
            case Direct():
                return wanted in self.direct
            case Fetch():
                return self.pages is not None and wanted in self.pages
            case _:
                return wanted in self.answers

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
