"""Renders the pages as text. Only this module uses jinja2; the program imports it when it writes a report.

Each page contains its style sheet and script, and its Content-Security-Policy names them by their hashes. That also
works from disk, where browsers disagree about `'self'`, and a reader can send a single page by mail.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.errors import ReconcilerError
from reconciler.core.extras import install_hint
from reconciler.output.html.inputs import SiteInput
from reconciler.output.html.paths import page_paths
from reconciler.output.html.texts import Texts, load_texts, time_text
from reconciler.output.html.view_domain import domain_view, island
from reconciler.output.html.view_index import index_view
from reconciler.output.terminal import visible

try:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
except ModuleNotFoundError as e:
    raise ReconcilerError(
        "web pages need jinja2, which is not installed",
        hint=install_hint("report"),
    ) from e

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Asset:
    """A style sheet or script inside a page, and its hash for the Content-Security-Policy."""

    text: str
    hash: str


def render_pages(site: SiteInput, language: str) -> Iterator[tuple[str, str]]:
    """Yields (path in the folder, text): the page of each domain, then `index.html`. Equal input gives equal bytes.

    Args:
        language: one of `texts.languages()`.
    """
    texts = load_texts(language)
    shared = _shared(site, texts)
    reports = [page.report for page in site.pages]
    paths = page_paths(reports)
    by_domain: dict[str, str] = {}
    for report, path in zip(reports, paths, strict=True):
        if report.alias_of is None:
            # Two servers may have the same domain. A link to an alias target leads to the first one.
            by_domain.setdefault(report.domain, path)
    template = _environment(texts).get_template("domain.html")
    script = _script("domain.js")
    js_texts = island(texts.group("domain.js."))
    for page, path in zip(site.pages, paths, strict=True):
        view = domain_view(page, texts, site.comparison)
        yield (
            path,
            template.render(
                shared,
                page=view,
                script=script,
                js_texts=js_texts,
                home="../index.html",
                alias_path=_sibling(by_domain.get(view.alias_of, "")),
            ),
        )
    yield "index.html", render_index(site, language)


def render_index(site: SiteInput, language: str) -> str:
    """Only the page that lists all domains."""
    texts = load_texts(language)
    view = index_view(site, page_paths([page.report for page in site.pages]), texts)
    template = _environment(texts).get_template("index.html")
    return template.render(_shared(site, texts), page=view, script=_script("index.js"), home="index.html")


def _shared(site: SiteInput, texts: Texts) -> dict[str, object]:
    """The values that every template gets."""
    return {"generated": _generated(site.generated, texts), "style": _style(), "comparison": site.comparison}


def _environment(texts: Texts) -> Environment:
    found = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        # All texts of DNS and servers are untrusted.
        autoescape=True,
        # A wrong name in a template is an error, not an empty place in the page.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    found.globals["t"] = texts
    return found


def _sibling(path: str) -> str:
    """The path of a domain's page, relative to the page of another domain."""
    return path.rpartition("/")[2]


def _generated(header: Mapping[str, object], texts: Texts) -> str:
    """The `generated` header as one line."""
    commit = str(header.get("commit") or "")
    line = texts("generated", time=time_text(str(header["time"])), version=visible(str(header["version"])))
    return f"{line} {texts('generated.commit', commit=visible(commit[:12]))}" if commit else line


def _asset(text: str) -> Asset:
    # A hash in the policy allows exactly this text. A script that a DNS text injects into the page has another hash.
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return Asset(text, f"sha256-{digest}")


def _style() -> Asset:
    text = (_HERE / "static" / "report.css").read_text("utf-8")
    # Comments are for developers. Each of thousands of pages contains the style sheet, so they would cost space.
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return _asset("\n".join(line.strip() for line in text.splitlines() if line.strip()))


def _script(name: str) -> Asset:
    """A script without its comment lines. Our scripts have no string of several lines that this could damage."""
    lines = (line.strip() for line in (_HERE / "static" / name).read_text("utf-8").splitlines())
    return _asset("\n".join(line for line in lines if line and not line.startswith("//")))
