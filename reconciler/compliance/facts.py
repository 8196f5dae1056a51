"""Facts: the answers from DNS, and with `--https` from web servers, about one domain."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.core.lookups import Answer, Page, RecordType

Question = tuple[str, RecordType]
"""A question for the resolver: a full name in lower case without the final dot, and a type."""


@dataclass(frozen=True, slots=True, order=True)
class Direct:
    """A question for one authoritative server, named by its IP address."""

    server: str
    name: str
    rtype: RecordType


@dataclass(frozen=True, slots=True, order=True)
class Fetch:
    """A page to fetch over HTTPS."""

    url: str


Wanted = Question | Direct | Fetch
"""Everything that a check can ask for."""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """The known addresses of a host.

    Attributes:
        addresses: from all answers so far.
        aliases: the CNAME targets that lead to them, in order.
        unknown: the failed lookups.
    """

    addresses: frozenset[str]
    aliases: tuple[str, ...]
    unknown: tuple[Answer, ...]

    @property
    def no_address(self) -> bool:
        """Whether it is certain that the host has no address."""
        return not self.addresses and not self.unknown


@dataclass(frozen=True, slots=True)
class Facts:
    """Answers by question.

    Attributes:
        answers: from the resolver.
        direct: from authoritative servers.
        pages: from web servers; None = fetching is off (no `--https`).
    """

    answers: Mapping[Question, Answer]
    direct: Mapping[Direct, Answer] = field(default_factory=dict)
    pages: Mapping[Fetch, Page] | None = None

    def known(self, name: str, rtype: RecordType) -> Answer | None:
        """The answer, or None if the question has not been asked."""
        return self.answers.get((name, rtype))

    def answer(self, name: str, rtype: RecordType) -> Answer:
        """The answer to a question of this check. A KeyError is a bug in the check's `questions`."""
        return self.answers[name, rtype]

    def from_server(self, server: str, name: str, rtype: RecordType) -> Answer | None:
        """The answer of an authoritative server, or None if the server has not been asked."""
        return self.direct.get(Direct(server, name, rtype))

    def page(self, url: str) -> Page | None:
        """The page, or None if it has not been fetched."""
        return (self.pages or {}).get(Fetch(url))

    def has(self, wanted: Wanted) -> bool:
        """Whether the answer is here."""
        match wanted:
            case Direct():
                return wanted in self.direct
            case Fetch():
                return self.pages is not None and wanted in self.pages
            case _:
                return wanted in self.answers

    def host_questions(self, host: str, *, every: bool = False) -> list[Question]:
        """The questions about a host's addresses: AAAA only if there is no A record, or if `every` address matters."""
        first = self.known(host, "A")
        if first is None:
            return [(host, "A")]
        # Most hosts have an A record. One question less per host halves the load on the resolver.
        more = first.outcome == "nodata" or (every and first.outcome == "records")
        return [(host, "A"), (host, "AAAA")] if more else [(host, "A")]

    def host(self, host: str) -> HostFacts:
        """The addresses of a host, from the answers to `host_questions`."""
        answers = [a for a in (self.known(host, "A"), self.known(host, "AAAA")) if a is not None]
        return HostFacts(
            addresses=frozenset(address for a in answers for address in a.addresses()),
            # A and AAAA follow the same CNAMEs. A failed lookup has none, so take the longest chain.
            aliases=max((a.aliases for a in answers), key=len, default=()),
            unknown=tuple(a for a in answers if a.unknown),
        )
