"""The texts of the pages. The catalogue has one JSON file per language; a new language needs nothing else."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from reconciler.core.quantities import UNITS, format_money
from reconciler.output.terminal import visible

FOLDER = Path(__file__).parent / "catalogue"


def languages() -> tuple[str, ...]:
    """The languages of the catalogue, English first."""
    return tuple(sorted((path.stem for path in FOLDER.glob("*.json")), key=lambda name: (name != "en", name)))


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language.

    Attributes:
        language: for the `lang` attribute of a page (BCP 47).
        entries: key -> text, which may contain named placeholders such as `{count}`.
        singular: the numbers that use the singular (`KEY.one`); all other numbers use `KEY.other`.
    """

    language: str
    entries: Mapping[str, str]
    singular: frozenset[int]

    def __call__(self, key: str, **values: object) -> str:
        """The text with its placeholders filled. Raises KeyError if the catalogue does not contain the key."""
        text = self.entries[key]
        # A text without values may contain braces of its own, so it is not formatted.
        return text.format(**values) if values else text

    def counted(self, key: str, count: int, **values: object) -> str:
        """The singular or plural of a text, with `{count}` filled."""
        form = "one" if count in self.singular else "other"
        return self(f"{key}.{form}", count=self.number(count), **values)

    def group(self, prefix: str) -> dict[str, str]:
        """The texts whose keys have this prefix, by key without the prefix: the texts for a script of the page."""
        return {key.removeprefix(prefix): text for key, text in self.entries.items() if key.startswith(prefix)}

    def number(self, number: int) -> str:
        """`2,000`, with the separator of the language."""
        return f"{number:,}".replace(",", self.entries["number.thousands"])

    def size(self, size: int) -> str:
        """A number of bytes as `1.5 GiB`, with at most one decimal."""
        for unit in reversed(UNITS):
            if size >= UNITS[unit]:
                amount = f"{size / UNITS[unit]:.1f}".removesuffix(".0")
                return f"{amount.replace('.', self.entries['number.decimal'])} {self(f'unit.{unit}')}"
        return f"{size} {self('unit.B')}"

    def money(self, amount: Decimal, currency: str) -> str:
        """`19.00 CAD`."""
        return f"{format_money(amount).replace('.', self.entries['number.decimal'])} {currency}"


def load_texts(language: str) -> Texts:
    """The texts of one of `languages()`."""
    data = json.loads((FOLDER / f"{language}.json").read_text("utf-8"))
    return Texts(language, data["texts"], frozenset(data["singular"]))


def time_text(time: str) -> str:
    """`2026-11-21 18:00 UTC` for a time in RFC 3339 and UTC; other, untrusted text is cut and made visible."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?(?:Z|\+00:00)", time, re.ASCII)
    return f"{found[1]} {found[2]} UTC" if found else visible(time[:60])
