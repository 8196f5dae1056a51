"""What a plain YAML scalar means: the core schema of YAML 1.2, made narrower so that nothing is a surprise.

Source: YAML 1.2.2 section 10.3.2. `yes`, `NO`, `on`, `1:30`, `2026-12-31` are text there. Text they are here too:
numbers with leading zeros (`007`), which people write as names and not as numbers, `.inf` and `.nan`, which JSON does
not have, and numbers beyond what a float or 40 digits hold.
"""

import math
import re
from typing import Final

Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_BASED = re.compile(r"0(?:o[0-7]+|x[0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_MAX_NUMBER = 40
"""Characters of the longest number; longer ones are text. (Python refuses to read 4,300 digits.)"""


def resolve(text: str) -> Scalar:
    """The value of a plain scalar.

    A number without a fraction is an int however it is written (`1e3`, `5.0`), as JSON Schema counts it.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS or len(text) > _MAX_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isfinite(number):
            return int(number) if number.is_integer() else number
    return text


class PlainScalars(dict[str, Scalar]):
    """Values of the plain scalars of one file, each text resolved once."""

    def __missing__(self, text: str) -> Scalar:
        value = self[text] = resolve(text)
        return value
