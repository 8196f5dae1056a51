"""What a web server answered over HTTPS, as a value; and the port through which it is asked."""

from dataclasses import dataclass
from typing import Literal, Protocol

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
