"""The user's selection of domains: by number, range, name, or all."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from reconciler.core.names import BadName, display_domain, domain_name

_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+))?")


class BadChoice(ValueError):
    """A text that selects no domain. The message is for users."""


def selected_names(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """The domains of an answer such as `1, 3-5 example.com` or `all`, in the order of `known`, each once.

    Args:
        text: the answer.
        known: canonical names, numbered from 1.

    Raises:
        BadChoice: the text is empty, or a part of it selects no domain.
    """
    if text.strip().lower() == "all":
        return tuple(known)
    parts = [part for part in re.split(r"[\s,;]+", text) if part]
    if not parts:
        raise BadChoice("type numbers, ranges like 2-5, names, or all")
    chosen = {name for part in parts for name in _part(part, known)}
    return tuple(name for name in known if name in chosen)


def _part(part: str, known: Sequence[str]) -> Iterator[str]:
    found = _RANGE.fullmatch(part)
    if found is None:
        yield named(part, known)
        return
    first, last = int(found[1]), int(found[2] or found[1])
    if not 1 <= first <= last <= len(known):
        raise BadChoice(f"{part}: use numbers from 1 to {len(known)}")
    yield from known[first - 1 : last]


def named(text: str, known: Sequence[str]) -> str:
    """The domain with that name.

    Raises:
        BadChoice: the account has no such domain. The message suggests the closest name.
    """
    try:
        name = domain_name(text)
    except BadName as e:
        raise BadChoice(f"{text!r}: {e}") from e
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {display_domain(near[0])}?" if near else ""
        raise BadChoice(f"the account has no domain {display_domain(name)}{hint}")
    return name
