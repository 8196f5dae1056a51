"""Answers of DNS and of web servers as values, and the two ports that look them up."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Literal, Protocol

Outcome = Literal["records", "nodata", "nxdomain", "temporary", "refused"]
"""nodata: the name exists without such records. temporary: no answer, SERVFAIL, or a lame or broken answer.

`temporary` and `refused` give no information about the published records: never treat them as a missing record.
"""

RecordType = Literal["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TLSA", "TXT"]


@dataclass(frozen=True, slots=True, order=True)
class Txt:
    """The character-strings of a TXT record (RFC 1035 section 3.3.14), decoded as UTF-8, or else as Latin-1."""

    strings: tuple[str, ...]

    @property
    def text(self) -> str:
        """The strings joined without separators, as SPF, DKIM and DMARC require."""
        return "".join(self.strings)


@dataclass(frozen=True, slots=True, order=True)
class Mx:
    """An MX record; `host` is empty for the root (`MX 0 .`, RFC 7505)."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True, order=True)
class Srv:
    """An SRV record (RFC 2782). An empty `target` is the root: the service is not offered."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The address of an A or AAAA record, in the shortest form."""

    text: str


@dataclass(frozen=True, slots=True, order=True)
class Host:
    """The name in a CNAME, NS or PTR record."""

    name: str


@dataclass(frozen=True, slots=True, order=True)
class Soa:
    """The serial number of the zone and its primary server, from a SOA record (RFC 1035 section 3.3.13)."""

    serial: int
    primary: str


@dataclass(frozen=True, slots=True, order=True)
class Tlsa:
    """A TLSA record (RFC 6698 section 2.1); `data` in lower-case hexadecimal."""

    usage: int
    selector: int
    matching: int
    data: str


Rdata = Txt | Mx | Srv | Address | Host | Soa | Tlsa


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one question.

    Attributes:
        name, rtype: the question; the name in lower case without the final dot.
        records: only with the outcome `records`; sorted, because servers rotate them.
        aliases: the CNAME targets that were followed, in order; the records (or their absence) belong to the last.
        text: for people, if the outcome is not `records`: the fault and the server that reported it.
        authenticated: whether the resolver reports that it validated the answer with DNSSEC (the AD bit, RFC 4035
            section 3.2.3); None if the resolver was not asked to, or without an answer.
        ttl: the seconds for which the records, or their absence, may be cached; None = unknown. A cache counts it
            down, so it is not compared: two answers with the same records are equal.
    """

    name: str
    rtype: RecordType
    outcome: Outcome
    records: tuple[Rdata, ...] = ()
    aliases: tuple[str, ...] = ()
    text: str = ""
    authenticated: bool | None = None
    ttl: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Sorts the records: an answer is a set."""
        # By type first, because values of two record types cannot be compared with each other.
        if len(self.records) > 1:
            object.__setattr__(self, "records", tuple(sorted(self.records, key=lambda r: (type(r).__name__, r))))

    @property
    def unknown(self) -> bool:
        """Whether the lookup failed: the records may or may not exist."""
        # A failed lookup is not void: to treat it as a missing record could replace a record that exists.
        return self.outcome in ("temporary", "refused")

    @property
    def void(self) -> bool:
        """Whether the records certainly do not exist."""
        return self.outcome in ("nodata", "nxdomain")

    def texts(self) -> tuple[str, ...]:
        """The joined texts of the TXT records."""
        return tuple(r.text for r in self.records if isinstance(r, Txt))

    def addresses(self) -> tuple[str, ...]:
        """The addresses of the A and AAAA records."""
        return tuple(r.text for r in self.records if isinstance(r, Address))


class Resolver(Protocol):
    """Looks up DNS records. Faults of DNS are never raised: they are part of the answer."""

    @property
    def servers(self) -> tuple[str, ...]:
        """The recursive servers, as `address:port`."""
        ...

    def lookup(self, name: str, rtype: RecordType) -> Awaitable[Answer]:
        """The answer for a full name (the final dot is optional, the root is empty). CNAMEs are followed."""
        ...

    def lookup_at(self, server: str, name: str, rtype: RecordType) -> Awaitable[Answer]:
        """The answer of one server to a direct query without recursion; `temporary` if it is not authoritative.

        Args:
            server: its IP address.
        """
        ...


PageOutcome = Literal["text", "status", "certificate", "unusable", "temporary"]
"""text: status 200 with a body. status: any other status; redirects are never followed. certificate: the server's
certificate is not valid for the name. unusable: the host does not exist, or its answer is too large or not HTTP.
temporary: no answer, no connection, or a server error; it gives no information about the published page.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The answer to one request.

    Attributes:
        status: the HTTP status; 0 without a response.
        content_type: in lower case, without its parameters.
        body: with the outcome `text`; untrusted text.
        text: for people, with any other outcome: the fault.
    """

    url: str
    outcome: PageOutcome
    status: int = 0
    content_type: str = ""
    body: str = ""
    text: str = ""


class Fetcher(Protocol):
    """Gets pages over HTTPS. Faults of the server are never raised: they are part of the page."""

    async def fetch(self, url: str) -> Page:
        """The page at a URL, which begins with `https://`."""
        ...
