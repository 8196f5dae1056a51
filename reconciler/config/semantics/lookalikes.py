"""Domains that look like others: a pull request that sends mail to `exаmple.com` with a Cyrillic а must not pass for
one that sends it to `example.com`. A warning, for two names may be alike by right.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from reconciler.config.semantics.domain_files import DomainFile, Places
from reconciler.config.semantics.targets import senders
from reconciler.core.diagnostics import Diagnostic, warning
from reconciler.core.model import Unset
from reconciler.core.names import display_domain, split_address
from reconciler.core.source import Span

# Names that look alike though they are not (Unicode TR 39): the skeleton of a name, and the scripts in a label.
#
# The tables are those of the library confusable-homoglyphs, which is only loaded for a name outside ASCII; that the
# four rows for ASCII here are its own is tested (docs/decisions/0010).


_ASCII = str.maketrans({"0": "o", "1": "l", "m": "rn"})
"""What lower-case ASCII has of confusable characters."""
_NEUTRAL = frozenset({"COMMON", "INHERITED"})
_TOGETHER = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
)
"""Scripts that are written in one word: Japanese, Chinese, Korean (TR 39 section 5.2, "highly restrictive")."""


@lru_cache(maxsize=65536)
def skeleton(domain: str) -> str:
    """What a canonical domain looks like: two that are confusable have one skeleton (TR 39 section 4)."""
    shown = display_domain(domain)
    if not shown.isascii():
        shown = "".join(map(_prototype, unicodedata.normalize("NFD", shown)))
        shown = unicodedata.normalize("NFD", shown.lower())
    return shown.translate(_ASCII)


def mixed_scripts(domain: str) -> tuple[str, ...]:
    """The scripts of the first label that mixes what no language writes in one word; empty where none does."""
    shown = display_domain(domain)
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
    """From a character to the one that stands for all that look like it.

    The library's table goes both ways: a prototype lists all that look like it, each of them lists the prototype.
    """
    from confusable_homoglyphs.confusables import confusables_data as table  # type: ignore[import-untyped]

    @cache
    def prototype(char: str) -> str:
        alike = [row["c"] for row in table.get(char, ())]
        if len(alike) != 1:
            return char
        (other,) = alike
        if len(table.get(other, ())) != 1:
            return str(other)
        # Of a pair that only has each other, either may stand for both.
        return min(char, str(other), key=lambda one: (not one.isascii(), one))

    return prototype


_A_FILE = 20
"""Warnings a file: after that many the file's trouble is another one."""


@dataclass(frozen=True, slots=True)
class _Use:
    """A domain, where it stands for the first time in a file, and how it is used there."""

    domain: str
    what: str
    span: Span


def check_lookalikes(files: Iterable[DomainFile]) -> Iterator[Diagnostic]:
    """NAM009: a domain that mixes scripts, or looks like another of the workspace or of a target."""
    used = [(file, list(_uses(file))) for file in files if file.desired is not None]
    alike: dict[str, dict[str, str]] = {}
    for file, uses in used:
        for use in uses:
            place = f"{use.what} in {file.file}"
            alike.setdefault(skeleton(use.domain), {}).setdefault(use.domain, place)
    for _, uses in used:
        said = 0
        for use in uses:
            for found in _said(use, alike):
                if said < _A_FILE:
                    yield found
                said += 1


def _uses(file: DomainFile) -> Iterator[_Use]:
    """Every domain in a file once: its own, its aliases, those of targets."""
    desired = file.desired
    assert desired is not None
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


def _said(use: _Use, alike: dict[str, dict[str, str]]) -> Iterator[Diagnostic]:
    scripts = mixed_scripts(use.domain)
    if scripts:
        text = f"{_named(use.domain)} mixes letters of scripts that look alike: {', '.join(scripts)}"
        yield warning("NAM009", text, use.span, hint="type the name anew; if it is meant, let its owner confirm it")
    for name in _suffixes(use.domain.split(".")):
        for other, place in alike.get(skeleton(name), {}).items():
            if other != name:
                text = f"{_named(use.domain)} looks like {_named(other)}, which is another domain ({place})"
                yield warning("NAM009", text, use.span, hint="see letter by letter which of the two is meant")


def _suffixes(labels: Sequence[str]) -> Iterator[str]:
    """The domain and those above it, down to two labels."""
    return (".".join(labels[at:]) for at in range(max(len(labels) - 1, 1)))


def _named(domain: str) -> str:
    shown = display_domain(domain)
    return shown if shown == domain else f"{shown} ({domain})"
