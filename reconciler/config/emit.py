"""A DesiredDomain becomes the text of a domain file that reads back as an equal value.

Written by hand and not by a YAML library: short forms where they say it all, sizes in units, names as people write
them, and quotes exactly where a reader of YAML, ours or another (1.1 or 1.2), would see something else than this text.
"""

import re
from collections.abc import Iterator, Sequence

from reconciler.core.expectations import DnsOverrides
from reconciler.core.kinds import KINDS
from reconciler.core.model import Alias, DesiredDomain, KindName, Mailbox, Removal, Unset
from reconciler.core.names import BadName, display_domain, domain_name, split_address
from reconciler.core.quantities import format_size
from reconciler.core.secret import SecretRef

SCHEMA = "../../schemas/domain.schema.json"
"""Where the modeline points, seen from `domains/`, unless the caller says otherwise."""

_PLAIN = re.compile(r"[^\W\d_][\w.+@/-]*(?: [\w.+@/-]+)*")
_WIDTH = 100
"""A list that would make a longer line is written one item a line, which also reviews better."""
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def emit_domain(desired: DesiredDomain, *, schema: str = SCHEMA) -> str:
    """The text of a domain file, with a final line end. Reading it gives a value equal to `desired`.

    A text with half a surrogate pair, which no UTF-8 file can hold, gets U+FFFD in its place.
    """
    return "".join(f"{line}\n" for line in _lines(desired, schema))


def _lines(desired: DesiredDomain, schema: str) -> Iterator[str]:
    yield f"# yaml-language-server: $schema={schema}"
    yield "apiVersion: reconciler/v1"
    yield "kind: Domain"
    yield f"domain: {scalar(_domain(desired.domain))}"
    if desired.product is not None:
        yield f"product: {scalar(desired.product)}"
    if desired.server:
        yield f"server: {scalar(desired.server)}"
    if not isinstance(desired.mailboxes, Unset):
        yield from _block("mailboxes", [line for m in desired.mailboxes.values() for line in _mailbox(m, desired)])
    if not isinstance(desired.aliases, Unset):
        yield from _block("aliases", [line for a in desired.aliases.values() for line in _alias(a, desired)])
    if not isinstance(desired.domain_aliases, Unset):
        yield from _list("domainAliases", [_domain(name) for name in desired.domain_aliases])
    if desired.removed:
        yield from _block("removed", _removed(desired.removed))
    if desired.renamed:
        yield from _block("renamed", _renamed(desired))
    dns = list(_dns(desired.dns))
    if dns:
        yield from _block("dns", dns)


def _block(key: str, lines: Sequence[str]) -> Iterator[str]:
    """A mapping under a key; `{}` where it is empty, for a section that is there and empty is managed."""
    if not lines:
        yield f"{key}: {{}}"
        return
    yield f"{key}:"
    yield from (f"  {line}" for line in lines)


def _mailbox(mailbox: Mailbox, desired: DesiredDomain) -> Iterator[str]:
    rows: list[str] = []
    if not isinstance(mailbox.display_name, Unset):
        rows.append(f"displayName: {scalar(mailbox.display_name)}")
    if not isinstance(mailbox.quota, Unset):
        rows.append(f"quota: {format_size(mailbox.quota)}")
    if not isinstance(mailbox.password, Unset):
        rows.append(f"password: {_secret_ref(mailbox.password)}")
    rows += _switches(("enabled", mailbox.enabled))
    forwarding: list[str] = []
    if not isinstance(mailbox.forward_to, Unset):
        forwarding += _list("to", _targets(mailbox.forward_to, desired.domain))
    forwarding += _switches(("keepCopy", mailbox.forward_keep_copy))
    if forwarding:
        rows += _block("forwarding", forwarding)
    rows += _switches(("eas", mailbox.eas), ("mapi", mailbox.mapi), ("protect", mailbox.protect or None))
    yield from _block(scalar(mailbox.name), rows)


