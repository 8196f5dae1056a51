"""A real Chromium, and reports for it. No page may use the network."""

import importlib.util
import os
import random
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import pytest

from reconciler.core.comparison import CheckResult, compare, snapshot
from reconciler.core.findings import DomainReport, Finding, Record, Report, SpfTerm, SpfTree
from reconciler.core.status import DomainStatus, Figures, Use
from reconciler.output.html.inputs import DmarcStart, PageInput, SiteInput
from reconciler.output.html.pages import render_index, render_pages

NAMES = ("chromium", "chromium-browser", "google-chrome")
GENERATED = {"time": "2026-11-22T18:00:00Z", "tool": "reconciler", "version": "0.1.0", "commit": "0123456789abcdef"}
UNTRUSTED = (
    "v=spf1 <script>window.hit=1</script> \u202eevil\u202c \x1b[31mred\" ' </script><img src=x onerror=window.hit=1>"
)


def missing(what: str, hint: str) -> NoReturn:
    """Skips the test, or fails it if RECONCILER_REQUIRE_BROWSER is set, so that a gate cannot pass without a browser."""
    text = f"{what}: {hint}"
    if os.environ.get("RECONCILER_REQUIRE_BROWSER") == "1":
        pytest.fail(f"RECONCILER_REQUIRE_BROWSER=1, but {text}", pytrace=False)
    pytest.skip(text)


def chromium() -> str:
    """The path of the browser. Without a browser the test ends here."""
    named = os.environ.get("RECONCILER_TEST_CHROMIUM")
    path = named or next((found for name in NAMES if (found := shutil.which(name))), None)
    return path or missing("no Chromium on the PATH", "install chromium, or name it in RECONCILER_TEST_CHROMIUM")


@pytest.fixture
def look_for_chromium() -> Callable[[], str]:
    return chromium


@pytest.fixture(scope="session")
def browser_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one browser for all tests of this process."""
    path = chromium()
    profile = tmp_path_factory.mktemp("chromium")
    # Chromium has no sandbox of its own when root runs it, as in containers. The pages are ours.
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0")
    command = [path, *options, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = next((m for line in process.stderr if (m := re.search(r"listening on (ws://\S+)", line))), None)
        if found is None:
            process.kill()
            pytest.fail(f"{path} ended without listening", pytrace=False)
        # Without a reader, a full pipe would stop the browser.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield found[1]
        process.kill()


@pytest.fixture(scope="module")
def browser(browser_address: str) -> Iterator[Any]:
    """A connection to the browser, one per module. An open Playwright makes asyncio see a running loop in this
    thread, so a connection for the session would break later tests in the same process.
    """
    if importlib.util.find_spec("playwright") is None:
        missing("playwright is not installed", "pip install playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        found = play.chromium.connect_over_cdp(browser_address)
        yield found
        found.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, from the package that contains it."""
    spec = importlib.util.find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        missing("axe-core is not installed", "pip install axe-playwright-python")
    assert spec is not None and spec.origin is not None
    return (Path(spec.origin).parent / "axe.min.js").read_text("utf-8")


@dataclass
class Tab:
    """A page, its console errors and its requests to the network."""

    page: Any
    problems: list[str] = field(default_factory=list)


