"""The fuzz targets: each takes any bytes, and fails only if the program has a bug.

A target accepts the allowed results: a value, diagnostics inside the file, exceptions of this program. Everything else
is a crash. `test_corpus.py` runs the same functions over the corpus; `fuzz.py` runs them under libFuzzer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import fuzz_answers
import fuzz_journals

from reconciler.compliance.records import dkim as dkim_records
from reconciler.compliance.records import dmarc as dmarc_records
from reconciler.compliance.records import dmarc_walk, mta_sts, spf, spf_check, spf_tree
from reconciler.compliance.records import macros as macro_values
from reconciler.compliance.records import tags as txt
from reconciler.compliance.records.dkim import rsa_key
from reconciler.compliance.resolver import wire as resolver_wire
from reconciler.compliance.resolver.messages import NotAName, make_query, read_reply
from reconciler.config.decode.domain import decode_domain
from reconciler.config.decode.product import decode_product
from reconciler.config.decode.workspace import decode_workspace
from reconciler.config.document.loader import Document, load_text
from reconciler.config.emit import emit_domain
from reconciler.config.schema.compiled import validator
from reconciler.config.schema.validator import check, valid_part
from reconciler.config.semantics.domain_files import DomainFile, directory
from reconciler.config.semantics.limits import check_limits
from reconciler.config.semantics.lookalikes import check_lookalikes
from reconciler.config.semantics.names import check_names
from reconciler.config.semantics.targets import check_loops, check_targets
from reconciler.config.semantics.workspace import check_domains, check_server, check_servers
from reconciler.core.diagnostics import Diagnostic, has_errors
from reconciler.core.lookups import Address, Answer, Host, Mx, Rdata, RecordType, Txt
from reconciler.core.model import DesiredDomain
from reconciler.core.names import BadName, address, domain_name, host_name, host_or_address, local_part
from reconciler.core.workspace import Workspace

Target = Callable[[bytes], None]
FILE = "domains/example.com.yaml"


def inside(diagnostics: Iterable[Diagnostic], data: bytes) -> None:
    """Asserts that every span lies in the file: its lines exist, its columns end at most one behind the line."""
    lines = data.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for found in diagnostics:
        assert found.message, found
        assert found.message.isprintable(), found
        span = found.span
        if span is None:
            continue
        assert (1, 1) <= (span.line, span.column) <= (span.end_line, span.end_column), found
        for line, column in ((span.line, span.column), (span.end_line, span.end_column)):
            assert line <= len(lines), found
            assert column <= len(lines[line - 1]) + 1, found


def yaml(data: bytes) -> None:
    """Bytes become a document or diagnostics, never an exception. Every diagnostic has a span inside the file."""
    document, diagnostics = load_text(data, FILE)
    inside(diagnostics, data)
    assert document is not None or has_errors(diagnostics), "neither a document nor an error"
    if document is not None:
        json.dumps(document.value)


def _valid_part(data: bytes, schema: str) -> tuple[Document, Document] | None:
    """The document, and the part of it that fits the schema. None if no part does."""
    document, diagnostics = load_text(data, FILE)
    inside(diagnostics, data)
    if document is None:
        return None
    faults = check(document, validator(schema))
    inside(faults, data)
    rest = valid_part(document, validator(schema)) if has_errors(faults) else document
    return None if rest is None else (document, rest)


def domain_file(data: bytes) -> None:
    """A domain file: schema, decoding and every check. A valid file can be written and read again without a change."""
    found = _valid_part(data, "domain")
    if found is None:
        return
    document, rest = found
    desired, diagnostics = decode_domain(rest, default_server="mail1")
    inside(diagnostics, data)
    if desired is None:
        return
    file = DomainFile(file=FILE, stem="example.com", domain=desired.domain, document=rest, desired=desired)
    everyone = directory([file])
    workspace = Workspace(servers={})
    found_later = [
        *check_names(file, workspace.policy),
        *check_limits(file),
        *check_targets(file, everyone, workspace.policy),
    ]
    found_later += [
        *check_server(file, workspace),
        *check_domains([file]),
        *check_loops(everyone),
        *check_lookalikes([file]),
    ]
    inside(found_later, data)
    if rest is document and not has_errors(diagnostics):
        _written_and_read(desired)


def _written_and_read(desired: DesiredDomain) -> None:
    text = emit_domain(desired).encode()
    document, faults = load_text(text, FILE)
    assert document is not None, (text, faults)
    assert not has_errors(check(document, validator("domain"))), text
    again, faults = decode_domain(document, default_server="mail1")
    assert again == desired, (text, faults)


def workspace_file(data: bytes) -> None:
    """`reconciler.yaml`, with the checks of the servers' addresses."""
    found = _valid_part(data, "workspace")
    if found is None or found[0] is not found[1]:
        return
    workspace, diagnostics = decode_workspace(found[0])
    inside(diagnostics, data)
    inside(check_servers(found[0], workspace), data)


