"""The declared domains of the soak test as plain data, random commits to them, and the comparison with a server."""

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GIB = 1 << 30
OUTSIDE = "x@else.example"


@dataclass
class Model:
    """The declared state of every domain, and the files that hold it."""

    root: Path
    servers: dict[str, str]
    domains: dict[str, dict[str, Any]] = field(default_factory=dict)

    def begin(self, count: int, dice: random.Random) -> None:
        """Create a workspace with `count` domains, distributed over the servers."""
        (self.root / "domains").mkdir()
        rows = {
            name: {
                "url": url,
                "hostname": f"{name}.example.net",
                "username": "admin",
                "password": {"env": "LAWS_ADMIN_PASSWORD"},
            }
            for name, url in self.servers.items()
        }
        policy = {"maxDeletions": {"count": 1000, "percent": 100}, "externalForwarding": "allow"}
        document = {"apiVersion": "reconciler/v1", "kind": "Workspace", "servers": rows, "policy": policy}
        (self.root / "reconciler.yaml").write_text(json.dumps(document), "utf-8")
        names = list(self.servers)
        for number in range(count):
            domain = f"d{number:04}.example"
            self.domains[domain] = {
                "apiVersion": "reconciler/v1",
                "kind": "Domain",
                "domain": domain,
                "server": names[number % len(names)],
                "mailboxes": {f"u{n}": _mailbox(dice) for n in range(4)},
                "aliases": {"a0": {"to": [f"u0@{domain}", OUTSIDE]}},
                "domainAliases": [f"also-{domain}"],
                "removed": {"mailboxes": [], "aliases": [], "domainAliases": []},
            }
            self.write(domain)

    def write(self, domain: str) -> None:
        """Write a domain file; every JSON document is also a YAML document."""
        (self.root / "domains" / f"{domain}.yaml").write_text(json.dumps(self.domains[domain]), "utf-8")

    def on(self, server: str) -> list[str]:
        """Return the domains of one server."""
        return [name for name, d in self.domains.items() if d["server"] == server]

    def commit(self, dice: random.Random) -> None:
        """Make one random change in one file."""
        domain = dice.choice(list(self.domains))
        one = self.domains[domain]
        boxes, aliases, removed = one["mailboxes"], one["aliases"], one["removed"]
        match dice.choice(["more", "less", "other", "other", "other", "alias", "no alias", "targets", "sister"]):
            case "more":
                name = f"u{dice.randrange(8)}"
                boxes.setdefault(name, _mailbox(dice))
                _unremoved(removed["mailboxes"], name)
            case "less" if len(boxes) > 2:
                name = dice.choice([n for n in boxes if n != "u0"])
                del boxes[name]
                removed["mailboxes"].append(name)
                for alias in aliases.values():
                    alias["to"] = [t for t in alias["to"] if t != f"{name}@{domain}"]
            case "other":
                name = dice.choice(list(boxes))
                boxes[name] = {**_mailbox(dice), "password": boxes[name]["password"]}
            case "alias":
                name = f"a{dice.randrange(4)}"
                aliases.setdefault(name, {"to": [OUTSIDE]})
                _unremoved(removed["aliases"], name)
            case "no alias" if aliases:
                name = dice.choice(list(aliases))
                del aliases[name]
                removed["aliases"].append(name)
            case "targets" if aliases:
                targets = dice.sample(sorted(boxes), dice.randint(0, len(boxes)))
                aliases[dice.choice(list(aliases))]["to"] = [*(f"{t}@{domain}" for t in targets), OUTSIDE]
            case "sister":
                name = f"also-{domain}"
                there = name in one["domainAliases"]
                one["domainAliases"] = [] if there else [name]
                removed["domainAliases"] = [name] if there else []
        self.write(domain)

    def differences(self, domain: str, state: dict[str, Any]) -> list[str]:
        """Return the differences between a server and the files."""
        one, found = self.domains[domain], []
        for name, wanted in one["mailboxes"].items():
            there = state["users"].get(name)
            seen = None if there is None else _seen(there, wanted)
            if seen != {k: v for k, v in wanted.items() if k != "password"}:
                found.append(f"{name}@{domain} is {seen}, not {wanted}")
        for name, wanted in one["aliases"].items():
            there = state["aliases"].get(name)
            targets = None if there is None else sorted(t if "@" in t else f"{t}@{domain}" for t in there["targets"])
            if targets != sorted(wanted["to"]):
                found.append(f"alias {name}@{domain} has {targets}, not {sorted(wanted['to'])}")
        found += [f"{n} is not an alias of {domain}" for n in set(one["domainAliases"]) - set(state["domainAliases"])]
        gone = one["removed"]
        found += [f"{n}@{domain} still exists" for n in gone["mailboxes"] if n in state["users"]]
        found += [f"alias {n}@{domain} still exists" for n in gone["aliases"] if n in state["aliases"]]
        found += [f"{n} is still an alias" for n in gone["domainAliases"] if n in state["domainAliases"]]
        return found

    def unmanaged(self, domain: str, state: dict[str, Any]) -> dict[str, Any]:
        """Return the data of a domain that no file declares or removes."""
        one = self.domains[domain]
        ours = {*one["mailboxes"], *one["removed"]["mailboxes"]}
        aliases = {*one["aliases"], *one["removed"]["aliases"]}
        return {
            "users": {n: u for n, u in state["users"].items() if n not in ours},
            "aliases": {n: a for n, a in state["aliases"].items() if n not in aliases},
        }


def _mailbox(dice: random.Random) -> dict[str, Any]:
    return {
        "displayName": dice.choice(["", "Anna", "Zoë Müller", "null"]),
        "quota": dice.choice([1, 2, 5]) * GIB,
        "enabled": dice.random() > 0.1,
        "forwarding": {"to": dice.choice([[], [], [OUTSIDE]]), "keepCopy": True},
        "eas": dice.random() < 0.3,
        "password": dice.choice([{"env": "PW"}, {"generate": True}]),
    }


def _seen(user: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    forward = user["mailboxForwardList"]
    return {
        "displayName": user["userData"]["fullName"],
        "quota": user["userData"]["maxMailboxSize"],
        "enabled": not user["userData"]["securityFlags"]["isDisabled"],
        "forwarding": {"to": sorted(forward["forwardList"]), "keepCopy": not forward["deleteOnForward"]},
        "eas": user["eas"],
    }


def _unremoved(removed: list[str], name: str) -> None:
    while name in removed:
        removed.remove(name)
