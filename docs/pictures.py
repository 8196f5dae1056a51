"""Makes the two pictures of the README: a pull request comment and the front page of the report.

`python docs/pictures.py` writes them to docs/pictures/. The program itself produces what they show: it runs in a copy
of the example workspace, against embedded servers. The comment is rendered as GitHub renders Markdown, with a small
style sheet of our own. The script needs Chromium; RECONCILER_TEST_CHROMIUM names another browser than the one on PATH.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from playwright.sync_api import Browser, sync_playwright

from reconciler.app.data import data_folder
from reconciler.app.sandbox import load_seed, seed_domains, seed_zones
from reconciler.sandbox import Endpoint, Sandbox, SandboxConfig

PICTURES = Path(__file__).parent / "pictures"
COMMENT, REPORT = "pull-request-comment.png", "report-page.png"
WIDTH = 900
"""CSS pixels, which are also the pixels of the picture: README scales it down on narrow screens."""
LONGEST = 760
"""The height at which a picture is cut. The reader wants the beginning; the rest is in the program's output."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

URLS = {"mail1": "http://127.0.0.1:17017", "mail2": "http://127.0.0.1:17018"}
RESOLVER = "127.0.0.1:5353"
"""The addresses in the example workspace. The script replaces them with those of the embedded servers."""

EDITS = {
    "domains/example.com.yaml": (
        ("    quota: 5 GiB  ", "    quota: 10 GiB  "),
        (re.compile(r"  bob: \{\}.*\n"), "  erin: {displayName: Erin Fox, quota: 5 GiB, eas: true}\n"),
        ("to: [alice, bob, partner@elsewhere.example]", "to: [alice, erin, partner@elsewhere.example]"),
        ("mailboxes: [carol]", "mailboxes: [carol, bob]"),
    ),
    "domains/bakery.example.yaml": (
        ("  orders: {quota: 1 GiB}", "  orders: {quota: 1 GiB, forwarding: {to: [baker@elsewhere.example]}}"),
    ),
}
"""The pull request: file -> replacements. It deletes a mailbox with mail and forwards mail to an outside address."""

SIZES = {
    "alice@example.com": 4.1,
    "bob@example.com": 3.2,
    "dora@moving.example": 1.7,
    "head@school.example": 6.4,
    "office@school.example": 2.9,
    "hello@bakery.example": 0.8,
}
"""GiB of mail in some mailboxes of mail1: an empty server would show neither losses nor usage."""

UNPUBLISHED = {("school.example", "dmarc"), ("moving.example", "dkim"), ("moving.example", "spf")}
"""Records that stay unpublished, so that the report has something to show: domain and the check that misses them."""

STYLE = """
body { margin: 0; padding: 16px; width: 868px; background: #fff; color: #1f2328;
  font: 14px/1.5 "Liberation Sans", Arial, sans-serif; }
article { border: 1px solid #d1d9e0; border-radius: 6px; padding: 0 16px 8px; }
header { margin: 0 -16px; padding: 8px 16px; background: #f6f8fa; border-bottom: 1px solid #d1d9e0;
  border-radius: 6px 6px 0 0; color: #59636e; }
header b { color: #1f2328; }
h2 { font-size: 21px; line-height: 1.25; border-bottom: 1px solid #d1d9e0b3; padding-bottom: 6px; margin: 16px 0 12px; }
h3 { font-size: 17px; margin: 18px 0 8px; }
h4 { font-size: 14px; margin: 14px 0 6px; }
p { margin: 0 0 10px; }
ul { margin: 0 0 10px; padding-left: 28px; }
hr { height: 3px; border: 0; background: #d1d9e0; margin: 16px 0; }
code { font: 85% "Liberation Mono", monospace; background: #818b981f; border-radius: 6px; padding: .2em .4em; }
details { margin-bottom: 8px; }
"""


