"""Check `dkim`: the key that the server signs with is the key that is published."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.compliance import publish
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records import txt
from reconciler.compliance.records.dkim import DkimRecord, compose, key_bytes, parse, rsa, same_key
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, found_records, remark, skipped, unknown
from reconciler.core.dns import Answer
from reconciler.core.findings import Finding, Record, Status
from reconciler.core.model import DkimKey
from reconciler.core.names import BadName, host_name

_BASIS = Basis(id="dkim", reference="RFC 6376 section 3.6, RFC 8301", good_code="DKIM_OK")
_MIN_BITS, _GOOD_BITS = 1024, 2048
"""RFC 8301 section 3.2: verifiers must not accept less than the first, signers should use the second."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A key to be published: its place, and how grave it is if it is not there."""

    name: str
    key: DkimKey
    gravity: Status
    role: str


def questions(subject: Subject, _facts: Facts) -> Iterator[Question]:
    """TXT at the selector of the key in use, and of the one that waits."""
    for wanted in _wanted(subject):
        yield wanted.name, "TXT"


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; rows 22 to 28 of the catalogue of checks."""
    if subject.alias_of is not None:
        text = f"As far as is known, the server signs with the key of {subject.alias_of}, and has none for its aliases."
        return skipped(_BASIS, "DKIM_ALIAS", "A domain alias has no key of its own", text)
    if subject.dkim is None and subject.dkim_problem:
        text = f"The server could not be asked with which key it signs: {subject.dkim_problem}"
        note = Note("error", "DKIM_SERVER_SILENT", "The server's key could not be read", text)
        return conclude(_BASIS, [note], good="")
    if subject.dkim is None:
        text = "The server was not asked, or could not say, with which key it signs; there is nothing to compare with."
        return skipped(_BASIS, "DKIM_NOT_ASKED", "The server's key is not known", text)
    notes: list[Note] = []
    found: list[Record] = []
    expected: list[Record] = []
    fix: list[Record] = []
    if not subject.dkim.active:
        notes.append(_not_signing(subject))
    elif subject.dkim.key is None:
        text = "The server says that it signs, but names no key; look at the domain's e-mail signing settings there."
        notes.append(Note("error", "DKIM_NO_KEY", "The server names no key", text))
    notes.extend(_bad_selectors(subject))
    for wanted in _wanted(subject):
        answer = facts.answer(wanted.name, "TXT")
        record = publish.txt(wanted.name, compose(wanted.key.public_key))
        here = _key_notes(wanted, answer)
        notes.extend(here)
        found.extend(found_records(answer))
        expected.append(record)
        if any(note.status in ("warn", "fail") and note.code not in _NOT_BY_DNS for note in here):
            fix.append(record)
    return conclude(_BASIS, notes, good="The published key is the one in use", expected=expected, found=found, fix=fix)


_NOT_BY_DNS = frozenset({"DKIM_WEAK", "DKIM_TOO_WEAK"})
"""Faults of the key itself, which publishing it again does not mend."""


def _wanted(subject: Subject) -> list[_Wanted]:
    if subject.alias_of is not None or subject.dkim is None:
        return []
    gravity: Status = "fail" if subject.dkim.active else "warn"
    keys: list[tuple[DkimKey | None, Status, str]] = [
        (subject.dkim.key, gravity, "the key in use" if subject.dkim.active else "the key"),
        (subject.dkim.pending, "warn", "the key that waits to be used"),
    ]
    found = []
    for key, status, role in keys:
        name = _name(key.selector, subject.domain) if key else None
        if key is not None and name is not None and key_bytes(key.public_key):
            found.append(_Wanted(name, key, status, role))
    return found


def _name(selector: str, domain: str) -> str | None:
    try:
        return host_name(f"{selector}._domainkey.{domain}") if selector else None
    except BadName:
        return None


def _bad_selectors(subject: Subject) -> list[Note]:
    """Keys of which the server says what cannot be."""
    assert subject.dkim is not None
    notes = []
    for key in (subject.dkim.key, subject.dkim.pending):
        if key is None:
            continue
        if _name(key.selector, subject.domain) is None:
            text = f"The server's selector “{key.selector[:60]}” cannot be a name in DNS, so nothing can be looked up."
            notes.append(Note("error", "DKIM_SELECTOR", "The server's selector is not usable", text))
        elif not key_bytes(key.public_key):
            text = f"The key that the server gives for the selector {key.selector} is not base64."
            notes.append(Note("error", "DKIM_SERVER_KEY", "The server's key cannot be read", text))
    return notes


def _not_signing(subject: Subject) -> Note:
    assert subject.dkim is not None
    if subject.dkim.key is None and subject.dkim.pending is None:
        text = "The server does not sign this domain's mail and has no key: create one in its e-mail signing settings."
    else:
        text = "The server has a key but does not sign this domain's mail: publish the key, then enable signing there."
    return Note("warn", "DKIM_NOT_SIGNING", "The server does not sign", text)


def _key_notes(wanted: _Wanted, answer: Answer) -> list[Note]:
    """What is wrong with what is published for one key."""
    if answer.unknown:
        return unknown([answer])
    texts = answer.texts()
    if not texts:
        text = f"At {wanted.name} there is no TXT record, so receivers cannot check {wanted.role}."
        return [Note(wanted.gravity, "DKIM_MISSING", "The key is not published", text)]
    if len(texts) > 1:
        text = f"At {wanted.name} there are {len(texts)} TXT records; what receivers do then is not defined. Keep one."
        return [Note(wanted.gravity, "DKIM_SEVERAL", "Several records stand at the selector", text)]
    record = parse(texts[0])
    notes = [_mismatch(wanted, record, texts[0])]
    found = [note for note in notes if note is not None] or _qualities(wanted, record)
    if answer.aliases:
        found.append(remark(f"{wanted.name} leads through a CNAME to {answer.aliases[-1]}."))
    return found


def _mismatch(wanted: _Wanted, record: DkimRecord, text: str) -> Note | None:
    """Rows 23, 24 and 27: why the record does not give the server's key."""
    where, gravity = wanted.name, wanted.gravity
    if record.key == "":
        return Note(gravity, "DKIM_REVOKED", "The key is revoked", f"At {where} p= is empty: that revokes the key.")
    if record.faults or record.key is None:
        why = "; ".join((*record.faults, *txt.slips(text)))
        return Note(gravity, "DKIM_INVALID", "The key record is not valid", f"The record at {where}: {why}.")
    if same_key(record.key, wanted.key.public_key):
        return None
    ours = re.sub(r"\s", "", wanted.key.public_key)
    if ours.startswith(record.key):
        why = f"The key at {where} is cut off after {len(record.key)} of {len(ours)} characters."
        return Note(gravity, "DKIM_CUT", "The published key is cut off", why)
    if re.sub(r"[^A-Za-z0-9+/=]", "", record.key) == ours:
        why = f"The key at {where} holds characters that do not belong there, like quotation marks where it was split."
        return Note(gravity, "DKIM_GARBLED", "The published key is garbled", why)
    why = f"The key at {where} is not {wanted.role} of the server."
    return Note(gravity, "DKIM_FOREIGN", "Another key is published", why)


