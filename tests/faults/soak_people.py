"""The disturbances of the soak test: a person who edits the servers, and faults of the network."""

import random
import threading
from typing import Any

import httpx
from http_values import ADMIN_PASSWORD
from soak_model import OUTSIDE, Model

from reconciler.sandbox import FAULTS


class Human(threading.Thread):
    """Edits random objects of random domains, including managed ones, until `stop`. A failed edit is not repeated."""

    def __init__(self, urls: dict[str, str], model: Model, seed: int, pause: float) -> None:
        super().__init__(daemon=True, name="human")
        self.urls, self.model, self.pause = urls, model, pause
        self.dice = random.Random(seed)
        self.stopped = threading.Event()
        self.edits = 0

    def run(self) -> None:
        """Make one edit after the other."""
        tokens: dict[str, str] = {}
        with httpx.Client(trust_env=False, verify=False, timeout=5) as http:
            while not self.stopped.wait(self.pause):
                server = self.dice.choice(list(self.urls))
                try:
                    self._edit(http, server, tokens)
                except (httpx.HTTPError, ValueError, KeyError):
                    tokens.pop(server, None)

    def stop(self) -> int:
        """Wait for the last edit. Returns the number of edits."""
        self.stopped.set()
        self.join(30)
        assert not self.is_alive()
        return self.edits

    def _edit(self, http: httpx.Client, server: str, tokens: dict[str, str]) -> None:
        base = f"{self.urls[server]}/api/v1"
        if server not in tokens:
            given = {"username": "admin", "password": ADMIN_PASSWORD, "clientId": "a-human"}
            tokens[server] = http.post(f"{base}/auth/authenticate-user", json=given).json()["accessToken"]
        domain = self.dice.choice(self.model.on(server))
        path, body = self._some(domain)
        headers = {"Authorization": f"Bearer {tokens[server]}", "X-SmarterMailDomain": domain}
        answer = http.post(f"{base}/settings/domain/{path}", json=body, headers=headers).json()
        self.edits += bool(answer["success"])

    def _some(self, domain: str) -> tuple[str, dict[str, Any]]:
        """Return a path and a body. Names with the prefix `h` never occur in a file."""
        dice = self.dice
        ours, theirs = f"u{dice.randrange(8)}", f"h{dice.randrange(3)}"
        alias, also = f"a{dice.randrange(4)}", f"h{dice.randrange(3, 6)}"
        match dice.randrange(9):
            case 0:
                data = {"userName": theirs, "password": "Made-by-a-human-1", "fullName": "A human's"}
                return "user-put", {"userData": data}
            case 1:
                return "users-delete", {"input": [theirs]}
            case 2:
                return "users-delete", {"input": [ours]}
            case 3 | 4:
                data = {"fullName": f"Changed {dice.randrange(100)}", "maxMailboxSize": dice.randrange(1 << 30)}
                return "post-user", {"email": f"{ours}@{domain}", "userData": data}
            case 5:
                return "alias-put", {"oldName": "", "alias": {"name": also, "aliasTargetList": [OUTSIDE]}}
            case 6:
                return f"alias-delete/{dice.choice([alias, also])}", {}
            case 7:
                return f"users-disable/{dice.choice(['true', 'false'])}/true", {"input": [ours]}
            case _:
                forward = {"forwardList": [f"h@{OUTSIDE.partition('@')[2]}"], "deleteOnForward": False}
                return "post-mailbox-forward-list", {"email": f"{ours}@{domain}", "mailboxForwardList": forward}


def mood(dice: random.Random) -> list[dict[str, Any]]:
    """Return random faults with different probabilities. One epoch in five has none."""
    if dice.random() < 0.2:
        return []
    found = []
    for name in dice.sample(sorted(FAULTS), dice.randint(1, 5)):
        param = {"latency": 30, "latency-after": 30, "429": dice.choice([None, 0]), "503": dice.choice([None, 0])}
        chance = dice.choice([0.001, 0.005, 0.02, 0.1])
        found.append(
            {
                "name": name,
                "param": param.get(name),
                "probability": chance,
                "times": -1,
                "seed": dice.randrange(1 << 30),
            }
        )
    return found
