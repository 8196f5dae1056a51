"""Check `dkim`: the published key is the key that the server signs with."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from types import MappingProxyType

from reconciler.compliance import publish
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records import tags
from reconciler.compliance.records.addresses import is_askable
from reconciler.compliance.records.dkim import DkimRecord, compose_dkim, key_bytes, parse_dkim, rsa, same_key
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, info_note, skipped, unknown
from reconciler.core.findings import Finding, Record, Status
from reconciler.core.lookups import Answer, Txt
from reconciler.core.model import DkimKey
from reconciler.core.names import BadName, host_name

_BASIS = Basis(id="dkim", reference="RFC 6376 section 3.6, RFC 8301, RFC 8463", good_code="DKIM_OK")
_MIN_BITS, _GOOD_BITS = 1024, 2048
"""RFC 8301 section 3.2: verifiers must reject shorter keys; signers should use at least the second length."""
_PROBE = "reconciler-no-such-selector"
"""A selector that no domain uses: only a wildcard answers for it."""
_MAX_PIECES = 4
"""Limit of pieces of a key that are tried in every order: 24 orders are cheap, and real keys have fewer pieces."""
_NOT_BY_DNS = frozenset({"DKIM_WEAK", "DKIM_TOO_WEAK", "DKIM_ED25519_ALONE"})
"""Faults of the key itself. Publishing the same key again does not fix them."""

CODES: Mapping[str, str] = MappingProxyType(
    {
        "DKIM_OK": "The published key is the key that the server signs with. No action needed.",
        "DKIM_ALIAS": "A domain alias has no DKIM key of its own. No action needed.",
        "DKIM_NOT_ASKED": "The server's key is unknown, so there is nothing to compare with. Run the command with "
        "access to the server.",
        "DKIM_SERVER_SILENT": "The server did not return its key. Check its address and credentials.",
        "DKIM_NO_KEY": "Signing is enabled on the server, but it has no key. Check its e-mail signing settings.",
        "DKIM_SELECTOR": "The server's selector is not a valid DNS name. Create a new key on the server.",
        "DKIM_SERVER_KEY": "The server's public key is not valid base64. Create a new key on the server.",
        "DKIM_SAME_SELECTOR": "The server uses one selector for two keys, but DNS can hold only one of them. Create "
        "the new key with another selector.",
        "DKIM_NOT_SIGNING": "The server does not sign the domain's mail. Publish its key, then enable signing on the "
        "server.",
        "DKIM_ROLLOVER": "A second key is on standby (rollover). Publish it before you activate it.",
        "DKIM_MISSING": "The selector has no record, so receivers cannot verify signatures. Publish the proposed "
        "record.",
        "DKIM_SEVERAL": "The selector has several records; the result is undefined. Keep one.",
        "DKIM_SPREAD": "The key is split into several records instead of several strings of one record. Publish one "
        "record.",
        "DKIM_WILDCARD": "A wildcard record below _domainkey answers instead of the key. Publish the key at its "
        "selector.",
        "DKIM_REVOKED": "p= is empty, which revokes the key. Publish the key that the server signs with.",
        "DKIM_INVALID": "The record is not valid: the version, a tag or the key is missing or wrong. Replace it.",
        "DKIM_CUT": "The key is truncated, usually at the limit of 255 bytes per string. Split it into several "
        "strings.",
        "DKIM_GARBLED": "The key is split incorrectly: it contains quotation marks or another p=, or its strings are "
        "in the wrong order. Replace the record.",
        "DKIM_FOREIGN": "The key at the selector is not the server's key. Publish the proposed record.",
        "DKIM_DELEGATED": "The selector is a CNAME. No action needed.",
        "DKIM_TOO_WEAK": "The key has fewer than 1024 bits, so receivers must reject it. Create a key of 2048 bits.",
        "DKIM_WEAK": "The key has fewer than the recommended 2048 bits. Create a longer one.",
        "DKIM_ED25519_ALONE": "The only key is an Ed25519 key, which many receivers cannot verify. Also sign with an "
        "RSA key.",
        "DKIM_TYPE": "k= does not match the type of the key. Replace the record.",
        "DKIM_HASH": "h= forbids sha256, which every signature uses. Remove h=.",
        "DKIM_SERVICE": "s= does not allow the key for e-mail. Remove s=.",
        "DKIM_TESTING": "t=y marks the key as a test, so receivers may ignore signatures. Remove t=y.",
        "DKIM_STRICT": "With t=s, the key is not valid for signatures of subdomains. Remove t=s if subdomains send "
        "mail.",
    }
)
"""Codes of this check: meaning and remedy."""


@dataclass(frozen=True, slots=True)
class _ExpectedKey:
    """A key to publish: its DNS name, and the status of a finding if it is missing."""

    name: str
    key: DkimKey
    severity: Status
    role: str


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """TXT at the selectors of the active key and the standby key; if a key is wrong, also at an unused selector."""
    for wanted in _expected_keys(subject):
        yield wanted.name, "TXT"
        # Wildcards matter only as an explanation of a wrong record, so a correct key costs no extra lookup.
        wildcard = _wildcard_probe(wanted, facts)
        if wildcard is not None:
            yield wildcard, "TXT"


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; rows 22 to 29 of the catalogue of checks."""
    if subject.alias_of is not None:
        # The server shows keys of domains only, so there is nothing to compare with.
        text = f"The server signs with the key of {subject.alias_of} and is not known to have keys for domain aliases."
        return skipped(_BASIS, "DKIM_ALIAS", "A domain alias has no key of its own", text)
    # A failed read is an error: skipping the check would hide that DKIM is unknown.
    if subject.dkim is None and subject.dkim_problem:
        text = f"Reading the key from the server failed: {subject.dkim_problem}"
        note = Note("error", "DKIM_SERVER_SILENT", "The server did not return its key", text)
        return conclude(_BASIS, [note], good="")
    if subject.dkim is None:
        text = "The server's key is unknown, so there is nothing to compare the published key with."
        return skipped(_BASIS, "DKIM_NOT_ASKED", "The server's key is unknown", text)
    notes: list[Note] = []
    found: list[Record] = []
    expected: list[Record] = []
    fix: list[Record] = []
    if not subject.dkim.active:
        notes.append(_not_signing(subject))
    elif subject.dkim.key is None:
        text = "Signing is enabled on the server, but it has no key. Check the domain's e-mail signing settings there."
        notes.append(Note("error", "DKIM_NO_KEY", "The server has no key", text))
    notes.extend([*_bad_selectors(subject), *_rollover(subject), *_ed25519_only(subject)])
    for wanted in _expected_keys(subject):
        answer = facts.answer(wanted.name, "TXT")
        record = publish.txt(wanted.name, compose_dkim(wanted.key.public_key))
        here = _key_notes(wanted, facts)
        notes.extend(here)
        found.extend(found_records(answer))
        # The report lists expected keys even if DNS is correct, so that a new zone can be built from it.
        expected.append(record)
        # A weak key needs a new key on the server. Publishing the weak one again would not help.
        if any(note.status in ("warn", "fail") and note.code not in _NOT_BY_DNS for note in here):
            fix.append(record)
    return conclude(_BASIS, notes, good="The published key is the one in use", expected=expected, found=found, fix=fix)