@pytest.fixture
def tab(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page. After the test there must be no console error, and only requests for files of the report."""
    opened: list[tuple[Any, Tab]] = []

    def open_tab(path: Path, **options: Any) -> Any:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        made = Tab(context.new_page())
        opened.append((context, made))
        page = made.page
        page.set_default_timeout(8_000)
        page.on("console", lambda m: made.problems.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: made.problems.append(str(e)))
        root = path.parent.parent if path.parent.name == "domains" else path.parent
        page.on(
            "request", lambda r: None if r.url.startswith((root.as_uri(), "data:")) else made.problems.append(r.url)
        )
        page.goto(path.as_uri())
        return page

    yield open_tab
    problems = [text for _, made in opened for text in made.problems]
    hits = [made.page.evaluate("window.hit") for _, made in opened]
    for context, _ in opened:
        context.close()
    assert problems == []
    assert set(hits) <= {None}, "a page ran text from DNS"


@pytest.fixture
def untrusted() -> str:
    """The SPF text of example.com in DNS."""
    return UNTRUSTED


def write(folder: Path, site: SiteInput, language: str = "en") -> Path:
    for path, text in render_pages(site, language):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8", newline="")
    return folder


def checks_of(domain: str, draw: random.Random) -> tuple[Finding, ...]:
    """Findings with different statuses. The SPF record of example.com is an attack."""
    wanted = Record(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.net", 3600)
    tree = SpfTree(
        domain=domain,
        record="v=spf1 include:spf.example.net redirect=<b>.example ~all",
        lookups=11,
        terms=(
            SpfTerm(
                text="include:spf.example.net",
                lookups=10,
                total=10,
                child=SpfTree(
                    domain="spf.example.net", record="v=spf1 a -all", lookups=9, terms=(SpfTerm(text="a", lookups=1, total=2),)
                ),
            ),
            SpfTerm(text="a:<script>window.hit=1</script>", lookups=1, total=11, fault="not a name", void=True),
            SpfTerm(text="~all"),
        ),
    )  # fmt: skip
    long = "x" * 60_000
    return (
        Finding(id="mx", status="pass", code="MX_OK", title="Mail goes to mail1.example.net", reference="RFC 5321",
                found=(Record(domain, "MX", "10 mail1.example.net."),)),
        Finding(id="spf", status=draw.choice(["pass", "warn", "fail"]) if domain != "example.com" else "fail", code="SPF_LOOKUPS",
                title="The record needs too many lookups", detail=f"{UNTRUSTED}\nA second line.", reference="RFC 7208",
                found=(Record(domain, "TXT", UNTRUSTED), Record(domain, "TXT", long)), tree=tree if domain == "example.com" else None),
        Finding(id="dkim", status=draw.choice(["skip", "pass"]), code="DKIM_X", title="Keys", reference="RFC 6376"),
        Finding(id="autodiscover", status=draw.choice(["error", "pass"]), code="DNS_UNKNOWN", title="The lookup failed", reference="RFC 2782"),
        Finding(id="dmarc", status="warn", code="DMARC_NONE", title="The policy is none", reference="RFC 9989", fix=(wanted,), expected=(wanted,),
                elsewhere=(Record(f"{domain}._report._dmarc.example.net", "TXT", "v=DMARC1", 3600),),
                found=(Record(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=none"),)),
    )  # fmt: skip


def site_of(names: list[str], *, since: bool = True) -> SiteInput:
    """A site. Every seventh domain is on another server; the last one is an alias of the first."""
    draw = random.Random(7)
    pages = []
    for number, name in enumerate(names):
        alias = names[0] if number == len(names) - 1 and number else None
        report = DomainReport(
            domain=name, server="mail2" if number % 7 == 3 else "mail1", checks=checks_of(name, draw), alias_of=alias
        )
        figures = Figures(
            mailboxes=Use(used=number % 30, sold=25), aliases=Use(used=7, sold=50), domain_aliases=Use(used=1, sold=5),
            eas=Use(used=3, sold=10), mapi=Use(used=0, switched_off=True), disk=Use(used=number << 28, sold=50 << 30),
            currency="CAD", monthly=Decimal("19.00"),
        )  # fmt: skip
        status = DomainStatus(domain=name, server=report.server, product="business", figures=figures)
        start = DmarcStart(policy="quarantine", rua="dmarc@example.net", published="none")
        pages.append(PageInput(report=report, status=None if alias else status, product="business", dmarc=start))
    now = snapshot(Report(tuple(page.report for page in pages)))
    before = {key: CheckResult("pass", "X_OK") if key[3] == "spf" else result for key, result in now.items()}
    before["gone.example", "mail1", "", "mx"] = CheckResult("pass", "<script>window.hit=1</script>")
    found = compare(before, now, since="2026-11-21T18:00:00Z<script>window.hit=1</script>")
    return SiteInput(pages=tuple(pages), generated=GENERATED, comparison=found if since else None)


NAMED = ["example.com", "xn--mnchen-3ya.example", *(f"customer{n:02}.example" for n in range(20)), "alias.example"]


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of 23 domains."""
    return write(tmp_path_factory.mktemp("small"), site_of(NAMED))


@pytest.fixture(scope="session")
def french(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same report in French."""
    return write(tmp_path_factory.mktemp("french"), site_of(NAMED), "fr")


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The front page of 2,000 domains, without their own pages."""
    return front_page(tmp_path_factory.mktemp("large"), 2000)


@pytest.fixture(scope="session")
def middling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The front page of 250 domains."""
    return front_page(tmp_path_factory.mktemp("middling"), 250)


def front_page(folder: Path, domains: int) -> Path:
    site = site_of([f"customer{n:04}.example" for n in range(domains)], since=False)
    (folder / "index.html").write_text(render_index(site, "en"), "utf-8", newline="")
    return folder
