"""Check `dkim`: the key that the server signs with is the key that is published."""

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

# What check `dkim` says about the record of one key: rows 22 to 27, and 29, of the catalogue of checks.


_MIN_BITS, _GOOD_BITS = 1024, 2048
"""RFC 8301 section 3.2: verifiers must not accept less than the first, signers should use the second."""
_PROBE = "reconciler-no-such-selector"
"""A selector that nobody uses: what answers for it answers for all."""
_MAX_PIECES = 4
"""Pieces of a key that are tried in every order; no key has more."""


@dataclass(frozen=True, slots=True)
class ExpectedKey:
    """A key to be published: its place, and how grave it is if it is not there."""

    name: str
    key: DkimKey
    severity: Status
    role: str


def probe(wanted: ExpectedKey, facts: Facts) -> str | None:
    """The name to ask for a wildcard: only where something answers at the selector that is not the server's key."""
    answer = facts.known(wanted.name, "TXT")
    if answer is None or not answer.texts() or _right(wanted, answer):
        return None
    name = f"{_PROBE}.{wanted.name.partition('.')[2]}"
    return name if is_askable(name) else None


def key_notes(wanted: ExpectedKey, facts: Facts) -> list[Note]:
    """What is wrong with what is published for one key."""
    answer = facts.answer(wanted.name, "TXT")
    if answer.unknown:
        return unknown([answer])
    texts = answer.texts()
    if not texts:
        text = f"At {wanted.name} there is no TXT record, so receivers cannot check {wanted.role}."
        if answer.aliases:
            text = (
                f"{wanted.name} is a CNAME for {answer.aliases[-1]}, which has no TXT record, so receivers cannot "
                f"check {wanted.role}. Delete the CNAME, or have the record published there: nothing else may stand "
                "beside one."
            )
        return [Note(wanted.severity, "DKIM_MISSING", "The key is not published", text)]
    wild = _wildcard(wanted, answer, facts)
    if len(texts) > 1:
        return [_several(wanted, texts), *wild]
    record = parse_dkim(texts[0])
    mismatch = _mismatch(wanted, record, answer)
    found = [mismatch, *wild] if mismatch is not None else qualities(wanted, record)
    if answer.aliases:
        text = f"{wanted.name} leads through a CNAME to {answer.aliases[-1]}."
        if any(note.status != "pass" for note in found):
            text += " Delete the CNAME, or have the record mended there: nothing else may stand beside one."
        found.append(info_note(text, "DKIM_DELEGATED"))
    return found


def _right(wanted: ExpectedKey, answer: Answer) -> bool:
    texts = answer.texts()
    return len(texts) == 1 and same_key(parse_dkim(texts[0]).key or "", wanted.key.public_key)


def _wildcard(wanted: ExpectedKey, answer: Answer, facts: Facts) -> list[Note]:
    """Row 29: what answers is a wildcard, so that this selector's record is not there at all."""
    name = probe(wanted, facts)
    other = facts.known(name, "TXT") if name else None
    if other is None or other.texts() != answer.texts():
        return []
    text = f"A wildcard answers for every selector below {wanted.name.partition('.')[2]}: {wanted.name} is not there."
    return [Note("warn", "DKIM_WILDCARD", "A wildcard answers in place of the key", text)]


def _several(wanted: ExpectedKey, texts: tuple[str, ...]) -> Note:
    text = f"At {wanted.name} there are {len(texts)} TXT records; what receivers do then is not defined. Keep one."
    if len(texts) <= _MAX_PIECES and any(_gives(wanted, "".join(order)) for order in permutations(texts)):
        text = (
            f"At {wanted.name} the key is spread over {len(texts)} TXT records, each with a piece of it. Publish one "
            "record; a long text is several strings within it."
        )
        return Note(wanted.severity, "DKIM_SPREAD", "The key is spread over several records", text)
    return Note(wanted.severity, "DKIM_SEVERAL", "Several records stand at the selector", text)


def _gives(wanted: ExpectedKey, text: str) -> bool:
    return same_key(parse_dkim(text).key or "", wanted.key.public_key)


def _mismatch(wanted: ExpectedKey, record: DkimRecord, answer: Answer) -> Note | None:
    """Rows 23, 24 and 27: why the record does not give the server's key."""
    where, severity, text = wanted.name, wanted.severity, answer.texts()[0]
    if record.key == "":
        return Note(severity, "DKIM_REVOKED", "The key is revoked", f"At {where} p= is empty: that revokes the key.")
    if _disordered(wanted, answer):
        why = f"The key at {where} is split into strings that stand in the wrong order."
        return Note(severity, "DKIM_GARBLED", "The published key is garbled", why)
    if record.faults or record.key is None:
        why = "; ".join((*record.faults, *tags.slips(text)))
        return Note(severity, "DKIM_INVALID", "The key record is not valid", f"The record at {where}: {why}.")
    if same_key(record.key, wanted.key.public_key):
        return None
    ours = re.sub(r"\s", "", wanted.key.public_key)
    if ours.startswith(record.key):
        why = f"The key at {where} is cut off after {len(record.key)} of {len(ours)} characters."
        if len(text.encode()) <= 255:
            why += " One string holds 255 bytes: the rest belongs into a second string of the same record."
        return Note(severity, "DKIM_CUT", "The published key is cut off", why)
    garbled = _garbled(record.key, ours)
    if garbled:
        return Note(severity, "DKIM_GARBLED", "The published key is garbled", f"The key at {where} {garbled}.")
    why = f"The key at {where} is not {wanted.role} of the server."
    return Note(severity, "DKIM_FOREIGN", "Another key is published", why)