def _expected_keys(subject: Subject) -> list[_ExpectedKey]:
    if subject.alias_of is not None or subject.dkim is None:
        return []
    # While the server does not sign, a missing key harms nobody.
    severity: Status = "fail" if subject.dkim.active else "warn"
    keys: list[tuple[DkimKey | None, Status, str]] = [
        (subject.dkim.key, severity, "the active key" if subject.dkim.active else "the key"),
        (subject.dkim.pending, "warn", "the standby key"),
    ]
    found: list[_ExpectedKey] = []
    for key, status, role in keys:
        name = _name(key.selector, subject.domain) if key else None
        # Invalid selectors have their own note. Of two keys with one selector, only the first can be in DNS.
        if name is None or name in (wanted.name for wanted in found):
            continue
        # A comparison with an undecodable key would always fail and blame DNS.
        if key is not None and key_bytes(key.public_key):
            found.append(_ExpectedKey(name, key, status, role))
    return found


def _name(selector: str, domain: str) -> str | None:
    try:
        return host_name(f"{selector}._domainkey.{domain}") if selector else None
    except BadName:
        return None


def _bad_selectors(subject: Subject) -> list[Note]:
    """Keys of the server with an invalid selector or value."""
    assert subject.dkim is not None
    notes = []
    for key in (subject.dkim.key, subject.dkim.pending):
        if key is None:
            continue
        if _name(key.selector, subject.domain) is None:
            text = f"The server's selector “{key.selector[:60]}” is not a valid DNS name. Create a new key there."
            notes.append(Note("error", "DKIM_SELECTOR", "The server's selector is not valid", text))
        elif not key_bytes(key.public_key):
            text = (
                f"The server's public key for the selector {key.selector} is not valid base64. Create a new key there."
            )
            notes.append(Note("error", "DKIM_SERVER_KEY", "The server's key is not valid", text))
    return notes


