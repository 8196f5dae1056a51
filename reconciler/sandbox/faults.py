"""Faults on demand: what a network, a proxy or a busy server does (API reference section 10 no. 31)."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FAULTS: dict[str, str] = {
    "latency": "wait PARAM milliseconds (default 1000), then carry the request out and answer",
    "latency-after": "the request is carried out, the answer comes after PARAM milliseconds (default 1000)",
    "429": "429, with Retry-After when PARAM is given (seconds); nothing is done",
    "busy": "429 to every request that comes while more than PARAM (default 4) are under way; nothing is done",
    "500": "500 with an error envelope; nothing is done",
    "502": "502 with an HTML page; nothing is done",
    "503": "503 with an HTML page, with Retry-After when PARAM is given; nothing is done",
    "500-after": "the request is carried out, then answered with 500",
    "502-after": "the request is carried out, then answered with 502",
    "503-after": "the request is carried out, then answered with 503",
    "drop-before": "the connection is cut, nothing is done",
    "drop-after": "the request is carried out, then the connection is cut without an answer",
    "drop-mid-body": "the request is carried out, then the connection is cut in the middle of the answer's body",
    "html": "200 with an HTML page instead of JSON (a proxy or a maintenance page); nothing is done",
    "html-after": "the request is carried out, then answered with 200 and an HTML page",
    "truncated-json": "the request is carried out; the answer is half of the JSON, otherwise proper HTTP",
    "expired-token": "a valid token is answered with 401; nothing is done",
    "empty-list": "lists in the answer are empty, totals zero",
    "cut-list": "lists in the answer lack their last row, totals are as they were",
}
"""Name -> what it does. PARAM is what follows the colon."""

_PARAMETERISED = frozenset({"latency", "latency-after", "429", "503", "busy"})
ALWAYS = -1
_LARGEST_PARAM = 86_400_000.0


class UnknownFaultError(ValueError):
    """A fault's name, parameter or selector is not understood."""


@dataclass(slots=True)
class Fault:
    """A fault and when it strikes.

    `path` is a substring or a regular expression, matched against the path without `/api/v1/`; empty matches all.
    `skip` matching requests go through first, then it strikes `times` times (ALWAYS: without end), each with
    `probability`, from a generator with a fixed `seed` so that runs repeat.
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
    _dice: random.Random = field(init=False, repr=False)
    _pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise UnknownFaultError(f"unknown fault {self.name!r}; known are: {', '.join(FAULTS)}")
        if self.param is not None and self.name not in _PARAMETERISED:
            raise UnknownFaultError(f"fault {self.name} takes no parameter, so {self.param:g} means nothing")
        if self.param is not None and not 0 <= self.param <= _LARGEST_PARAM:
            raise UnknownFaultError(f"fault {self.name}: its parameter is 0 to {_LARGEST_PARAM:g}, not {self.param:g}")
        if not 0 <= self.probability <= 1 or self.skip < 0 or self.times < ALWAYS:
            raise UnknownFaultError(f"fault {self.name}: probability is 0 to 1, skip and times count requests")
        try:
            self._pattern = re.compile(self.path, re.IGNORECASE)
        except re.error as error:
            raise UnknownFaultError(
                f"fault {self.name}: path {self.path!r} is no regular expression: {error}"
            ) from None
        self._dice = random.Random(self.seed)  # noqa: S311 - repeatable chance, no secret

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it."""
        if self.method and self.method.upper() != method:
            return False
        if self.path.lower() not in path.lower() and not self._pattern.search(path):
            return False
        self.seen += 1
        if self.seen <= self.skip or self.struck == self.times:
            return False
        if self.probability < 1 and self._dice.random() >= self.probability:
            return False
        self.struck += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """The fault with its counts."""
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
_WANTED = {int: "a whole number", float: "a number", str: "a text"}


def parse_fault(text: str) -> Fault:
    """A fault of the command line: `NAME[:PARAM][,path=REGEX][,method=POST][,skip=N][,times=N][,probability=P]`.

    Without `times` it strikes always. Raises UnknownFaultError.
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
        raise UnknownFaultError(f"unknown selector {min(unknown)!r}; known are: {', '.join(_FIELDS)}")
    values: dict[str, Any] = {"name": "", "times": times}
    for key, kind in _FIELDS.items():
        if given.get(key) is None:
            continue
        try:
            values[key] = kind(given[key])
        except (TypeError, ValueError, OverflowError):
            raise UnknownFaultError(
                f"fault {given.get('name', '')}: {key} is {given[key]!r}, which is not {_WANTED[kind]}"
            ) from None
    return Fault(**values)


class Faults:
    """The faults that are set, in the order in which they were."""

    def __init__(self, faults: tuple[str, ...] = ()) -> None:
        self.all = [parse_fault(text) for text in faults]

    def striking(self, method: str, path: str) -> dict[str, Fault]:
        """The faults that hit a request, by name."""
        return {fault.name: fault for fault in self.all if fault.strikes(method, path)} if self.all else {}
