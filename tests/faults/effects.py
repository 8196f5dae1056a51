"""The effect of a change, from the server's state and its log of effects. The client's own report is not used."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reconciler.core.plan import Change

Effect = Literal["none", "part", "complete"]
State = Mapping[str, Any]
NEW_PASSWORD_FITS = "new"

_SECTION = {"mailbox": "users", "alias": "aliases", "domainAlias": "domainAliases"}
_MAILBOX = {
    "displayName": lambda u: u["fullName"],
    "quota": lambda u: u["maxMailboxSize"],
    "enabled": lambda u: not u["isDisabled"],
    "forwarding.to": lambda u: tuple(u["forwards"]),
    "forwarding.keepCopy": lambda u: not u["deletes"],
    "eas": lambda u: u["eas"],
    "mapi": lambda u: u["mapi"],
}
_ALIAS = {
    "to": lambda a: tuple(a["targets"]),
    "displayName": lambda a: a["displayName"],
    "allowSending": lambda a: a["allowSending"],
    "hideFromGal": lambda a: a["hideFromGAL"],
    "internalOnly": lambda a: a["internalOnly"],
}


def effect_of(change: Change, before: State, after: State, new_password: str) -> Effect:
    """Return how much of a change the server shows. A password counts as a field unless it is generated."""
    section, name = _SECTION[change.kind], change.name
    was, now = name in before[section], name in after[section]
    match change.action:
        case "delete":
            return "none" if now else "complete"
        case "rename":
            new = change.new_name in after[section]
            return "complete" if new and not now else "part" if new or not now else "none"
        case "create" if not now:
            return "none"
        case "update" if not now:
            return "none" if not was else "part"
    if change.kind == "domainAlias":
        return "complete"
    rows = _MAILBOX if change.kind == "mailbox" else _ALIAS
    there = after[section][name]
    done = [rows[f.name](there) == f.after for f in change.fields if f.secret is None]
    if change.password is not None and change.password.kind != "generate":
        done.append(there["password"] == [new_password])
    if all(done):
        return "complete"
    return "part" if any(done) or change.action == "create" else "none"


@dataclass
class Replay:
    """Replays the server's log of effects, request by request.

    Attributes:
        start, end: addresses (`user anna@example.com`) that exist before and after an undisturbed run.
        renamed: old address -> new address, as the files declare.
    """

    start: frozenset[str]
    end: frozenset[str]
    renamed: Mapping[str, str]
    surprises: list[str] = field(default_factory=list)

    def run(self, log: Iterable[Mapping[str, Any]]) -> None:
        """Record every address that is missing after a request although it must exist."""
        there = set(self.start)
        must = set(self.start & self.end)
        waiting = set(self.renamed)
        for entry in log:
            for effect in entry["effects"]:
                action, _, address = effect.partition(" ")
                if action == "create":
                    there.add(address)
                    must |= {address} & self.end
                elif action == "delete":
                    there.discard(address)
                elif action == "rename":
                    there.discard(address)
                    new = self.renamed.get(address)
                    if new is None:
                        self.surprises.append(f"missing: {address} was renamed without a declaration")
                        continue
                    waiting.discard(address)
                    there.add(new)
                    must.add(new)
            for address in sorted((must | waiting) - there):
                self.surprises.append(f"missing: {address} does not exist after request {entry['number']}")
            if entry["effects"] and not entry["domain"]:
                self.surprises.append(f"another domain: request {entry['number']} changed {entry['effects']}")


def addresses(domain: str, state: State) -> frozenset[str]:
    """Return the existing addresses in the notation of the log."""
    found = {f"user {n}@{domain}" for n in state["users"]} | {f"alias {n}@{domain}" for n in state["aliases"]}
    return frozenset(found | {f"domainAlias {n}" for n in state["domainAliases"]})
