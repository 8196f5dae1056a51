"""Faults to order from the DNS server: what breaks, for which questions, how often."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dns.exception
import dns.rdatatype

KINDS = {
    "servfail": "answers SERVFAIL",
    "refused": "answers REFUSED",
    "silence": "does not answer",
    "truncate": "over UDP answers nothing but the TC bit; TCP is not concerned",
    "delay": "answers after `seconds`",
    "garbage": "answers bytes that are no DNS message, under the right id",
}
_KEYS = {"kind", "match", "type", "times", "seconds"}
MAX_DELAY = 3600.0


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One row of KINDS with the questions that it strikes."""

    kind: str
    match: str = ""  # part of the name, lower case; empty: every name
    rdtype: dns.rdatatype.RdataType | None = None  # None: every type
    times: int | None = None  # None: always
    seconds: float = 1.0

    def strikes(self, name: str, rdtype: dns.rdatatype.RdataType, *, tcp: bool) -> bool:
        """Whether the question (name in lower case, no final dot) meets this fault."""
        if tcp and self.kind == "truncate":
            return False
        return self.match in name and self.rdtype in (None, rdtype)


class Faults:
    """The faults in force, with how often each may still strike; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Fault, int | None]] = []

    def replace(self, faults: Sequence[Mapping[str, object]]) -> None:
        """Put these in force and no others.

        Raises:
            ValueError: saying which one and why; nothing has changed then.
        """
        left = [(fault, fault.times) for fault in map(_fault, faults)]
        with self._lock:
            self._left = left

    def strike(self, name: str, rdtype: dns.rdatatype.RdataType, *, tcp: bool) -> Fault | None:
        """The first fault that the question meets and that is not used up; counts it as used once."""
        if not self._left:
            return None
        with self._lock:
            for place, (fault, left) in enumerate(self._left):
                if left != 0 and fault.strikes(name, rdtype, tcp=tcp):
                    if left is not None:
                        self._left[place] = (fault, left - 1)
                    return fault
        return None


def _fault(given: Mapping[str, object]) -> Fault:
    kind, match, times, seconds = given.get("kind"), given.get("match"), given.get("times"), given.get("seconds", 1.0)
    if unknown := sorted(set(given) - _KEYS):
        raise ValueError(f"DNS fault {dict(given)}: unknown keys {', '.join(unknown)}; there are {sorted(_KEYS)}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"DNS fault {dict(given)}: unknown kind {kind!r}; write one of {', '.join(KINDS)}")
    if match is not None and not isinstance(match, str):
        raise ValueError(f"DNS fault {dict(given)}: match must be part of a name")
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise ValueError(f"DNS fault {dict(given)}: times must be a whole number from 1, or absent for always")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= MAX_DELAY:
        raise ValueError(f"DNS fault {dict(given)}: seconds must be a number from 0 to {MAX_DELAY:.0f}")
    return Fault(
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
        raise ValueError(f"DNS fault {dict(given)}: unknown type {text!r}; write A, MX, TXT...") from error