def _alias(alias: Alias, desired: DesiredDomain) -> Iterator[str]:
    flags = _switches(
        ("allowSending", alias.allow_sending),
        ("hideFromGal", alias.hide_from_gal),
        ("internalOnly", alias.internal_only),
    )
    targets = None if isinstance(alias.targets, Unset) else _targets(alias.targets, desired.domain)
    if targets is not None and isinstance(alias.display_name, Unset) and not flags:
        yield from _list(scalar(alias.name), targets)
        return
    rows: list[str] = []
    if not isinstance(alias.display_name, Unset):
        rows.append(f"displayName: {scalar(alias.display_name)}")
    if targets is not None:
        rows += _list("to", targets)
    yield from _block(scalar(alias.name), [*rows, *flags])


def _switches(*rows: tuple[str, bool | Unset | None]) -> list[str]:
    return [f"{key}: {'true' if value else 'false'}" for key, value in rows if isinstance(value, bool)]


def _targets(targets: Sequence[str], domain: str) -> list[str]:
    """Bare names for targets in this domain, people's spelling of the others."""
    texts: list[str] = []
    for target in targets:
        local, host = split_address(target)
        texts.append(local if host == domain else f"{local}@{_domain(host)}")
    return texts


def _secret_ref(ref: SecretRef) -> str:
    if ref.kind == "generate":
        source = "generate: true"
    elif ref.kind == "command":
        source = f"command: {_flow(ref.argv)}"
    else:
        source = f"{ref.kind}: {scalar(ref.target)}"
    return f"{{{source}}}" if ref.version == 1 else f"{{{source}, version: {ref.version}}}"


def _removed(removed: Sequence[Removal]) -> list[str]:
    lines: list[str] = []
    for kind in KINDS:
        rows = [r for r in removed if r.kind == kind.name]
        if not rows:
            continue
        lines.append(f"{kind.section}:")
        for row in rows:
            name = scalar(_name(kind.name, row.name))
            lines.append(f"  - {name}: {{purgeAfter: {row.purge_after}}}" if row.purge_after else f"  - {name}")
    return lines


def _renamed(desired: DesiredDomain) -> list[str]:
    lines: list[str] = []
    for kind in KINDS:
        rows = [r for r in desired.renamed if r.kind == kind.name]
        if rows:
            lines.append(f"{kind.section}:")
            lines += [f"  {scalar(_name(kind.name, r.old))}: {scalar(_name(kind.name, r.new))}" for r in rows]
    return lines


def _name(kind: KindName, name: str) -> str:
    return _domain(name) if kind == "domainAlias" else name


def _dns(dns: DnsOverrides) -> Iterator[str]:
    groups: tuple[tuple[str, tuple[tuple[str, str | bool | tuple[str, ...] | None], ...]], ...] = (
        ("mx", (("hosts", dns.mx_hosts),)),
        ("spf", (("primary", dns.spf_primary), ("secondary", dns.spf_secondary))),
        ("autodiscover", (("host", dns.autodiscover_host), ("srvTarget", dns.autodiscover_srv_target))),
        ("dmarc", (("check", dns.dmarc_check), ("rua", dns.dmarc_rua), ("policy", dns.dmarc_policy))),
    )
    for group, rows in groups:
        lines = [line for key, value in rows if value is not None for line in _value(key, value)]
        if lines:
            yield from _block(group, lines)


def _value(key: str, value: str | bool | tuple[str, ...]) -> list[str]:
    if isinstance(value, bool):
        return _switches((key, value))
    return [f"{key}: {scalar(value)}"] if isinstance(value, str) else list(_list(key, value))


def _list(key: str, texts: Sequence[str]) -> Iterator[str]:
    line = f"{key}: {_flow(texts)}"
    if len(line) <= _WIDTH:
        yield line
        return
    yield f"{key}:"
    yield from (f"  - {scalar(text)}" for text in texts)


def _flow(texts: Sequence[str]) -> str:
    return f"[{', '.join(scalar(text) for text in texts)}]"


def _domain(canonical: str) -> str:
    """As people write it, where that reads back as the same name."""
    text = display_domain(canonical)
    try:
        return text if domain_name(text) == canonical else canonical
    except BadName:
        return canonical


def scalar(text: str) -> str:
    """A text as a YAML scalar, plain where every YAML reader takes it for this text, else in double quotes."""
    if text.lower() not in _WORDS and _PLAIN.fullmatch(text):
        return text
    return f'"{"".join(_escaped(c) for c in text)}"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF:
        return "\N{REPLACEMENT CHARACTER}"
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