def _qualities(wanted: _Wanted, record: DkimRecord) -> list[Note]:
    """Rows 25 and 26: the right key, but is it any good?"""
    notes: list[Note] = []
    key = rsa(wanted.key.public_key)
    raw = key_bytes(wanted.key.public_key) or b""
    kind = "rsa" if key else "ed25519" if len(raw) == 32 else "unknown"
    if key is not None and key.bits < _MIN_BITS:
        text = (
            f"The key has {key.bits} bits; receivers must not accept less than {_MIN_BITS}. Create one of {_GOOD_BITS}."
        )
        notes.append(Note(wanted.gravity, "DKIM_TOO_WEAK", "The key is too short", text))
    elif key is not None and key.bits < _GOOD_BITS:
        text = f"The key has {key.bits} bits; {_GOOD_BITS} are advised. Create a longer one on the server (rollover)."
        notes.append(Note("warn", "DKIM_WEAK", "The key is short", text))
    if kind == "unknown" or record.key_type.lower() != kind:
        text = f"The record says k={record.key_type[:20]}, the key is {kind}."
        notes.append(Note(wanted.gravity, "DKIM_TYPE", "The key's type is wrong", text))
    if record.hashes is not None and "sha256" not in record.hashes:
        text = f"h={':'.join(record.hashes)[:60]} does not allow sha256, which every signature uses."
        notes.append(Note(wanted.gravity, "DKIM_HASH", "The key record forbids the hash in use", text))
    if record.services is not None and not {"*", "email"} & set(record.services):
        text = f"s={':'.join(record.services)[:60]} does not allow the key for e-mail."
        notes.append(Note(wanted.gravity, "DKIM_SERVICE", "The key is not for e-mail", text))
    if record.flags is not None and "y" in record.flags:
        text = "t=y says that the domain is testing DKIM: receivers may treat its mail as unsigned."
        notes.append(Note("warn", "DKIM_TESTING", "The key is marked as a test", text))
    if record.flags is not None and "s" in record.flags:
        notes.append(remark("t=s: signatures for subdomains are not valid with this key."))
    return notes
