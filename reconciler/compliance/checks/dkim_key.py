"""What check `dkim` says about the record of one key: rows 22 to 27, and 29, of the catalogue of checks."""

import re
from dataclasses import dataclass
from itertools import permutations

from reconciler.compliance.facts import Facts
from reconciler.compliance.records import txt
from reconciler.compliance.records.dkim import DkimRecord, key_bytes, parse, rsa, same_key
from reconciler.compliance.records.dns_names import is_askable
from reconciler.compliance.verdict import Note, remark, unknown
from reconciler.core.dns import Answer, Txt
from reconciler.core.findings import Status
from reconciler.core.model import DkimKey

_MIN_BITS, _GOOD_BITS = 1024, 2048
"""RFC 8301 section 3.2: verifiers must not accept less than the first, signers should use the second."""
_PROBE = "reconciler-no-such-selector"
"""A selector that nobody uses: what answers for it answers for all."""
_MAX_PIECES = 4
"""Pieces of a key that are tried in every order; no key has more."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key to be published: its place, and how grave it is if it is not there."""

    name: str
    key: DkimKey
    gravity: Status
    role: str


def probe(wanted: Wanted, facts: Facts) -> str | None:
    """The name to ask for a wildcard: only where something answers at the selector that is not the server's key."""
    answer = facts.known(wanted.name, "TXT")
    if answer is None or not answer.texts() or _right(wanted, answer):
        return None
    name = f"{_PROBE}.{wanted.name.partition('.')[2]}"
    return name if is_askable(name) else None


def key_notes(wanted: Wanted, facts: Facts) -> list[Note]:
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
        return [Note(wanted.gravity, "DKIM_MISSING", "The key is not published", text)]
    wild = _wildcard(wanted, answer, facts)
    if len(texts) > 1:
        return [_several(wanted, texts), *wild]
    record = parse(texts[0])
    mismatch = _mismatch(wanted, record, answer)
    found = [mismatch, *wild] if mismatch is not None else qualities(wanted, record)
    if answer.aliases:
        text = f"{wanted.name} leads through a CNAME to {answer.aliases[-1]}."
        if any(note.status != "pass" for note in found):
            text += " Delete the CNAME, or have the record mended there: nothing else may stand beside one."
        found.append(remark(text, "DKIM_DELEGATED"))
    return found


def _right(wanted: Wanted, answer: Answer) -> bool:
    texts = answer.texts()
    return len(texts) == 1 and same_key(parse(texts[0]).key or "", wanted.key.public_key)


def _wildcard(wanted: Wanted, answer: Answer, facts: Facts) -> list[Note]:
    """Row 29: what answers is a wildcard, so that this selector's record is not there at all."""
    name = probe(wanted, facts)
    other = facts.known(name, "TXT") if name else None
    if other is None or other.texts() != answer.texts():
        return []
    text = f"A wildcard answers for every selector below {wanted.name.partition('.')[2]}: {wanted.name} is not there."
    return [Note("warn", "DKIM_WILDCARD", "A wildcard answers in place of the key", text)]


def _several(wanted: Wanted, texts: tuple[str, ...]) -> Note:
    text = f"At {wanted.name} there are {len(texts)} TXT records; what receivers do then is not defined. Keep one."
    if len(texts) <= _MAX_PIECES and any(_gives(wanted, "".join(order)) for order in permutations(texts)):
        text = (
            f"At {wanted.name} the key is spread over {len(texts)} TXT records, each with a piece of it. Publish one "
            "record; a long text is several strings within it."
        )
        return Note(wanted.gravity, "DKIM_SPREAD", "The key is spread over several records", text)
    return Note(wanted.gravity, "DKIM_SEVERAL", "Several records stand at the selector", text)


def _gives(wanted: Wanted, text: str) -> bool:
    return same_key(parse(text).key or "", wanted.key.public_key)


def _mismatch(wanted: Wanted, record: DkimRecord, answer: Answer) -> Note | None:
    """Rows 23, 24 and 27: why the record does not give the server's key."""
    where, gravity, text = wanted.name, wanted.gravity, answer.texts()[0]
    if record.key == "":
        return Note(gravity, "DKIM_REVOKED", "The key is revoked", f"At {where} p= is empty: that revokes the key.")
    if _disordered(wanted, answer):
        why = f"The key at {where} is split into strings that stand in the wrong order."
        return Note(gravity, "DKIM_GARBLED", "The published key is garbled", why)
    if record.faults or record.key is None:
        why = "; ".join((*record.faults, *txt.slips(text)))
        return Note(gravity, "DKIM_INVALID", "The key record is not valid", f"The record at {where}: {why}.")
    if same_key(record.key, wanted.key.public_key):
        return None
    ours = re.sub(r"\s", "", wanted.key.public_key)
    if ours.startswith(record.key):
        why = f"The key at {where} is cut off after {len(record.key)} of {len(ours)} characters."
        if len(text.encode()) <= 255:
            why += " One string holds 255 bytes: the rest belongs into a second string of the same record."
        return Note(gravity, "DKIM_CUT", "The published key is cut off", why)
    garbled = _garbled(record.key, ours)
    if garbled:
        return Note(gravity, "DKIM_GARBLED", "The published key is garbled", f"The key at {where} {garbled}.")
    why = f"The key at {where} is not {wanted.role} of the server."
    return Note(gravity, "DKIM_FOREIGN", "Another key is published", why)


def _disordered(wanted: Wanted, answer: Answer) -> bool:
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


def qualities(wanted: Wanted, record: DkimRecord) -> list[Note]:
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
    return [*notes, *_limits(wanted, record)]


def _limits(wanted: Wanted, record: DkimRecord) -> list[Note]:
    notes: list[Note] = []
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
        notes.append(remark("t=s: signatures for subdomains are not valid with this key.", "DKIM_STRICT"))
    return notes