def _disordered(wanted: ExpectedKey, answer: Answer) -> bool:
    """Whether the strings of the record give the key in another order than theirs only."""
    strings = next((data.strings for data in answer.records if isinstance(data, Txt)), ())
    if not 1 < len(strings) <= _MAX_PIECES or _gives(wanted, "".join(strings)):
        return False
    return any(_gives(wanted, "".join(order)) for order in permutations(strings))


def _garbled(key: str, ours: str) -> str:
    """How a key that is the server's came to look otherwise; empty where it is another."""
    if re.sub(r"[^A-Za-z0-9+/=]", "", key) == ours:
        return "holds characters that do not belong there, like quotation marks where it was split"
    if re.sub(r"\W*p=", "", key) == ours:
        return "has p= once more in the middle, where it was split"
    return ""


def qualities(wanted: ExpectedKey, record: DkimRecord) -> list[Note]:
    """Rows 25 and 26: the right key, but is it any good?"""
    notes: list[Note] = []
    key = rsa(wanted.key.public_key)
    raw = key_bytes(wanted.key.public_key) or b""
    kind = "rsa" if key else "ed25519" if len(raw) == 32 else "unknown"
    if key is not None and key.bits < _MIN_BITS:
        text = (
            f"The key has {key.bits} bits; receivers must not accept less than {_MIN_BITS}. Create one of {_GOOD_BITS}."
        )
        notes.append(Note(wanted.severity, "DKIM_TOO_WEAK", "The key is too short", text))
    elif key is not None and key.bits < _GOOD_BITS:
        text = f"The key has {key.bits} bits; {_GOOD_BITS} are advised. Create a longer one on the server (rollover)."
        notes.append(Note("warn", "DKIM_WEAK", "The key is short", text))
    if kind == "unknown" or record.key_type.lower() != kind:
        text = f"The record says k={record.key_type[:20]}, the key is {kind}."
        notes.append(Note(wanted.severity, "DKIM_TYPE", "The key's type is wrong", text))
    return [*notes, *_limits(wanted, record)]


def _limits(wanted: ExpectedKey, record: DkimRecord) -> list[Note]:
    notes: list[Note] = []
    if record.hashes is not None and "sha256" not in record.hashes:
        text = f"h={':'.join(record.hashes)[:60]} does not allow sha256, which every signature uses."
        notes.append(Note(wanted.severity, "DKIM_HASH", "The key record forbids the hash in use", text))
    if record.services is not None and not {"*", "email"} & set(record.services):
        text = f"s={':'.join(record.services)[:60]} does not allow the key for e-mail."
        notes.append(Note(wanted.severity, "DKIM_SERVICE", "The key is not for e-mail", text))
    if record.flags is not None and "y" in record.flags:
        text = "t=y says that the domain is testing DKIM: receivers may treat its mail as unsigned."
        notes.append(Note("warn", "DKIM_TESTING", "The key is marked as a test", text))
    if record.flags is not None and "s" in record.flags:
        notes.append(info_note("t=s: signatures for subdomains are not valid with this key.", "DKIM_STRICT"))
    return notes


_BASIS = Basis(id="dkim", reference="RFC 6376 section 3.6, RFC 8301, RFC 8463", good_code="DKIM_OK")

