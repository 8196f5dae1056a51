"""Reject requests of web pages: a page in a browser on this machine can send requests to loopback.

Such a request contains the page's host name (DNS rebinding: the name resolves to 127.0.0.1), or the header `Origin` or
`Sec-Fetch-Site`. Requests of programs contain neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether a host without port is the loopback interface."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def rejection_reason(headers: Mapping[bytes, str]) -> str:
    """Why a request may come from a web page; empty if it does not. Header names are in lower case."""
    host = host_of(f"//{headers.get(b'host', '')}")
    # A host name without a dot, such as a container's name `sandbox`, cannot be a web site.
    if "." in host.rstrip(".") and not is_loopback(host):
        return f"the request is for the host {host!r}; the sandbox answers only for this machine"
    origin = headers.get(b"origin", "")
    if origin and not is_loopback(host_of(origin)):
        return "web pages of another origin must not use the sandbox"
    if headers.get(b"sec-fetch-site", "") in ("cross-site", "same-site"):
        return "web pages of another site must not use the sandbox"
    return ""


def host_of(url: str) -> str:
    """The host of a URL without its port; empty if it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