def main() -> int:
    """Writes both pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        workspace = Workspace(Path(folder).resolve(), stack)
        workspace.reconciler("apply", "--yes")
        comment = workspace.comment()
        report = workspace.report()
        with sync_playwright() as play:
            # Chromium has no sandbox of its own when root runs it, as in containers. The pages are ours.
            browser = play.chromium.launch(executable_path=_chromium(), args=["--no-sandbox", "--disable-gpu"])
            _picture(browser, _page(Path(folder), comment).as_uri(), COMMENT, whole=True)
            # The worst result comes first, as in a reader's own use of the page.
            _picture(browser, f"{report.as_uri()}#sort=status", REPORT, whole=False)
            browser.close()
    return 0


class Workspace:
    """A copy of the example workspace in a git repository, with its embedded servers running."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.root = folder / "examples"
        shutil.copytree(data_folder("examples"), self.root)
        shutil.copytree(data_folder("schemas"), folder / "schemas")
        config = load_seed(self.root)
        zones = seed_zones(config)
        self.hosts = {
            name: stack.enter_context(Sandbox(SandboxConfig(seed=seed_domains(config, name), zones=zones)))
            for name in URLS
        }
        text = (self.root / "reconciler.yaml").read_text("utf-8")
        for name, url in URLS.items():
            text = text.replace(url, self.hosts[name].endpoint.url)
        text = text.replace(RESOLVER, self.hosts["mail1"].endpoint.dns)
        (self.root / "reconciler.yaml").write_text(text, "utf-8")
        admin, customer = self.hosts["mail1"].endpoint, self.hosts["mail2"].endpoint
        user, password = customer.domain_admins["customer.example"]
        self._environment = {
            **os.environ,
            "SMARTERMAIL_USER": admin.username,
            "SMARTERMAIL_PASSWORD": admin.password,
            "CUSTOMER_USER": user,
            "CUSTOMER_PASSWORD": password,
            "ALICE_PASSWORD": "Lighthouse-42-keeper",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
        }
        self._git("init", "-q", "-b", "main")
        self._commit("The base of the pull request")

    def reconciler(self, *words: str, exits: tuple[int, ...] = (0,)) -> str:
        """The standard output of a command of the program. An unexpected exit code is an error."""
        done = self._run(sys.executable, "-m", "reconciler", *words)
        assert done.returncode in exits, f"{' '.join(words)} exited with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def comment(self) -> str:
        """The Markdown of the pull request's plan. Meanwhile somebody changed an alias on the server."""
        mail1 = self.hosts["mail1"].endpoint
        two_days_ago = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"
        for address, size in SIZES.items():
            facts = {"email": address, "size": int(size * 2**30), "lastLogin": two_days_ago}
            _post(mail1, "/sandbox/account", facts, {"X-Sandbox": "1"})
        _change_alias(mail1, "info", ["sales@example.com"])
        for path, replacements in EDITS.items():
            text = (self.root / path).read_text("utf-8")
            for old, new in replacements:
                pattern = re.compile(re.escape(old)) if isinstance(old, str) else old
                text, number = pattern.subn(new, text)
                assert number == 1, f"{path} has {number} places for {new!r}"
            (self.root / path).write_text(text, "utf-8")
        self._commit("The pull request")
        return self.reconciler("plan", "--base", "HEAD~1", "--format", "markdown")

    def report(self) -> Path:
        """The front page of the report, after nearly all missing DNS records were published."""
        listed = json.loads(self.reconciler("dns", "records", "--format", "json"))
        zones = self.hosts["mail1"].zones
        for domain in listed["domains"]:
            for record in domain["records"]:
                if not any(domain["domain"] == name and _is_of(record, check) for name, check in UNPUBLISHED):
                    _publish(zones, record)
        self.reconciler("report", "--output", "../report", exits=(0, 7))
        return self.root.parent / "report" / "index.html"

    def _commit(self, message: str) -> None:
        self._git("add", "--all")
        self._git("-c", "user.name=Sample", "-c", "user.email=sample@example.com", "commit", "-q", "-m", message)

    def _git(self, *words: str) -> None:
        done = self._run("git", *words)
        assert done.returncode == 0, done.stderr

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=self.root, env=self._environment, capture_output=True, text=True, timeout=300, check=False
        )


def _is_of(record: Mapping[str, Any], check: str) -> bool:
    name, value = str(record["name"]), str(record["value"])
    marks = {"dmarc": name.startswith("_dmarc."), "dkim": "._domainkey." in name, "spf": value.startswith("v=spf1")}
    return marks[check]


def _publish(zones: Any, record: Mapping[str, Any]) -> None:
    name, kind, value = str(record["name"]), str(record["type"]), str(record["value"])
    if kind == "TXT":
        # One string of a TXT record holds at most 255 bytes, and a DKIM key is longer.
        value = " ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255))
    else:
        zones.remove(name, kind)
    zones.add(name, kind, value, int(record["ttl"]))


def _change_alias(endpoint: Endpoint, name: str, targets: list[str]) -> None:
    """Changes an alias of example.com as an administrator's browser does."""
    credentials = {"username": endpoint.username, "password": endpoint.password}
    login = _post(endpoint, "/api/v1/auth/authenticate-user", credentials)
    token = {"Authorization": f"Bearer {login['accessToken']}"}
    domain = _post(endpoint, "/api/v1/settings/sysadmin/manage-domain/example.com", {}, token)
    token = {"Authorization": f"Bearer {domain['impersonateAccessToken']}"}
    _post(
        endpoint,
        "/api/v1/settings/domain/alias",
        {"oldName": name, "alias": {"name": name, "aliasTargetList": targets}},
        token,
    )


def _post(
    endpoint: Endpoint, path: str, body: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    request = urllib.request.Request(
        endpoint.url + path,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **(headers or {})},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        data: dict[str, Any] = json.load(answer)
    return data


def _page(folder: Path, markdown: str) -> Path:
    """A page that shows the comment as GitHub does."""
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    page = folder / "comment.html"
    page.write_text(
        f"<!doctype html><meta charset='utf-8'><style>{STYLE}</style>"
        f"<article><header><b>github-actions</b> bot commented</header>{body}</article>",
        "utf-8",
    )
    return page


def _chromium() -> str:
    path = os.environ.get("RECONCILER_TEST_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, "no Chromium on PATH: install it, or set RECONCILER_TEST_CHROMIUM"
    return path


def _picture(browser: Browser, address: str, name: str, *, whole: bool) -> None:
    """A picture WIDTH pixels wide. With `whole` it is as high as the page, otherwise it is cut at LONGEST."""
    tab = browser.new_page(viewport={"width": WIDTH, "height": LONGEST}, color_scheme="light")
    tab.goto(address)
    tab.screenshot(path=PICTURES / name, full_page=whole)
    tab.close()


if __name__ == "__main__":
    sys.exit(main())
