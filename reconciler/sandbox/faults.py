"""Faults on demand: the failures of a network, a proxy or a busy server (API reference section 10 no. 31)."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FAULTS: dict[str, str] = {
    "latency": "wait PARAM milliseconds (default 1000), then execute the request and answer",
    "latency-after": "execute the request, then answer after PARAM milliseconds (default 1000)",
    "429": "answer 429, with Retry-After: PARAM seconds if given; no effect",
    "busy": "answer 429 while more than PARAM (default 4) requests are in flight; no effect",
    "500": "answer 500 with an error envelope; no effect",
    "502": "answer 502 with an HTML page; no effect",
    "503": "answer 503 with an HTML page, with Retry-After: PARAM seconds if given; no effect",
    "500-after": "execute the request, then answer 500",
    "502-after": "execute the request, then answer 502",
    "503-after": "execute the request, then answer 503",
    "drop-before": "close the connection; no effect",
    "drop-after": "execute the request, then close the connection without an answer",
    "drop-mid-body": "execute the request, then close the connection in the middle of the answer's body",
    "html": "answer 200 with an HTML page instead of JSON (a proxy or a maintenance page); no effect",
    "html-after": "execute the request, then answer 200 with an HTML page",
    "truncated-json": "execute the request, then answer valid HTTP with half of the JSON",
    "expired-token": "answer 401 to a valid token; no effect",
    "empty-list": "empty all lists of the answer and set totals to zero",
    "cut-list": "remove the last row of all lists of the answer, but keep the totals",
}
"""Name -> description. PARAM is the text after the colon in `--fault NAME:PARAM`."""

_PARAMETERISED = frozenset({"latency", "latency-after", "429", "503", "busy"})
ALWAYS = -1
_LARGEST_PARAM = 86_400_000.0


class UnknownFaultError(ValueError):
    """The name, parameter or selector of a fault is invalid."""


@dataclass(slots=True)
class Fault:
    """A fault and the requests that it affects.

    Attributes:
        path: a substring or regular expression for the path without `/api/v1/`; empty matches all.
        method: the HTTP method; empty matches all.
        skip: the number of matching requests before the fault begins.
        times: the number of affected requests; ALWAYS means all.
        probability: the chance for each matching request, from a generator with a fixed `seed`, so that runs repeat.
    """

    name: str
    param: float | None = None
    path: str = ""
    method: str = ""
    skip: int = 0
    times: int = ALWAYS
    probability: float = 1.0
    seed: int = 0
    seen: int = 0
    struck: int = 0
    _random: random.Random = field(init=False, repr=False)
    _pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise UnknownFaultError(f"unknown fault {self.name!r}; use one of: {', '.join(FAULTS)}")
        if self.param is not None and self.name not in _PARAMETERISED:
            raise UnknownFaultError(f"fault {self.name}: it has no parameter; remove `:{self.param:g}`")
        if self.param is not None and not 0 <= self.param <= _LARGEST_PARAM:
            raise UnknownFaultError(
                f"fault {self.name}: the parameter {self.param:g} is not between 0 and {_LARGEST_PARAM:g}"
            )
        if not 0 <= self.probability <= 1 or self.skip < 0 or self.times < ALWAYS:
            raise UnknownFaultError(
                f"fault {self.name}: probability must be between 0 and 1, skip and times at least 0"
            )
        try:
            self._pattern = re.compile(self.path, re.IGNORECASE)
        except re.error as error:
            raise UnknownFaultError(
                f"fault {self.name}: path {self.path!r} is an invalid regular expression: {error}"
            ) from None
        self._random = random.Random(self.seed)  # noqa: S311 - repeatable chance, no secret

    def applies_to(self, method: str, path: str) -> bool:
        """Whether the fault affects this request. Counts the request."""
        if self.method and self.method.upper() != method:
            return False
        # First as plain text: paths contain characters that are special in regular expressions.
        if self.path.lower() not in path.lower() and not self._pattern.search(path):
            return False
        self.seen += 1
        if self.seen <= self.skip or self.struck == self.times:
            return False
        if self.probability < 1 and self._random.random() >= self.probability:
            return False
        self.struck += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """The fault with its counters, as JSON."""
        names = ("name", "param", "path", "method", "skip", "times", "probability", "seed", "seen", "struck")
        return {name: getattr(self, name) for name in names}


_FIELDS: dict[str, type[str | int | float]] = {
    "name": str,
    "param": float,
    "path": str,
    "method": str,
    "skip": int,
    "times": int,
    "probability": float,
    "seed": int,
}
_TYPE_NAMES = {int: "an integer", float: "a number", str: "a string"}


def parse_fault(text: str) -> Fault:
    """Parse a fault of the command line: `NAME[:PARAM][,path=REGEX][,method=POST][,skip=N][,times=N][,probability=P]`.

    Without `times` it affects all matching requests. Raises UnknownFaultError.
    """
    head, *selectors = text.split(",")
    name, _, param = head.strip().partition(":")
    given: dict[str, Any] = {"name": name, "param": param or None}
    for selector in selectors:
        key, is_pair, value = selector.partition("=")
        if not is_pair:
            raise UnknownFaultError(f"fault {text!r}: {selector!r} is not SELECTOR=VALUE")
        given[key.strip()] = value.strip()
    return make_fault(given, times=ALWAYS)


def make_fault(given: Mapping[str, Any], *, times: int = 1) -> Fault:
    """A fault from the fields of a JSON object (or of the command line); `times` is the default for how often.

    Raises UnknownFaultError.
    """
    unknown = set(given) - set(_FIELDS)
    if unknown:
        raise UnknownFaultError(f"unknown selector {min(unknown)!r}; use one of: {', '.join(_FIELDS)}")
    values: dict[str, Any] = {"name": "", "times": times}
    for key, kind in _FIELDS.items():
        if given.get(key) is None:
            continue
        try:
            values[key] = kind(given[key])
        except (TypeError, ValueError, OverflowError):
            raise UnknownFaultError(
                f"fault {given.get('name', '')}: {key} must be {_TYPE_NAMES[kind]}, not {given[key]!r}"
            ) from None
    return Fault(**values)


class Faults:
    """The injected faults, in the order in which they were set."""

    def __init__(self, faults: tuple[str, ...] = ()) -> None:
        self.all = [parse_fault(text) for text in faults]

    def active_for(self, method: str, path: str) -> dict[str, Fault]:
        """The faults that affect a request, by name."""
        return {fault.name: fault for fault in self.all if fault.applies_to(method, path)} if self.all else {}
