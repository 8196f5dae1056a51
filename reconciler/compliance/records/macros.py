"""SPF macro strings (RFC 7208 section 7): parsed, not expanded."""

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(r"%\{([A-Za-z])([0-9]{0,5})([rR]?)([.\-+,/_=]*)\}|%([%_-])|([!-$&-~]+)")
_ALNUM = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_LETTERS = frozenset("slodiphv")
_LETTERS_OF_EXP = frozenset("crt")
_ESCAPES = {"%": "%", "_": " ", "-": "%20"}


class SyntaxFault(ValueError):
    """A text is not what the grammar allows; the message says why, for people. Stays inside the parsers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """One `%{…}`.

    Attributes:
        letter: lower case: s l o d i p h v, and in explanations c r t.
        digits: how many labels to keep, from the right; None = all.
        reverse: whether the labels are reversed.
        delimiters: what separates the parts; `.` where nothing was written.
        escape: whether the result is URL-encoded (the letter was upper case).
    """

    letter: str
    digits: int | None = None
    reverse: bool = False
    delimiters: str = "."
    escape: bool = False


@dataclass(frozen=True, slots=True)
class MacroString:
    """A text with macros in it; `%%`, `%_` and `%-` are resolved in `parts` already."""

    text: str
    parts: tuple[str | Macro, ...] = field(repr=False)

    @property
    def literal(self) -> str | None:
        """The text itself where it does not depend on the mail being checked, else None."""
        if any(isinstance(part, Macro) for part in self.parts):
            return None
        return "".join(part for part in self.parts if isinstance(part, str))


def macro_string(text: str, *, explanation: bool = False) -> MacroString:
    """A macro-string; in an explanation the letters c, r and t are possible too.

    Raises:
        SyntaxFault: it is none.
    """
    parts: list[str | Macro] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise SyntaxFault(_why(text, at))
        parts.append(_part(token, explanation))
        at = token.end()
    return MacroString(text, tuple(parts))


def domain_spec(text: str) -> MacroString:
    """A domain-spec: a macro-string that ends in a macro or in a label which can be a top-level domain.

    Raises:
        SyntaxFault: it is none.
    """
    if not text:
        raise SyntaxFault("a domain name is missing")
    spec = macro_string(text)
    if isinstance(spec.parts[-1], Macro) or text[-2:] in ("%%", "%_", "%-"):
        return spec
    _, dot, last = text.removesuffix(".").rpartition(".")
    if not dot or not _is_toplabel(last):
        raise SyntaxFault(f"{text} is not a full domain name")
    return spec


def _part(token: re.Match[str], explanation: bool) -> str | Macro:
    letter, digits, reverse, delimiters, escaped, literal = token.groups()
    if literal is not None:
        return str(literal)
    if escaped is not None:
        return _ESCAPES[escaped]
    known = _LETTERS | _LETTERS_OF_EXP if explanation else _LETTERS
    if letter.lower() not in known:
        raise SyntaxFault(f"the macro {token.group()} does not exist here")
    if digits and int(digits) == 0:
        raise SyntaxFault(f"the macro {token.group()} keeps no labels")
    return Macro(
        letter=letter.lower(),
        digits=int(digits) if digits else None,
        reverse=bool(reverse),
        delimiters=delimiters or ".",
        escape=letter.isupper(),
    )


def _is_toplabel(label: str) -> bool:
    """RFC 7208 section 7.1: letters and digits with a letter among them, or with a hyphen inside."""
    if not label or label[0] not in _ALNUM or label[-1] not in _ALNUM:
        return False
    return set(label) <= _ALNUM | {"-"} and not label.isdigit()


def _why(text: str, at: int) -> str:
    if text[at] == "%":
        return f"a macro is broken at {text[at : at + 10]}"
    return f"the character U+{ord(text[at]):04X} is not allowed"