def product_file(data: bytes) -> None:
    """A product file."""
    found = _valid_part(data, "product")
    if found is not None and found[0] is found[1]:
        inside(decode_product(found[0], "business")[1], data)


def names(data: bytes) -> None:
    """Each name function rejects a name, or returns a canonical form that the same function returns unchanged."""
    try:
        text = data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    for canonical in (local_part, domain_name, host_name, host_or_address):
        try:
            name = canonical(text)
        except BadName as e:
            assert str(e)
        else:
            assert canonical(name) == name
            assert name.isascii()
    try:
        full = address(text, "example.com")
    except BadName:
        return
    assert address(full, "example.net") == full


def _texts(data: bytes) -> list[str]:
    return [line.decode("utf-8", "replace") for line in data.split(b"\n")]


_HOSTS = ("example.com", "a.example", "b.example.com", "mail.example.com")


def _zone(texts: list[str]) -> Callable[[str, RecordType], Answer]:
    """Answers any question: the name and the type choose the outcome and the records."""

    def find(name: str, rtype: RecordType) -> Answer:
        number = sum(name.encode("utf-8", "replace")) + len(rtype)
        records: tuple[Rdata, ...]
        if number % 11 == 5:
            return Answer(name=name, rtype=rtype, outcome="temporary", text="no answer")
        if number % 5 == 3:
            return Answer(name=name, rtype=rtype, outcome="nxdomain")
        match rtype:
            case "TXT":
                records = (Txt((texts[number % len(texts)],)),)
            case "MX":
                records = tuple(Mx(n, _HOSTS[n % 4]) for n in range(number % 13))
            case "PTR":
                records = tuple(Host(_HOSTS[n % 4]) for n in range(number % 4))
            case "AAAA":
                records = (Address("2001:db8::1"),)
            case _:
                records = tuple(Address(f"192.0.2.{n}") for n in range(number % 4))
        return Answer(name=name, rtype=rtype, outcome="records" if records else "nodata", records=records)

    return find


def spf_record(data: bytes) -> None:
    """SPF records, one per line, which include each other: parsed, evaluated for two senders, expanded as a tree."""
    texts = _texts(data)
    known: dict[tuple[str, RecordType], Answer] = {}
    zone = _zone(texts)

    def find(name: str, rtype: RecordType) -> Answer | None:
        return known.get((name, rtype))

    known["example.com", "TXT"] = Answer(
        name="example.com", rtype="TXT", outcome="records", records=(Txt((texts[0],)),)
    )
    for sender, client in (("a.b@example.com", "192.0.2.1"), ("", "2001:db8::1")):
        for _ in range(200):
            found = spf_check.check_host(client, "example.com", sender, "mail.example.com", find)
            if not found.open:
                break
            known |= {q: zone(*q) for q in found.open}
        assert found.result is not None, "the evaluation does not end"
        assert found.lookups <= spf.MAX_LOOKUPS + 1
    record = spf.parse_spf(texts[0])
    for _ in range(200):
        tree = spf_tree.build_tree("example.com", record, find)
        missing = [q for q in tree.open if q not in known]
        if not missing:
            break
        known |= {q: zone(*q) for q in missing}
    assert not tree.open, "the evaluation does not end"
    tree.drawn()
    assert tree.broken is not None


