"""Faults of the DNS server on demand: which fault, for which questions, how often."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dns.exception
import dns.rdatatype

KINDS = {
    "servfail": "answer SERVFAIL",
    "refused": "answer REFUSED",
    "silence": "do not answer",
    "truncate": "over UDP answer with the TC bit and no records; no effect over TCP",
    "delay": "answer after `seconds`",
    "garbage": "answer with bytes that are not a DNS message, except for the id",
}
_KEYS = {"kind", "match", "type", "times", "seconds"}
"""Kind -> effect."""

MAX_DELAY = 3600.0


@dataclass(frozen=True, kw_only=True)
class DnsFault:
    """One kind of fault and the questions that it affects."""

    kind: str
    match: str = ""  # part of the name in lower case; empty: every name
    rdtype: dns.rdatatype.RdataType | None = None  # None: every type
    times: int | None = None  # None: always
    seconds: float = 1.0

    def matches(self, name: str, rdtype: dns.rdatatype.RdataType, *, tcp: bool) -> bool:
        """Whether the fault affects a question (name in lower case, without final dot)."""
        # TCP has no truncation: the TC bit only tells a client to repeat its query over TCP.
        if tcp and self.kind == "truncate":
            return False
        return self.match in name and self.rdtype in (None, rdtype)


class DnsFaults:
    """The active faults, each with its remaining number of uses. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[DnsFault, int | None]] = []

    def replace(self, faults: Sequence[Mapping[str, object]]) -> None:
        """Activate these faults and no others.

        Raises:
            ValueError: a fault is invalid; the message names it and the reason. Then nothing changes.
        """
        # Parsed outside of the lock and before the change, so that an invalid fault changes nothing.
        left = [(fault, fault.times) for fault in map(_fault, faults)]
        with self._lock:
            self._left = left

    def take(self, name: str, rdtype: dns.rdatatype.RdataType, *, tcp: bool) -> DnsFault | None:
        """The first active fault that affects a question, or None. Counts one use of it."""
        # Without the lock: the usual case, an empty list, must not slow down each answer.
        if not self._left:
            return None
        with self._lock:
            for place, (fault, left) in enumerate(self._left):
                if left != 0 and fault.matches(name, rdtype, tcp=tcp):
                    if left is not None:
                        self._left[place] = (fault, left - 1)
                    return fault
        return None


def _fault(given: Mapping[str, object]) -> DnsFault:
    kind, match, times, seconds = given.get("kind"), given.get("match"), given.get("times"), given.get("seconds", 1.0)
    if unknown := sorted(set(given) - _KEYS):
        raise ValueError(f"DNS fault {dict(given)}: unknown keys {', '.join(unknown)}; use {', '.join(sorted(_KEYS))}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"DNS fault {dict(given)}: unknown kind {kind!r}; use one of {', '.join(KINDS)}")
    if match is not None and not isinstance(match, str):
        raise ValueError(f"DNS fault {dict(given)}: match must be part of a name")
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise ValueError(f"DNS fault {dict(given)}: times must be an integer of at least 1, or absent for always")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= MAX_DELAY:
        raise ValueError(f"DNS fault {dict(given)}: seconds must be a number from 0 to {MAX_DELAY:.0f}")
    return DnsFault(
        kind=kind,
        match=(match or "").lower().removesuffix("."),
        rdtype=_rdtype(given),
        times=times,
        seconds=float(seconds),
    )


def _rdtype(given: Mapping[str, object]) -> dns.rdatatype.RdataType | None:
    text = given.get("type")
    if text is None:
        return None
    try:
        return dns.rdatatype.from_text(str(text))
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"DNS fault {dict(given)}: unknown type {text!r}; use A, MX, TXT...") from error