CODES: Mapping[str, str] = MappingProxyType(
    {
        "DKIM_OK": "The key that the server signs with is published. Nothing is to be done.",
        "DKIM_ALIAS": "A domain alias has no key of its own, as far as is known. Nothing is to be done.",
        "DKIM_NOT_ASKED": "The server was not asked for its key, so there is nothing to compare with.",
        "DKIM_SERVER_SILENT": "The server could not be asked for its key. Look at its address and credentials.",
        "DKIM_NO_KEY": "The server says that it signs, but names no key. Look at its e-mail signing settings.",
        "DKIM_SELECTOR": "The server's selector cannot be a name in DNS. Create a new key there.",
        "DKIM_SERVER_KEY": "The server's public key is not base64. Create a new key there.",
        "DKIM_SAME_SELECTOR": "The server names one selector for two keys, of which only one can be published. Create "
        "the new key under another selector.",
        "DKIM_NOT_SIGNING": "The server does not sign the domain's mail. Publish its key, then enable signing there.",
        "DKIM_ROLLOVER": "A second key waits to be used (rollover). Publish it before it is made active.",
        "DKIM_MISSING": "There is no record at the selector, so that receivers cannot check signatures. Publish it.",
        "DKIM_SEVERAL": "Several records stand at one selector, and what receivers do then is not defined. Keep one.",
        "DKIM_SPREAD": "The key was split into several records instead of several strings of one. Publish one.",
        "DKIM_WILDCARD": "A wildcard below _domainkey answers in place of the key. Publish the key at its own name.",
        "DKIM_REVOKED": "p= is empty, which revokes the key. Publish the key that the server signs with.",
        "DKIM_INVALID": "The record is not valid: the version, a tag or the key is missing or wrong. Replace it.",
        "DKIM_CUT": "The key was cut off, mostly at the 255 bytes of one string. Split it into strings.",
        "DKIM_GARBLED": "The key was split wrongly: quotation marks, another p=, or strings in the wrong order are in "
        "it. Replace the record.",
        "DKIM_FOREIGN": "The key at the selector is not the server's. Publish the one that is shown.",
        "DKIM_DELEGATED": "The key is behind a CNAME. Nothing is to be done.",
        "DKIM_TOO_WEAK": "The key has less than 1024 bits, which receivers must not accept. Create one of 2048.",
        "DKIM_WEAK": "The key has less than the 2048 bits that are advised. Create a longer one.",
        "DKIM_ED25519_ALONE": "The only key is of the type Ed25519, which many receivers cannot check. Sign with an "
        "RSA key, too.",
        "DKIM_TYPE": "k= names another type than the key has. Replace the record.",
        "DKIM_HASH": "h= forbids sha256, which every signature uses. Leave it out.",
        "DKIM_SERVICE": "s= does not allow the key for e-mail. Leave it out.",
        "DKIM_TESTING": "t=y marks the key as a test, so that receivers may ignore it. Leave it out.",
        "DKIM_STRICT": "t=s: the key is not valid for signatures of subdomains. That is a choice.",
    }
)
"""What each code means, and what to do."""


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """TXT at the selector of the key in use, and of the one that waits; where it is wrong, at one that nobody uses."""
    for wanted in _expected_keys(subject):
        yield wanted.name, "TXT"
        wildcard = probe(wanted, facts)
        if wildcard is not None:
            yield wildcard, "TXT"


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; rows 22 to 29 of the catalogue of checks."""
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
    notes.extend([*_bad_selectors(subject), *_rollover(subject), *_alone(subject)])
    for wanted in _expected_keys(subject):
        answer = facts.answer(wanted.name, "TXT")
        record = publish.txt(wanted.name, compose_dkim(wanted.key.public_key))
        here = key_notes(wanted, facts)
        notes.extend(here)
        found.extend(found_records(answer))
        expected.append(record)
        if any(note.status in ("warn", "fail") and note.code not in _NOT_BY_DNS for note in here):
            fix.append(record)
    return conclude(_BASIS, notes, good="The published key is the one in use", expected=expected, found=found, fix=fix)


_NOT_BY_DNS = frozenset({"DKIM_WEAK", "DKIM_TOO_WEAK", "DKIM_ED25519_ALONE"})
"""Faults of the key itself, which publishing it again does not mend."""


def _expected_keys(subject: Subject) -> list[ExpectedKey]:
    if subject.alias_of is not None or subject.dkim is None:
        return []
    severity: Status = "fail" if subject.dkim.active else "warn"
    keys: list[tuple[DkimKey | None, Status, str]] = [
        (subject.dkim.key, severity, "the key in use" if subject.dkim.active else "the key"),
        (subject.dkim.pending, "warn", "the key that waits to be used"),
    ]
    found: list[ExpectedKey] = []
    for key, status, role in keys:
        name = _name(key.selector, subject.domain) if key else None
        if name is None or name in (wanted.name for wanted in found):
            continue
        if key is not None and key_bytes(key.public_key):
            found.append(ExpectedKey(name, key, status, role))
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


def _rollover(subject: Subject) -> list[Note]:
    """Row 28: which key signs, and which waits."""
    assert subject.dkim is not None
    key, pending = subject.dkim.key, subject.dkim.pending
    if key is None or pending is None:
        return []
    if _name(key.selector, subject.domain) == _name(pending.selector, subject.domain) is not None:
        if same_key(key.public_key, pending.public_key):
            return []
        text = f"The server names the selector {key.selector[:60]} for the key in use and for another that waits."
        return [Note("warn", "DKIM_SAME_SELECTOR", "Two keys have one selector", text)]
    state = "active" if subject.dkim.active else "disabled"
    text = f"Two keys: {key.selector[:60]} is {state}, {pending.selector[:60]} on standby."
    return [info_note(text, "DKIM_ROLLOVER")]


def _alone(subject: Subject) -> list[Note]:
    """Row 25: an Ed25519 key without an RSA key beside it, so that many receivers see no signature."""
    assert subject.dkim is not None
    keys = [key for key in (subject.dkim.key, subject.dkim.pending) if key is not None]
    raw = [key_bytes(key.public_key) or b"" for key in keys]
    if not any(len(data) == 32 for data in raw) or any(rsa(key.public_key) for key in keys):
        return []
    text = "The key is of the type Ed25519 (RFC 8463), which many receivers cannot check; sign with an RSA key, too."
    return [Note("warn", "DKIM_ED25519_ALONE", "There is no RSA key", text)]
