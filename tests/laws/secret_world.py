"""A workspace with a secret in every possible place, two sandboxes, and runs of the program in it."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import forked_program
import httpx
from canaries import Canaries, CommandLines, is_private
from fake_vault import FakeVault
from pyrage import decrypt, x25519

from reconciler.sandbox import Sandbox, SandboxConfig, SeedDomain


@dataclass
class Ran:
    """One run of the program: its results, all its output, and the command lines that were visible during the run."""

    code: int
    results: bytes
    said: bytes
    command_lines: set[bytes]


@dataclass
class SecretWorld:
    """One workspace with its secrets."""

    root: Path
    first: Sandbox
    second: Sandbox
    canaries: Canaries
    vault: FakeVault
    identity: x25519.Identity
    environment: dict[str, str] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    recipients: list[str] = field(default_factory=list)
    all_sources: bool = True

    # The files

    def sops_file(self, tree: object) -> None:
        """`secrets.enc.json`, encrypted by the real program."""
        program = shutil.which("sops", path=search_path())
        assert program, "the tests' environment has the program sops"
        clear = self.root / "secrets" / "clear.json"
        clear.parent.mkdir(exist_ok=True)
        clear.write_text(json.dumps(tree), encoding="utf-8")
        words = [program, "--encrypt", "--age", str(self.identity.to_public()), str(clear)]
        done = subprocess.run(words, capture_output=True, check=True)
        (self.root / "secrets.enc.json").write_bytes(done.stdout)

    def at_start(self, code: str) -> None:
        """Code that every Python process of the program runs first."""
        (self.root / "secrets" / "sitecustomize.py").write_text(code, encoding="utf-8")

    def keyring(self, value: str) -> None:
        """A module with the backend that the environment names, and one entry."""
        file = self.root / "secrets" / "law_keyring.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(KEYRING.format(value), encoding="utf-8")

    def secret_file(self, name: str, value: str) -> None:
        file = self.root / "secrets" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(value + "\n", encoding="utf-8")
        file.chmod(0o600)

    def write(self, version: int = 1) -> None:
        """All files, with the passwords of this version."""
        one, other = self.first.endpoint, self.second.endpoint
        url = {"mail1": one.url, "mail2": other.url, "mail3": one.url} | self.urls
        servers: dict[str, dict[str, object]] = {
            "mail1": {"username": "admin", "password": {"env": "MAIL1_PASSWORD"}},
            "mail2": {"username": "admin", "password": {"file": "secrets/mail2"}},
            "mail3": {
                "username": {"env": "MAIL3_USER"},
                "password": {"command": ["cat", "secrets/mail3"]},
                "role": "customer",
            },
        }
        for name, server in servers.items():
            server |= {"url": url[name], "hostname": f"{name}.example.net"}
        dns = {"resolvers": [one.dns], "timeout": 2}
        allowed = {"commands": True, **({"recipients": self.recipients} if self.recipients else {})}
        workspace = {"kind": "Workspace", "servers": servers, "dns": dns, "secrets": allowed}
        self._file("reconciler.yaml", workspace)
        self._file("products/standard.yaml", {"kind": "Product", "limits": {"mailboxes": 25}})
        command = ["sh", "-c", "cat secrets/carol; cat secrets/carol >&2"]
        boxes: dict[str, dict[str, object]] = {
            "alice": {"env": "ALICE_PASSWORD"},
            "bob": {"file": "secrets/bob"},
            "carol": {"command": command},
            "dora": {"generate": True},
        }
        if self.all_sources:
            boxes["hugo"] = {"vault": {"path": "secret/mail/hugo", "field": "password"}}
            boxes["ida"] = {"keyring": {"service": "mail", "username": "ida"}}
            boxes["jon"] = {"sops": {"file": "secrets.enc.json", "key": "mail.jon"}}
        self._domain("first.example", "mail1", boxes, version)
        self._domain(
            "second.example", "mail2", {"erin": {"env": "ALICE_PASSWORD"}, "fred": {"generate": True}}, version
        )
        self._domain("third.example", "mail3", {"gina": {"file": "secrets/bob"}}, version)

    def _domain(self, domain: str, server: str, boxes: dict[str, dict[str, object]], version: int) -> None:
        mailboxes = {
            name: {"password": {**ref, "version": version}, "quota": f"{version} GiB"} for name, ref in boxes.items()
        }
        head = {"kind": "Domain", "domain": domain, "server": server, "product": "standard"}
        self._file(f"domains/{domain}.yaml", {**head, "mailboxes": mailboxes, "aliases": {"all": list(boxes)}})

    def _file(self, path: str, document: dict[str, object]) -> None:
        file = self.root / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"apiVersion": "reconciler/v1", **document}, indent=1), encoding="utf-8")

    # The sandboxes

    def own(self, box: Sandbox, method: str, path: str, body: object = None) -> dict[str, object]:
        answer = httpx.request(
            method,
            f"{box.endpoint.url}/sandbox/{path}",
            json=body,
            headers={"X-Sandbox": "1"},
            trust_env=False,
            verify=False,
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found

    def api(self, path: str, domain: str, body: dict[str, object]) -> None:
        """A raw request of the first server's administrator."""
        with httpx.Client(base_url=f"{self.first.endpoint.url}/api/v1/", trust_env=False, verify=False) as http:
            fields = {"username": "admin", "password": self.canaries.values["mail1"], "clientId": "law-9"}
            token = http.post("auth/authenticate-user", json=fields).json()["accessToken"]
            headers = {"Authorization": f"Bearer {token}", "X-SmarterMailDomain": domain}
            answer = http.post(path, json=body, headers=headers).json()
            assert answer["success"], answer

    def renew(self) -> None:
        """Empty first.example, remove all faults, and delete the data of earlier runs."""
        self.own(self.first, "DELETE", "faults")
        self.own(self.first, "POST", "ids/reset")
        self.api("settings/sysadmin/domain-delete/first.example", "", {})
        admin = {"adminUsername": "boss", "adminPassword": self.canaries.values["boss"]}
        self.api("settings/sysadmin/domain-put", "", {"domainData": {"name": "first.example"}, **admin})
        shutil.rmtree(self.root / ".reconciler", ignore_errors=True)
        self.urls.clear()
        self.write()

    def fits(self, address: str, password: str) -> bool:
        box = self.second if address.endswith("@second.example") else self.first
        return self.own(box, "POST", "check-password", {"email": address, "password": password})["ok"] is True

    # The program

    def run(
        self, *words: str, timeout: float = 250.0, stdin: str = "", broken: bool = False, **environment: str
    ) -> Ran:
        """Runs the program and searches its output for secrets; `broken`: a traceback is expected."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("RECONCILER_", "GITHUB_"))}
        env = {**clean, "NO_COLOR": "1", **self.environment, **environment}
        process = forked_program.start(words, cwd=self.root, env=env)
        watch = CommandLines(process.pid)
        try:
            results, messages = process.communicate(stdin.encode(), timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            results, messages = process.communicate()
        watch.ended.set()
        watch.join()
        ran = Ran(process.returncode, results, results + messages, watch.seen)
        self.learn_generated()
        assert self.canaries.found_in(ran.said, *ran.command_lines) == [], words
        assert (b"Traceback" in ran.said) is broken, (words, ran.said.decode())
        return ran

    def learn_generated(self) -> dict[str, str]:
        """Address -> the password made for it; later searches include these."""
        found = {}
        folder = self.root / ".reconciler" / "passwords"
        for file in sorted(folder.glob("*.jsonl")):
            assert is_private(file), file
            for line in file.read_text("utf-8").splitlines():
                row = json.loads(line)
                if "age" in row:
                    row["password"] = decrypt(row["age"].encode(), [self.identity]).decode()
                self.canaries.add(f"made for {row['address']} in {file.name}", row["password"])
                found[row["address"]] = row["password"]
        return found

    def left_behind(self) -> list[tuple[str, str, str]]:
        """Secrets in any file of the workspace but those that hold the secrets; encrypted ones do not."""
        clear = ("secrets",) if self.recipients else ("secrets", ".reconciler/passwords")
        return self.canaries.found_below(self.root, but=clear)


KEYRING = """
from keyring.backend import KeyringBackend

