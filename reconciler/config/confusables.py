"""Names that look alike though they are not (Unicode TR 39): the skeleton of a name, and the scripts in a label.

The tables are those of the library confusable-homoglyphs, which is only loaded for a name outside ASCII; that the four
rows for ASCII here are its own is tested (docs/decisions/0010).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache

from reconciler.core.names import display_domain

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
