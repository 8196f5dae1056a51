"""What DNS answered, as values; and the port through which it is asked."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Literal, Protocol

Outcome = Literal["records", "nodata", "nxdomain", "temporary", "refused"]
"""nodata: the name exists without such records. temporary: no answer, SERVFAIL, a lame or broken answer.

`temporary` and `refused` say nothing about what is published: never conclude that something is missing from them.
"""

RecordType = Literal["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TLSA", "TXT"]


@dataclass(frozen=True, slots=True, order=True)
class Txt:
    """A TXT record's character-strings (RFC 1035 section 3.3.14), decoded: UTF-8, or Latin-1 where it is not that."""

    strings: tuple[str, ...]

    @property
    def text(self) -> str:
        """The strings joined without anything between, as SPF, DKIM and DMARC want it."""
        return "".join(self.strings)


@dataclass(frozen=True, slots=True, order=True)
class Mx:
    """An MX record; `host` is empty for the root (`MX 0 .`, RFC 7505)."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True, order=True)
class Srv:
    """An SRV record (RFC 2782); `target` is empty for the root: the service is not offered."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An A or AAAA record's address, in the shortest form."""

    text: str


@dataclass(frozen=True, slots=True, order=True)
class Host:
    """The name in a CNAME, NS or PTR record."""

    name: str


@dataclass(frozen=True, slots=True, order=True)
class Soa:
    """Of a SOA record, the version of the zone (RFC 1035 section 3.3.13) and the server it comes from."""

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
        aliases: the CNAME targets that were followed, in order; the last is where the records are (or are not).
        text: for people, where the outcome is not `records`: what happened, and which server said so.
        authenticated: whether the resolver says that it validated the answer with DNSSEC (the AD bit, RFC 4035
            section 3.2.3); None where it was not asked, or there is no answer.
        ttl: seconds that the records, or their absence, may be remembered; None where not known. Through a cache it
            counts down, so that answers are the same whatever it is.
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
        if len(self.records) > 1:
            object.__setattr__(self, "records", tuple(sorted(self.records, key=lambda r: (type(r).__name__, r))))

    @property
    def unknown(self) -> bool:
        """Nothing is known: neither that there is something nor that there is nothing."""
        return self.outcome in ("temporary", "refused")

    @property
    def void(self) -> bool:
        """There is certainly nothing."""
        return self.outcome in ("nodata", "nxdomain")

    def texts(self) -> tuple[str, ...]:
        """Of TXT records, the joined texts."""
        return tuple(r.text for r in self.records if isinstance(r, Txt))

    def addresses(self) -> tuple[str, ...]:
        """Of A and AAAA records, the addresses."""
        return tuple(r.text for r in self.records if isinstance(r, Address))


class Resolver(Protocol):
    """Asks DNS. Never raises for what DNS says or fails to say: that is in the answer."""

    @property
    def servers(self) -> tuple[str, ...]:
        """Who is asked: `address:port`."""
        ...

    def lookup(self, name: str, rtype: RecordType) -> Awaitable[Answer]:
        """The answer for a full name (a final dot is optional, the root is empty); CNAMEs are followed."""
        ...

    def lookup_at(self, server: str, name: str, rtype: RecordType) -> Awaitable[Answer]:
        """What one authoritative server says, asked directly and without recursion; temporary where it is not one.

        Args:
            server: its IP address.
        """
        ...


# What a web server answered over HTTPS, as a value; and the port through which it is asked.


PageOutcome = Literal["text", "status", "certificate", "unusable", "temporary"]
"""text: status 200 with a body. status: another status, also a redirect, which is never followed. certificate: the
server's certificate is not valid for the name. unusable: there is no such host, or it answered with too much or not in
HTTP. temporary: no answer, no connection, a server in trouble: that says nothing about what is published.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The answer to one request.

    Attributes:
        status: of HTTP; 0 where it did not come to one.
        content_type: in lower case, without its parameters.
        body: with the outcome `text`; hostile text.
        text: for people, with any other outcome: what happened.
    """

    url: str
    outcome: PageOutcome
    status: int = 0
    content_type: str = ""
    body: str = ""
    text: str = ""


class Fetcher(Protocol):
    """Gets pages over HTTPS. Never raises for what a server does or fails to do: that is in the page."""

    async def fetch(self, url: str) -> Page:
        """The page at a URL that begins with `https://`."""
        ...
