"""Keeps web pages of others out: a page in a browser on this machine can send requests to loopback too.

Such a request either names the page's own host (DNS rebinding: its name has just been pointed at 127.0.0.1), or says
in `Origin` or `Sec-Fetch-Site` where it comes from. Programs send neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether a host, without its port, is this machine and nothing else."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def refusal(headers: Mapping[bytes, str]) -> str:
    """Why a request is a web page's of somebody else; empty where it is not. Header names are in lower case."""
    host = host_of(f"//{headers.get(b'host', '')}")
    # A name without a dot (a container's, `sandbox`) is nobody's on the web.
    if "." in host.rstrip(".") and not is_loopback(host):
        return f"the request is for the host {host!r}: the sandbox answers for this machine only"
    origin = headers.get(b"origin", "")
    if origin and not is_loopback(host_of(origin)):
        return "a web page of another origin may not use the sandbox"
    if headers.get(b"sec-fetch-site", "") in ("cross-site", "same-site"):
        return "a web page of another site may not use the sandbox"
    return ""


def host_of(url: str) -> str:
    """The host in an address, without its port; empty where it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
