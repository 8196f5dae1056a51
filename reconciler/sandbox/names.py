"""Names as they are stored: lower case, domains as A-labels (API reference section 10 no. 12, section 11)."""

from __future__ import annotations

import re

import idna

from reconciler.sandbox.envelope import Refusal

# RFC 5322 atext, and ":": the server's own set is not known (section 5.10), so the generous one is taken.
LOCAL_PART = re.compile(r"[a-z0-9!#$%&'*+/:=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/:=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

INVALID_NAME = "USER_ADD_ERROR_INVALID_NAME"
INVALID_DOMAIN = "DOMAIN_ADD_ERROR_INVALID_NAME"


def domain_name(text: str) -> str:
    """The stored form of a domain's name: lower case, A-labels, no final dot.

    Raises Refusal DOMAIN_ADD_ERROR_INVALID_NAME when it is none.
    """
    name = text.strip().rstrip(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError:
            raise Refusal(INVALID_DOMAIN) from None
    if not _DOMAIN.fullmatch(name):
        raise Refusal(INVALID_DOMAIN)
    return name


def unicode_domain(name: str) -> str:
    """The U-label form of a stored domain name, or the name itself where it has none."""
    try:
        return idna.decode(name)
    except idna.IDNAError:
        return name


def is_domain(text: str, domain: str) -> bool:
    """Whether `text` is the stored name `domain` in any spelling: letter case, U-labels, a final dot."""
    if text.strip().lower() == domain:
        return True
    try:
        return domain_name(text) == domain
    except Refusal:
        return False


def bare_name(text: str, domain: str) -> str:
    """A name in lower case, without the domain where it came as an address in `domain`; another domain stays."""
    name = text.strip().lower()
    local, at, host = name.rpartition("@")
    return local if at and is_domain(host, domain) else name


def local_part(text: str, domain: str) -> str:
    """The stored form of a local part, which may come as the full address in `domain`.

    Raises Refusal USER_ADD_ERROR_INVALID_NAME when it is none.
    """
    name = bare_name(text, domain)
    if len(name) > 64 or not LOCAL_PART.fullmatch(name):
        raise Refusal(INVALID_NAME)
    return name
