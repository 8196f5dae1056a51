"""Warns about domains that look like others (Unicode TR 39).

A reviewer cannot tell `exаmple.com` with a Cyrillic а from `example.com`. It is a warning, because two similar names
may both be legitimate. The tables are those of the library confusable-homoglyphs, which is loaded only for a name
outside ASCII. A test compares the rows for ASCII below with the library (docs/decisions/0010).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, islice

from reconciler.config.semantics.domain_files import DomainFile, Places
from reconciler.config.semantics.targets import senders
from reconciler.core.diagnostics import Diagnostic, warning
from reconciler.core.model import Unset
from reconciler.core.names import display_domain, split_address
from reconciler.core.source import Span

_WARNINGS = 20
"""Warnings for each file: a file with more has another problem."""
_ASCII = str.maketrans({"0": "o", "1": "l", "m": "rn"})
"""The confusable characters of lower-case ASCII."""
_NEUTRAL = frozenset({"COMMON", "INHERITED"})
_TOGETHER = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
)
"""Scripts that one word may mix: Japanese, Chinese, Korean (TR 39 section 5.2, "highly restrictive")."""


@dataclass(frozen=True, slots=True)
class _Use:
    """The first use of a domain in a file; `role` is how the file uses it."""

    domain: str
    role: str
    span: Span


def check_lookalikes(files: Iterable[DomainFile]) -> Iterator[Diagnostic]:
    """NAM009: a domain that mixes scripts, or looks like another domain of the workspace or of a target."""
    used = [(file, list(_uses(file))) for file in files if file.desired is not None]
    alike: dict[str, dict[str, str]] = {}
    # First all uses are collected: the similar name may be in a later file.
    for file, uses in used:
        for use in uses:
            place = f"{use.role} in {file.file}"
            # The first use of each domain is enough for the message.
            alike.setdefault(skeleton(use.domain), {}).setdefault(use.domain, place)
    for _, uses in used:
        yield from islice(chain.from_iterable(_warnings(use, alike) for use in uses), _WARNINGS)


def _uses(file: DomainFile) -> Iterator[_Use]:
    """Every domain of a file once: its own, its domain aliases and those of targets."""
    desired = file.desired
    assert desired is not None
    # One use per domain and file: the same warning at every target would hide others.
    yield _Use(desired.domain, "a domain", desired.origin)
    seen = {desired.domain}
    if not isinstance(desired.domain_aliases, Unset):
        for alias in desired.domain_aliases.values():
            if alias.name not in seen:
                seen.add(alias.name)
                yield _Use(alias.name, "a domain alias", alias.origin or file.origin)
    places: Places | None = None
    for resource, targets in senders(desired):
        for target in targets:
            host = split_address(target)[1]
            if host not in seen:
                seen.add(host)
                places = places or file.places()
                yield _Use(host, "a target", places.target(resource, target))


def _warnings(use: _Use, alike: dict[str, dict[str, str]]) -> Iterator[Diagnostic]:
    scripts = mixed_scripts(use.domain)
    if scripts:
        text = f"{_named(use.domain)} mixes scripts whose letters look alike: {', '.join(scripts)}"
        yield warning(
            "NAM009", text, use.span, hint="type the name again; if it is correct, ask its owner to confirm it"
        )
    # Parent domains too: mail.exаmple.com imitates example.com.
    for name in _suffixes(use.domain.split(".")):
        for other, place in alike.get(skeleton(name), {}).items():
            if other != name:
                text = f"{_named(use.domain)} looks like another domain, {_named(other)} ({place})"
                yield warning("NAM009", text, use.span, hint="compare the two names letter by letter")


def _suffixes(labels: Sequence[str]) -> Iterator[str]:
    """The domain and its parents, down to two labels."""
    return (".".join(labels[at:]) for at in range(max(len(labels) - 1, 1)))


def _named(domain: str) -> str:
    shown = display_domain(domain)
    return shown if shown == domain else f"{shown} ({domain})"


@lru_cache(maxsize=65536)
def skeleton(domain: str) -> str:
    """The look of a canonical domain: two confusable domains have one skeleton (TR 39 section 4)."""
    shown = display_domain(domain)
    # Normalization first, so that `é` as one or two characters has one skeleton.
    if not shown.isascii():
        shown = "".join(map(_prototype, unicodedata.normalize("NFD", shown)))
        shown = unicodedata.normalize("NFD", shown.lower())
    return shown.translate(_ASCII)


def mixed_scripts(domain: str) -> tuple[str, ...]:
    """The scripts of the first label that mixes scripts as no language does; empty if no label does."""
    shown = display_domain(domain)
    # ASCII has one script, and the tables need not be loaded.
    if shown.isascii():
        return ()
    for label in shown.split("."):
        found = _scripts(label)
        if len(found) > 1 and not any(found <= together for together in _TOGETHER):
            return tuple(sorted(name.replace("_", " ").capitalize() for name in found))
    return ()


def _scripts(label: str) -> frozenset[str]:
    from confusable_homoglyphs import categories  # type: ignore[import-untyped]

    return frozenset(categories.alias(char) for char in label) - _NEUTRAL


def _prototype(char: str) -> str:
    return char if char.isascii() else _prototypes()(char)


@cache
def _prototypes() -> Callable[[str], str]:
    """A function from a character to the representative of all characters that look like it.

    The library's table has both directions: a prototype lists its look-alikes, and each of them lists the prototype.
    """
    from confusable_homoglyphs.confusables import confusables_data as table  # type: ignore[import-untyped]

    @cache
    def prototype(char: str) -> str:
        alike = [row["c"] for row in table.get(char, ())]
        # No look-alike, or several: this character is a prototype itself.
        if len(alike) != 1:
            return char
        (other,) = alike
        if len(table.get(other, ())) != 1:
            return str(other)
        # In a pair each lists only the other, so the table does not show the prototype: prefer ASCII.
        return min(char, str(other), key=lambda one: (not one.isascii(), one))

    return prototype