def dkim_record(data: bytes) -> None:
    """A DKIM record with its key. The same bytes are also tried as a key, in base64 and in DER."""
    text = data.decode("utf-8", "replace")
    record = dkim_records.parse_dkim(text)
    for key in (record.key, text):
        if key is not None:
            found = dkim_records.rsa(key)
            assert found is None or found.bits >= 0
            dkim_records.same_key(key, text)
    rsa_key(data)
    if dkim_records.key_bytes(text):
        again = dkim_records.parse_dkim(dkim_records.compose_dkim(text))
        assert again.key is not None
        assert not again.faults


def dmarc_record(data: bytes) -> None:
    """DMARC records, one per line, at the labels of a name; and the same texts as MTA-STS records and policies."""
    texts = _texts(data)
    for text in texts:
        txt.slips(text)
        txt.tidied(text)
        if dmarc_records.is_dmarc(text):
            record = dmarc_records.parse(text)
            for below in (False, True):
                assert record.applied(below=below) in dmarc_records.POLICIES
        if mta_sts.is_record(text):
            mta_sts.record_faults(text)
            mta_sts.fixed_record(text)
    domain = "a.b.c.d.e.f.g.h.example.com"
    walk = dmarc_walk.follow(
        domain,
        lambda name: Answer(
            name=f"_dmarc.{name}", rtype="TXT", outcome="records", records=(Txt((texts[len(name) % len(texts)],)),)
        ),
    )
    assert walk.open is None
    mta_sts.parse_policy(data.decode("utf-8", "replace")).allows("mail.example.com")


_QUESTIONS: tuple[tuple[str, RecordType], ...] = (
    ("example.com", "A"), ("example.com", "MX"), ("example.com", "TXT"), ("_s._tcp.example.com", "SRV"),
    ("www.example.com", "CNAME"), ("example.com", "AAAA"), ("1.2.0.192.in-addr.arpa", "PTR"), ("a.b", "TLSA"),
)  # fmt: skip


def dns_answer(data: bytes) -> None:
    """A datagram. Byte 1 selects the question, byte 2 whether the answer repeats it; the rest is the message."""
    if len(data) < 2:
        return
    name, rtype = _QUESTIONS[data[0] % len(_QUESTIONS)]
    query = make_query(name, rtype, recursive=True)
    rest = data[2:]
    wire = rest if data[1] & 1 or len(rest) < 12 else rest[:4] + b"\0\1" + rest[6:12] + query.asked + rest[12:]
    if len(wire) >= 12 and resolver_wire.repeats(wire, query.asked):
        found = read_reply(query, "192.0.2.53:53", wire)
        if isinstance(found, Answer):
            assert (found.name, found.rtype) == (name, rtype)
            assert found.ttl is None or 0 <= found.ttl < 2**31
    with suppress(NotAName):
        make_query(rest.decode("utf-8", "replace"), rtype, recursive=True)


@cache
def _folder() -> TemporaryDirectory[str]:
    """The folder of targets that read a file by its path; in memory if the system has a memory file system."""
    shared = Path("/dev/shm")
    return TemporaryDirectory(dir=shared if shared.is_dir() else None)


def journal(data: bytes) -> None:
    """A journal of any content: read, listed, shown, turned into steps and into an inventory."""
    fuzz_journals.journal(data, Path(_folder().name))


def saved_plan(data: bytes) -> None:
    """A saved plan of any content. With `!` in front, its checksum is corrected first, as an attacker would do."""
    fuzz_journals.saved_plan(data, Path(_folder().name))


def macro_text(data: bytes) -> None:
    """SPF macros (RFC 7208 section 7), in explanations and in names."""
    fuzz_answers.macros(data.decode("utf-8", "replace"), macro_values)


TARGETS: dict[str, Target] = {
    "yaml": yaml,
    "domain": domain_file,
    "workspace": workspace_file,
    "product": product_file,
    "names": names,
    "spf": spf_record,
    "macros": macro_text,
    "dkim": dkim_record,
    "dmarc": dmarc_record,
    "dns": dns_answer,
    "answers": fuzz_answers.answers,
    "journal": journal,
    "saved-plan": saved_plan,
}
"""Each target by its name, which is also the name of its corpus: `corpus/NAME.zip`."""
