"""What check `dmarc` says about records in the wrong place or written wrongly: row 43 of the catalogue of checks."""

import re

from reconciler.compliance.records import dmarc, spf, txt
from reconciler.compliance.verdict import Note, remark
from reconciler.core.dns import Answer

_SHOWN = 60
_MEANT = re.compile(r"v\s*=\s*dmarc|p\s*=\s*(?:none|quarantine|reject)\b", re.IGNORECASE)


def mistakes(domain: str, own: Answer, apex: Answer | None) -> list[Note]:
    """Why a domain that seems to have no record has none after all: the diagnosis of the usual mistakes.

    Args:
        own: the TXT records at `_dmarc`.
        apex: those at the domain itself, where they were asked for.
    """
    notes = []
    if apex is not None and any(dmarc.is_dmarc(_tidied(text)) for text in apex.texts()):
        text = f"A DMARC record stands at {domain} itself, where nobody looks; it belongs at _dmarc.{domain}."
        notes.append(Note("fail", "DMARC_AT_APEX", "The DMARC record is in the wrong place", text))
    for text in own.texts():
        if dmarc.is_dmarc(text) or not _MEANT.match(txt.tidied(text)):
            continue
        why = ", ".join(txt.slips(text)) or _version(text)
        text = f"“{text[:_SHOWN]}” was probably meant as one, but {why}."
        notes.append(Note("fail", "DMARC_MISTYPED", "The DMARC record is written wrongly", text))
    return [*notes, *strangers(domain, own)]


def strangers(domain: str, own: Answer) -> list[Note]:
    """What stands at `_dmarc` and belongs elsewhere."""
    if any(spf.is_spf(text) for text in own.texts()):
        text = f"At _dmarc.{domain} stands an SPF record; it belongs at {domain}."
        return [remark(text, "DMARC_SPF_HERE")]
    return []


def _version(text: str) -> str:
    if re.match(r"v\s*=\s*DMARC1\b", text, re.IGNORECASE) and not text.partition("=")[2].lstrip().startswith("DMARC1"):
        return "DMARC1 must be in capitals"
    if re.search(r";\s*v\s*=\s*DMARC1\s*(?:;|$)", text):
        return "v=DMARC1 must stand first"
    return "it must begin with v=DMARC1, in exactly this case, and a semicolon"


def _tidied(text: str) -> str:
    return text if dmarc.is_dmarc(text) else txt.tidied(text)
