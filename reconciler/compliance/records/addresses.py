"""IP addresses and domain names: which are public, and which can be looked up."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)
"""RFC 1918, RFC 6890: private, shared, loopback, link-local, unspecified, multicast, reserved. Python's `is_private`
also covers addresses for documentation (RFC 5737). They are missing here, because examples and tests use them."""


def is_public(text: str) -> bool:
    """Whether an address is reachable from the Internet. An IPv4-mapped IPv6 address counts as IPv4."""
    address: IPv4Address | IPv6Address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return not any(address in network for network in _NOT_PUBLIC)


@lru_cache(maxsize=4096)
def is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def reverse_name(text: str) -> str:
    """The name of an address's PTR record (RFC 1035 section 3.5, RFC 3596 section 2.5)."""
    return ip_address(text).reverse_pointer


MAX_NAME = 253
"""Limit of characters of a domain name without its final dot (RFC 1035 section 2.3.4)."""


def is_name(name: str) -> bool:
    """Whether a name has at least two labels, none of them empty or too long (RFC 7208 section 4.3)."""
    return "." in name and is_askable(name)


def is_askable(name: str) -> bool:
    """Whether DNS can look up a name: 1 to 63 bytes per label, 253 in total (RFC 1035 section 2.3.4)."""
    return len(name) <= MAX_NAME and all(0 < len(label.encode()) <= 63 for label in name.split("."))


def is_under(name: str, domain: str) -> bool:
    """Whether a name is the domain or a name below it."""
    return name == domain or name.endswith(f".{domain}")