def _not_signing(subject: Subject) -> Note:
    assert subject.dkim is not None
    if subject.dkim.key is None and subject.dkim.pending is None:
        text = "The server does not sign this domain's mail and has no key. Create one in its e-mail signing settings."
    else:
        text = "The server has a key but does not sign this domain's mail. Publish the key, then enable signing there."
    return Note("warn", "DKIM_NOT_SIGNING", "The server does not sign", text)


def _rollover(subject: Subject) -> list[Note]:
    """Row 28: the active key and the standby key."""
    assert subject.dkim is not None
    key, pending = subject.dkim.key, subject.dkim.pending
    if key is None or pending is None:
        return []
    if _name(key.selector, subject.domain) == _name(pending.selector, subject.domain) is not None:
        # The same key twice is not a conflict: one record serves both.
        if same_key(key.public_key, pending.public_key):
            return []
        text = f"The server uses the selector {key.selector[:60]} for the active key and for the standby key."
        return [Note("warn", "DKIM_SAME_SELECTOR", "Two keys with one selector", text)]
    state = "active" if subject.dkim.active else "disabled"
    text = f"Two keys: {key.selector[:60]} is {state}, {pending.selector[:60]} is on standby."
    return [info_note(text, "DKIM_ROLLOVER")]


def _ed25519_only(subject: Subject) -> list[Note]:
    """Row 25: an Ed25519 key without an RSA key. Many receivers then see no valid signature."""
    assert subject.dkim is not None
    keys = [key for key in (subject.dkim.key, subject.dkim.pending) if key is not None]
    raw = [key_bytes(key.public_key) or b"" for key in keys]
    # Ed25519 keys have 32 raw bytes (RFC 8463). Any RSA key, also on standby, makes the pair usable.
    if not any(len(data) == 32 for data in raw) or any(rsa(key.public_key) for key in keys):
        return []
    text = "Many receivers cannot verify an Ed25519 key (RFC 8463). Also sign with an RSA key."
    return [Note("warn", "DKIM_ED25519_ALONE", "No RSA key", text)]


def _wildcard_probe(wanted: _ExpectedKey, facts: Facts) -> str | None:
    """A name to detect a wildcard; None unless the selector has a record that is not the server's key."""
    answer = facts.known(wanted.name, "TXT")
    # A missing record needs no wildcard as an explanation: a wildcard would have answered.
    if answer is None or not answer.texts() or _is_published(wanted, answer):
        return None
    name = f"{_PROBE}.{wanted.name.partition('.')[2]}"
    return name if is_askable(name) else None


