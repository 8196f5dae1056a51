"""Writes a DesiredDomain as the text of a domain file that reads back as an equal value.

This is our own writer and not a YAML library's: it uses short forms, sizes with units and names as people write them.
New files and edits of existing files share it, so that both look the same.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.core.expectations import DnsOverrides
from reconciler.core.kinds import BY_NAME, KINDS
from reconciler.core.model import Alias, DesiredDomain, DomainAlias, KindName, Mailbox, Removal, Resource, Unset, Value
from reconciler.core.names import BadName, display_domain, domain_name, split_address
from reconciler.core.quantities import format_size
from reconciler.core.secret import SecretRef

SCHEMA = "../../schemas/domain.schema.json"
"""The default target of the modeline, relative to `domains/`."""

NOTE = "Left out by import:"
"""Start of a comment about a setting of the server that a file cannot express."""

Tree = str | Sequence[str] | Mapping[str, "Tree"]
"""A value ready to be written: a text, a list of texts, or a mapping. All texts and keys are YAML (see `scalar`)."""

STEP = 2
"""Columns for each level of indentation, unless an existing file uses another number."""

_PLAIN = re.compile(r"[^\W\d_][\w.+@/-]*(?: [\w.+@/-]+)*")
_WIDTH = 100
"""Columns. A list that needs a longer line gets one line for each item, which also gives smaller diffs."""
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_NOTE_WIDTH = 400
"""Characters of the longest comment. The text comes from a server, so its length is untrusted."""


def emit_domain(desired: DesiredDomain, *, schema: str = SCHEMA, notes: Iterable[str] = ()) -> str:
    """The text of a domain file, with a final line end. Reading it gives a value equal to `desired`.

    U+FFFD replaces half a surrogate pair, because a UTF-8 file cannot contain one. `notes` become comments at the top.
    """
    return "".join(f"{line}\n" for line in _lines(desired, schema, notes))


def note_lines(notes: Iterable[str]) -> Iterator[str]:
    """A comment for each setting that the file leaves out."""
    return (comment(f"{NOTE} {note}") for note in notes)


def _lines(desired: DesiredDomain, schema: str, notes: Iterable[str]) -> Iterator[str]:
    yield f"# yaml-language-server: $schema={schema}"
    yield from note_lines(notes)
    yield "apiVersion: reconciler/v1"
    yield "kind: Domain"
    yield f"domain: {scalar(_domain(desired.domain))}"
    if desired.product is not None:
        yield f"product: {scalar(desired.product)}"
    if desired.server:
        yield f"server: {scalar(desired.server)}"
    for kind in KINDS:
        declared = desired.section(kind.name)
        if not isinstance(declared, Unset):
            yield from block(kind.section, section_text(kind.name, declared, desired.domain))
    if desired.removed:
        yield from _indented("removed", _removed(desired.removed))
    if desired.renamed:
        yield from _indented("renamed", _renamed(desired))
    dns = _dns(desired.dns)
    if dns:
        yield from block("dns", dns)


def _indented(key: str, lines: Sequence[str]) -> Iterator[str]:
    yield f"{key}:"
    yield from (f"  {line}" for line in lines)


def section_text(kind: KindName, declared: Mapping[str, Resource], domain: str) -> Tree:
    """The value of a section."""
    if kind == "domainAlias":
        return [name_text(kind, name) for name in declared]
    return {name_text(kind, name): body(resource, domain) for name, resource in declared.items()}


def body(resource: Resource, domain: str) -> Tree:
    """The value of a resource's key in the file of `domain`; empty for a domain alias, which has only a name."""
    rows: dict[str, Tree] = {}
    kind: KindName = "mailbox" if isinstance(resource, Mailbox) else "alias"
    if isinstance(resource, DomainAlias):
        return {}
    for spec in BY_NAME[kind].fields:
        # `password` is no field of a mailbox on the server, so its place in the order of keys is set here.
        if spec.name == "enabled" and isinstance(resource, Mailbox) and not isinstance(resource.password, Unset):
            rows["password"] = _secret_ref(resource.password)
        value = getattr(resource, spec.attribute)
        # An unmanaged field is left out; writing it would make it managed.
        if isinstance(value, Unset):
            continue
        # `forwarding.to` and `forwarding.keepCopy` share one mapping.
        outer, _, inner = spec.name.partition(".")
        if inner:
            nested = rows.setdefault(outer, {})
            assert isinstance(nested, dict)
            nested[inner] = field(value, spec.name, domain)
        else:
            rows[outer] = field(value, spec.name, domain)
    if isinstance(resource, Mailbox) and resource.protect:
        rows["protect"] = "true"
    return rows["to"] if isinstance(resource, Alias) and rows.keys() == {"to"} else rows


