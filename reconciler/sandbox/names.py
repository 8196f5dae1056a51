"""The stored form of names: lower case, domains as A-labels (API reference section 10 no. 12, section 11)."""

from __future__ import annotations

import re

import idna

from reconciler.sandbox.envelope import Refusal

# The atext of RFC 5322, and ":". The server's own set is unknown (section 5.10), so that this one is permissive.
LOCAL_PART = re.compile(r"[a-z0-9!#$%&'*+/:=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/:=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

INVALID_NAME = "USER_ADD_ERROR_INVALID_NAME"
INVALID_DOMAIN = "DOMAIN_ADD_ERROR_INVALID_NAME"


def domain_name(text: str) -> str:
    """The stored form of a domain's name: lower case, A-labels, no final dot.

    Raises Refusal DOMAIN_ADD_ERROR_INVALID_NAME for an invalid name.
    """
    name = text.strip().rstrip(".").lower()
    # Only for other scripts: names in ASCII may contain an underscore, which IDNA rejects.
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError:
            raise Refusal(INVALID_DOMAIN) from None
    if not _DOMAIN.fullmatch(name):
        raise Refusal(INVALID_DOMAIN)
    return name


def unicode_domain(name: str) -> str:
    """The U-label form of a stored domain name, or the name itself if it has none."""
    try:
        return idna.decode(name)
    except idna.IDNAError:
        return name


def is_domain(text: str, domain: str) -> bool:
    """Whether `text` is a form of the stored name `domain`: other case, U-labels, a final dot."""
    if text.strip().lower() == domain:
        return True
    try:
        return domain_name(text) == domain
    except Refusal:
        return False


def bare_name(text: str, domain: str) -> str:
    """A name in lower case. An address in `domain` becomes its local part; other addresses remain complete."""
    name = text.strip().lower()
    local, at, host = name.rpartition("@")
    return local if at and is_domain(host, domain) else name


def local_part(text: str, domain: str) -> str:
    """The stored form of a local part, from the local part or the full address in `domain`.

    Raises Refusal USER_ADD_ERROR_INVALID_NAME for an invalid name.
    """
    name = bare_name(text, domain)
    if len(name) > 64 or not LOCAL_PART.fullmatch(name):
        raise Refusal(INVALID_NAME)
    return name