class LawKeyring(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        return {0!r} if (service, username) == ("mail", "ida") else None

    def set_password(self, service, username, password):
        raise AssertionError("nothing is written into a keyring")
"""


def search_path() -> str:
    """The search path of programs, including those of the tests' environment."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


@contextmanager
def secret_world(root: Path) -> Iterator[SecretWorld]:
    """Two sandboxes, three servers (the third is a customer's account on the first), three domains, and all files."""
    canaries = Canaries()
    names = ("mail1", "mail2", "mail3", "boss", "alice", "bob", "carol", "hugo", "ida", "jon")
    passwords = {n: canaries.new(n) for n in names}
    identity, vault = x25519.Identity.generate(), FakeVault()
    token = canaries.add("VAULT_TOKEN", f"hvs.{secrets.token_hex(12)}")
    canaries.add("the age identity", str(identity))
    vault.version_2("secret/mail/hugo", {"password": passwords["hugo"]})
    seeds = {
        "first": ("first.example", "boss"),
        "second": ("second.example", "boss"),
        "third": ("third.example", "mail3"),
    }
    seed = {
        name: SeedDomain(name=domain, admin_username="boss", admin_password=passwords[whose], dkim=False)
        for name, (domain, whose) in seeds.items()
    }
    one = SandboxConfig(password=passwords["mail1"], seed=(seed["first"], seed["third"]))
    with Sandbox(one) as first, Sandbox(SandboxConfig(password=passwords["mail2"], seed=(seed["second"],))) as second:
        world = SecretWorld(root, first, second, canaries, vault, identity)
        world.environment = {
            "MAIL1_PASSWORD": passwords["mail1"],
            "MAIL3_USER": "boss@third.example",
            "ALICE_PASSWORD": passwords["alice"],
            "VAULT_ADDR": vault.url,
            "VAULT_TOKEN": token,
            "SOPS_AGE_KEY": str(identity),
            "PYTHON_KEYRING_BACKEND": "law_keyring.LawKeyring",
            "PYTHONPATH": str(root / "secrets"),
            "PATH": search_path(),
        }
        world.sops_file({"mail": {"jon": passwords["jon"]}})
        world.keyring(passwords["ida"])
        for name in ("mail2", "mail3", "bob", "carol"):
            world.secret_file(name, passwords[name])
        world.write()
        yield world
    vault.close()