def field(value: Value, name: str, domain: str) -> Tree:
    """The value of a field; `name` as in `reconciler.core.kinds`."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return format_size(value)
        case str():
            return scalar(value)
        case tuple():
            assert name in ("to", "forwarding.to"), name
            return [_target(target, domain) for target in value]


def _target(target: str, domain: str) -> str:
    """A bare name for a target in this domain, else the address as people write it."""
    local, host = split_address(target)
    return scalar(local if host == domain else f"{local}@{_domain(host)}")


_PARTS: Mapping[str, tuple[str, str]] = {
    "sops": ("file", "key"),
    "vault": ("path", "field"),
    "keyring": ("service", "username"),
}
"""Sources of secrets whose reference is a mapping with two keys."""


def _secret_ref(ref: SecretRef) -> str:
    if ref.kind == "generate":
        source = "generate: true"
    elif ref.kind == "command":
        # Arguments stay separate: joined to one text, they would need a shell again.
        source = f"command: {flow_text([scalar(word) for word in ref.parts])}"
    elif ref.kind in _PARTS:
        first, *rest = (scalar(part) for part in ref.parts)
        one, other = _PARTS[ref.kind]
        value = flow_text(rest) if ref.kind == "sops" else rest[0]
        source = f"{ref.kind}: {{{one}: {first}, {other}: {value}}}"
    else:
        source = f"{ref.kind}: {scalar(ref.target)}"
    return f"{{{source}}}" if ref.version == 1 else f"{{{source}, version: {ref.version}}}"


def _removed(removed: Sequence[Removal]) -> list[str]:
    lines: list[str] = []
    for kind in KINDS:
        rows = [r for r in removed if r.kind == kind.name]
        # Only sections with an entry are written, in the order of `KINDS`.
        if not rows:
            continue
        lines.append(f"{kind.section}:")
        for row in rows:
            name = name_text(kind.name, row.name)
            lines.append(f"  - {name}: {{purgeAfter: {row.purge_after}}}" if row.purge_after else f"  - {name}")
    return lines


def _renamed(desired: DesiredDomain) -> list[str]:
    lines: list[str] = []
    for kind in KINDS:
        rows = [r for r in desired.renamed if r.kind == kind.name]
        if rows:
            lines.append(f"{kind.section}:")
            lines += [f"  {name_text(kind.name, r.old)}: {name_text(kind.name, r.new)}" for r in rows]
    return lines


def name_text(kind: KindName, name: str) -> str:
    """The name of a resource, as a key or an item."""
    return scalar(_domain(name) if kind == "domainAlias" else name)


def _dns(dns: DnsOverrides) -> dict[str, Tree]:
    groups: tuple[tuple[str, tuple[tuple[str, str | bool | tuple[str, ...] | None], ...]], ...] = (
        ("mx", (("hosts", dns.mx_hosts),)),
        ("spf", (("primary", dns.spf_primary), ("secondary", dns.spf_secondary), ("senders", dns.spf_senders))),
        ("autodiscover", (("host", dns.autodiscover_host), ("srvTarget", dns.autodiscover_srv_target))),
        ("dmarc", (("check", dns.dmarc_check), ("rua", dns.dmarc_rua), ("policy", dns.dmarc_policy))),
    )
    written = {group: {key: _value(value) for key, value in rows if value is not None} for group, rows in groups}
    found: dict[str, Tree] = {group: rows for group, rows in written.items() if rows}
    if dns.checks is not None:
        found["checks"] = {row.id: scalar(row.level) for row in dns.checks}
    if dns.sends is not None:
        found["sends"] = _value(dns.sends)
    return found


def _value(value: str | bool | tuple[str, ...]) -> Tree:
    if isinstance(value, bool):
        return "true" if value else "false"
    return scalar(value) if isinstance(value, str) else [scalar(text) for text in value]


def _domain(canonical: str) -> str:
    """The domain with U-labels if that reads back as the same name, else with A-labels."""
    # Some A-labels decode to letters that encode to another A-label.
    text = display_domain(canonical)
    try:
        return text if domain_name(text) == canonical else canonical
    except BadName:
        return canonical


def scalar(text: str) -> str:
    """A text as a YAML scalar: plain if every YAML 1.1 and 1.2 reader sees this text, else in double quotes.

    Other tools read these files too, and many of them still follow YAML 1.1.
    """
    # Words of YAML 1.1 are quoted too: many tools would read a boolean.
    if text.lower() not in _WORDS and _PLAIN.fullmatch(text):
        return text
    return f'"{"".join(_ESCAPES.get(c) or _escaped(c) for c in text)}"'


def comment(text: str) -> str:
    """A comment line without its line end. Line breaks and bidirectional controls in it are escaped."""
    line = "".join(_escaped(c) for c in text)
    return f"# {line if len(line) <= _NOTE_WIDTH else line[: _NOTE_WIDTH - 1] + '…'}"


def flow_text(tree: Tree) -> str:
    """The value on one line, in a form that is also valid inside other flow text."""
    if isinstance(tree, str):
        return tree
    if isinstance(tree, Mapping):
        return f"{{{', '.join(f'{key}: {flow_text(value)}' for key, value in tree.items())}}}"
    return f"[{', '.join(tree)}]"


def block(key: str, tree: Tree, step: int = STEP) -> Iterator[str]:
    """A key with its value as lines. An empty mapping becomes `{}`: an empty section is managed, a missing one not."""
    if isinstance(tree, str):
        yield f"{key}: {tree}"
        return
    # A mapping always takes lines of its own: one field per line gives small diffs.
    if isinstance(tree, Mapping):
        lines: Iterable[str] = [line for name, value in tree.items() for line in block(name, value, step)]
    else:
        lines = [f"- {text}" for text in tree] if len(f"{key}: {flow_text(tree)}") > _WIDTH else ()
    yield f"{key}:" if lines else f"{key}: {flow_text(tree)}"
    yield from (" " * step + line for line in lines)


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    # A server may send half a surrogate pair in JSON.
    if 0xD800 <= code <= 0xDFFF:
        return "\N{REPLACEMENT CHARACTER}"
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