def _key_notes(wanted: _ExpectedKey, facts: Facts) -> list[Note]:
    """Rows 22 to 27 and 29: the notes about the record of one key."""
    answer = facts.answer(wanted.name, "TXT")
    if answer.unknown:
        return unknown([answer])
    texts = answer.texts()
    if not texts:
        text = f"{wanted.name} has no TXT record, so receivers cannot verify signatures by {wanted.role}."
        if answer.aliases:
            text = (
                f"{wanted.name} is a CNAME for {answer.aliases[-1]}, which has no TXT record, so receivers cannot "
                f"verify signatures by {wanted.role}. Delete the CNAME, because a name with a CNAME cannot have other "
                "records, or publish the record at the target."
            )
        return [Note(wanted.severity, "DKIM_MISSING", "The key is not published", text)]
    # The cause comes after the mismatch, because the record at the selector is what the user must publish.
    wild = _wildcard(wanted, answer, facts)
    if len(texts) > 1:
        return [_several_records(wanted, texts), *wild]
    record = parse_dkim(texts[0])
    mismatch = _mismatch(wanted, record, answer)
    found = [mismatch, *wild] if mismatch is not None else _quality_notes(wanted, record)
    if answer.aliases:
        text = f"{wanted.name} is a CNAME for {answer.aliases[-1]}."
        if any(note.status != "pass" for note in found):
            text += " Delete the CNAME, or fix the record at the target."
        found.append(info_note(text, "DKIM_DELEGATED"))
    return found


def _is_published(wanted: _ExpectedKey, answer: Answer) -> bool:
    texts = answer.texts()
    return len(texts) == 1 and same_key(parse_dkim(texts[0]).key or "", wanted.key.public_key)


def _wildcard(wanted: _ExpectedKey, answer: Answer, facts: Facts) -> list[Note]:
    """Row 29: a wildcard answers, so the selector itself has no record."""
    name = _wildcard_probe(wanted, facts)
    other = facts.known(name, "TXT") if name else None
    if other is None or other.texts() != answer.texts():
        return []
    text = f"A wildcard record answers for all names in {wanted.name.partition('.')[2]}. {wanted.name} does not exist."
    return [Note("warn", "DKIM_WILDCARD", "A wildcard record answers instead of the key", text)]


def _several_records(wanted: _ExpectedKey, texts: tuple[str, ...]) -> Note:
    text = f"{wanted.name} has {len(texts)} TXT records; how receivers treat them is undefined. Keep one."
    # Panels that limit TXT values to 255 characters lead users to one record per piece.
    if len(texts) <= _MAX_PIECES and any(_gives(wanted, "".join(order)) for order in permutations(texts)):
        text = (
            f"The key at {wanted.name} is split into {len(texts)} TXT records. Publish one record with several strings."
        )
        return Note(wanted.severity, "DKIM_SPREAD", "The key is split into several records", text)
    return Note(wanted.severity, "DKIM_SEVERAL", "Several records at the selector", text)


def _gives(wanted: _ExpectedKey, text: str) -> bool:
    return same_key(parse_dkim(text).key or "", wanted.key.public_key)


def _mismatch(wanted: _ExpectedKey, record: DkimRecord, answer: Answer) -> Note | None:
    """Rows 23, 24 and 27: why the record does not contain the server's key."""
    where, severity, text = wanted.name, wanted.severity, answer.texts()[0]
    # An empty p= is valid syntax (RFC 6376 section 3.6.1), so test for it before faults.
    if record.key == "":
        return Note(severity, "DKIM_REVOKED", "The key is revoked", f"At {where}, p= is empty. That revokes the key.")
    # Test the order of strings before faults: swapped strings also produce invalid tags.
    if _in_wrong_order(wanted, answer):
        why = f"The strings of the key at {where} are in the wrong order."
        return Note(severity, "DKIM_GARBLED", "The published key is garbled", why)
    if record.faults or record.key is None:
        why = "; ".join((*record.faults, *tags.slips(text)))
        return Note(severity, "DKIM_INVALID", "The key record is not valid", f"The record at {where}: {why}.")
    if same_key(record.key, wanted.key.public_key):
        return None
    ours = re.sub(r"\s", "", wanted.key.public_key)
    # A key that was cut at a limit of the panel needs another remedy than a foreign key.
    if ours.startswith(record.key):
        why = f"The key at {where} ends after {len(record.key)} of {len(ours)} characters."
        # Only here the limit of one string is the probable cause.
        if len(text.encode()) <= 255:
            why += " A string holds 255 bytes. Put the rest into a second string of the same record."
        return Note(severity, "DKIM_CUT", "The published key is truncated", why)
    garbled = _damage(record.key, ours)
    if garbled:
        return Note(severity, "DKIM_GARBLED", "The published key is garbled", f"The key at {where} {garbled}.")
    why = f"The key at {where} is not {wanted.role} of the server."
    return Note(severity, "DKIM_FOREIGN", "Another key is published", why)


