"""Unified diffs for `git apply`. They support all line ends, and files without a final line end."""

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher

_CONTEXT = 3
_NO_END = "\\ No newline at end of file\n"
_QUOTED = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def unified_diff(changes: Mapping[str, tuple[str | None, str]]) -> str:
    """The patch for some files, sorted by path. It omits unchanged files.

    Args:
        changes: path from the root of the repository -> (text before, text after); None before = a new file.
    """
    return "".join(
        line
        for path, (before, after) in sorted(changes.items())
        if before != after
        for line in _file(path, before, after)
    )


def _file(path: str, before: str | None, after: str) -> Iterator[str]:
    yield f"diff --git {_name('a', path)} {_name('b', path)}\n"
    if before is None:
        yield "new file mode 100644\n"
    # git writes no hunk for an empty new file.
    if not before and not after:
        return
    yield f"--- {'/dev/null' if before is None else _name('a', path, alone=True)}\n"
    yield f"+++ {_name('b', path, alone=True)}\n"
    old, new = _lines(before or ""), _lines(after)
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT):
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n"
        for kind, a0, a1, b0, b1 in group:
            if kind == "equal":
                yield from (_line(" ", line) for line in old[a0:a1])
                continue
            yield from (_line("-", line) for line in old[a0:a1])
            yield from (_line("+", line) for line in new[b0:b1])


def _lines(text: str) -> list[str]:
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines


def _line(sign: str, line: str) -> str:
    return f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n{_NO_END}"


def _range(start: int, stop: int) -> str:
    """Line numbers from 1, as the format defines them; an empty range has the number of the line before it."""
    count = stop - start
    if count == 1:
        return str(start + 1)
    return f"{start + 1 if count else start},{count}"


def _name(side: str, path: str, *, alone: bool = False) -> str:
    """A path as git writes it. In the `---` and `+++` lines (`alone`), a path with spaces ends with a tab."""
    name = f"{side}/{path}"
    if any(c in _QUOTED or not c.isprintable() for c in name):
        return f'"{"".join(_QUOTED.get(c) or _octal(c) for c in name)}"'
    # GNU patch and git end the name at the tab, so a name may contain spaces.
    return f"{name}\t" if alone and " " in name else name


def _octal(char: str) -> str:
    if char.isprintable():
        return char
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape"))