def _in_wrong_order(wanted: _ExpectedKey, answer: Answer) -> bool:
    """Whether the strings of the record form the key only in another order."""
    strings = next((data.strings for data in answer.records if isinstance(data, Txt)), ())
    if not 1 < len(strings) <= _MAX_PIECES or _gives(wanted, "".join(strings)):
        return False
    return any(_gives(wanted, "".join(order)) for order in permutations(strings))


def _damage(key: str, ours: str) -> str:
    """How the server's key was damaged, as a clause; empty if it is another key."""
    if re.sub(r"[^A-Za-z0-9+/=]", "", key) == ours:
        return "contains other characters, such as quotation marks, where it was split"
    if re.sub(r"\W*p=", "", key) == ours:
        return "contains another p= where it was split"
    return ""


def _quality_notes(wanted: _ExpectedKey, record: DkimRecord) -> list[Note]:
    """Rows 25 and 26: strength and limits of a correctly published key."""
    notes: list[Note] = []
    key = rsa(wanted.key.public_key)
    raw = key_bytes(wanted.key.public_key) or b""
    # The server gives only the bytes of the key, so its type comes from their form.
    kind = "rsa" if key else "ed25519" if len(raw) == 32 else "unknown"
    # Weak keys are a property of the server's key, so the finding names the server and not DNS.
    if key is not None and key.bits < _MIN_BITS:
        text = f"The key has {key.bits} bits. Receivers must reject fewer than {_MIN_BITS}. Create one of {_GOOD_BITS}."
        notes.append(Note(wanted.severity, "DKIM_TOO_WEAK", "The key is too short", text))
    elif key is not None and key.bits < _GOOD_BITS:
        text = (
            f"The key has {key.bits} bits; {_GOOD_BITS} are recommended. Create a longer one on the server (rollover)."
        )
        notes.append(Note("warn", "DKIM_WEAK", "The key is short", text))
    if kind == "unknown" or record.key_type.lower() != kind:
        text = f"The record contains k={record.key_type[:20]}, but the type of the key is {kind}."
        notes.append(Note(wanted.severity, "DKIM_TYPE", "The key's type is wrong", text))
    return [*notes, *_limit_notes(wanted, record)]


def _limit_notes(wanted: _ExpectedKey, record: DkimRecord) -> list[Note]:
    notes: list[Note] = []
    if record.hashes is not None and "sha256" not in record.hashes:
        text = f"h={':'.join(record.hashes)[:60]} does not allow sha256, which every signature uses. Remove h=."
        notes.append(Note(wanted.severity, "DKIM_HASH", "The key record forbids the hash in use", text))
    if record.services is not None and not {"*", "email"} & set(record.services):
        text = f"s={':'.join(record.services)[:60]} does not allow the key for e-mail. Remove s=."
        notes.append(Note(wanted.severity, "DKIM_SERVICE", "The key is not for e-mail", text))
    if record.flags is not None and "y" in record.flags:
        text = "t=y marks the key as a test, so receivers may treat the mail as unsigned. Remove t=y."
        notes.append(Note("warn", "DKIM_TESTING", "The key is marked as a test", text))
    if record.flags is not None and "s" in record.flags:
        notes.append(info_note("t=s: this key is not valid for signatures of subdomains.", "DKIM_STRICT"))
    return notes
