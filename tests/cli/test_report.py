"""`report` against the sandbox: its files, the files that it refuses to overwrite, and its exit code."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from reconciler.config.schema.compiled import load_schema
from reconciler.sandbox import Sandbox

Make = Callable[..., Any]
Inside = Callable[..., Any]
FILES = {
    ".reconciler-report.json", "index.html", "report.json", "report.md", "report.csv", "junit.xml",
    "domains/example.com.html", "domains/example.org.html", "domains/second.example.html",
}  # fmt: skip


@pytest.fixture
def place(sandbox: Sandbox, workspace: Make, inside: Inside) -> Any:
    """A workspace with two domains; the first has two mailboxes and a domain alias."""
    made = workspace(sandbox.endpoint)
    made.domain("example.com", "mailboxes: {anna: {}, ben: {}}\ndomainAliases: [example.org]\n")
    made.domain("second.example", "")
    assert inside(made, "apply", "--yes", "example.com").code == 0
    return made


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_folder_contains_the_same_report_in_every_format(place: Any, inside: Inside) -> None:
    done = inside(place, "report")
    folder = place.root / "report"
    assert done.code == 7, done.err
    assert done.out.startswith("3 domains: ")
    assert files(folder) == FILES
    document = json.loads((folder / "report.json").read_text("utf-8"))
    jsonschema.validate(document, load_schema("report"))
    statuses = {(d["domain"], c["id"]): c["status"] for d in document["domains"] for c in d["checks"]}
    rows = list(csv.DictReader(io.StringIO((folder / "report.csv").read_bytes().decode())))
    assert {(row["domain"], row["check"]): row["status"] for row in rows} == statuses
    cases = ElementTree.fromstring((folder / "junit.xml").read_bytes()).iter("testcase")
    assert {(case.attrib["classname"], case.attrib["name"]) for case in cases} == set(statuses)
    assert "# DNS compliance" in (folder / "report.md").read_text("utf-8")
    page = (folder / "domains" / "example.com.html").read_text("utf-8")
    assert re.search(r'class="figure">2 <span>of 25', page)
    for check in {check for domain, check in statuses if domain == "example.com"}:
        assert f'<article class="card s-{statuses["example.com", check]}" id="{check}"' in page


def test_the_same_input_gives_the_same_bytes_except_for_the_generation_time(place: Any, inside: Inside) -> None:
    one = {"SOURCE_DATE_EPOCH": "1700000000"}
    inside(place, "report", "-o", "a", **one)
    inside(place, "report", "-o", "b", **one)
    inside(place, "report", "-o", "c", SOURCE_DATE_EPOCH="1800000000")
    a, b, c = ({name: (place.root / x / name).read_text("utf-8") for name in FILES} for x in "abc")
    assert a == b
    assert a != c
    for name in FILES:
        left, right = (re.sub(r'<p id="generated">.*?</p>', "", text) for text in (a[name], c[name]))
        if name == "report.json":
            left, right = (json.dumps(json.loads(text) | {"generated": None}) for text in (left, right))
        assert left == right, name


def test_report_neither_overwrites_nor_deletes_files_of_the_user(place: Any, inside: Inside) -> None:
    other = place.root / "site"
    other.mkdir()
    (other / "index.html").write_text("mine", "utf-8")
    done = inside(place, "report", "-o", "site")
    assert done.code == 4
    assert "is not empty" in done.err
    assert files(other) == {"index.html"}

    inside(place, "report", "-o", "pages")
    (place.root / "pages" / "CNAME").write_text("mail.example.net\n", "utf-8")
    (place.root / "domains" / "second.example.yaml").unlink()
    assert inside(place, "report", "-o", "pages").code == 7
    assert files(place.root / "pages") == FILES - {"domains/second.example.html"} | {"CNAME"}


def test_an_edited_file_list_does_not_make_report_delete_other_files(place: Any, inside: Inside) -> None:
    inside(place, "report", "-o", "pages")
    (place.root / "pages" / "notes.txt").write_text("mine", "utf-8")
    listed = place.root / "pages" / ".reconciler-report.json"
    listed.write_text(
        json.dumps({"formatVersion": 1, "files": ["../reconciler.yaml", "notes.txt", "domains/../../reconciler.yaml"]})
    )
    assert inside(place, "report", "-o", "pages").code == 7
    assert (place.root / "reconciler.yaml").exists()
    assert (place.root / "pages" / "notes.txt").exists()


def test_report_refuses_a_symbolic_link_in_its_folder(place: Any, inside: Inside, tmp_path_factory: Any) -> None:
    inside(place, "report", "-o", "pages")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    folder = place.root / "pages" / "domains"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.symlink_to(elsewhere)
    done = inside(place, "report", "-o", "pages")
    assert done.code == 4
    assert "is a symbolic link" in done.err
    assert list(elsewhere.iterdir()) == []


def test_every_format_lists_the_checks_that_got_better_and_worse_with_since(place: Any, inside: Inside) -> None:
    inside(place, "report", "-o", "now")
    document = json.loads((place.root / "now" / "report.json").read_text("utf-8"))
    checks = {c["id"]: c for d in document["domains"] if d["domain"] == "example.com" for c in d["checks"]}
    assert checks["mx"]["status"] == "pass" and checks["spf"]["status"] == "fail"
    checks["mx"]["status"], checks["spf"]["status"] = "fail", "pass"
    document["generated"]["time"] = "2026-11-01T00:00:00Z"
    (place.root / "old.json").write_text(json.dumps(document), "utf-8")
    done = inside(place, "report", "-o", "now", "--since", "old.json")
    lines = done.out.splitlines()
    assert lines[1] == "Since 2026-11-01T00:00:00Z: 1 worse, 1 better."
    assert lines[2].split()[:3] == ["worse", "example.com", "spf:"]
    assert lines[3].split()[:3] == ["better", "example.com", "mx:"]
    text = (place.root / "now" / "report.md").read_text("utf-8")
    assert "1 worse, 1 better" in text
    page = (place.root / "now" / "domains" / "example.com.html").read_text("utf-8")
    assert re.search(r'href="#spf">SPF</a>\s*<span class="verdict v-worse">Worse', page)
    again = inside(place, "report", "-o", "now", "--since", "now/report.json")
    assert again.out.splitlines()[1].endswith(": no changes.")


def test_domains_outside_the_selection_are_not_reported_as_removed(place: Any, inside: Inside) -> None:
    inside(place, "report", "-o", "now")
    done = inside(place, "report", "second.example", "-o", "one", "--since", "now/report.json")
    assert done.out.splitlines()[1].endswith(": no changes.")


@pytest.mark.parametrize("text", [None, "", "[]", "{", '{"formatVersion": 2}', '{"formatVersion": 1}', "[" * 100_000,
                                  '{"formatVersion": 1, "generated": {}, "domains": [{"domain": 1}]}'])  # fmt: skip
def test_an_invalid_earlier_report_is_a_usage_error(place: Any, inside: Inside, text: str | None) -> None:
    if text is not None:
        (place.root / "old.json").write_text(text, "utf-8")
    done = inside(place, "report", "--since", "old.json")
    assert done.code == 64
    assert "old.json" in done.err
    assert not (place.root / "report").exists()


def test_fail_on_sets_the_exit_code(place: Any, inside: Inside) -> None:
    assert inside(place, "report", "--fail-on", "never").code == 0
    assert inside(place, "report", "--fail-on", "fail").code == 7


@pytest.mark.parametrize(
    ("dns", "published", "fields", "testing"),
    [
        ("{}", "", {"p": "none", "rua": "dmarc@example.net"}, False),
        ("{dmarc: {policy: quarantine}}", "v=DMARC1; p=none", {"p": "quarantine", "rua": "dmarc@example.net"}, False),
        (
            "{}",
            "v=DMARC1; p=reject; sp=none; np=reject; adkim=s; t=y; rua=mailto:own@x.example; ruf=mailto:a%2Cb@x.example; fo=1",
            {"p": "reject", "np": "reject", "adkim": "s", "rua": "own@x.example", "fo": "1"}
            | {"ruf": "mailto:a%2Cb@x.example"},
            True,
        ),
        ("{sends: false}", "", {"p": "reject", "rua": "dmarc@example.net"}, False),
        (
            "{sends: false}",
            "v=DMARC1; p=reject; rua=mailto:own@x.example",
            {"p": "reject", "rua": "own@x.example"},
            False,
        ),
    ],
)
def test_the_dmarc_generator_starts_from_the_published_record_and_never_weakens_it(
    place: Any, inside: Inside, sandbox: Sandbox, dns: str, published: str, fields: dict[str, str], testing: bool
) -> None:
    place.domain("second.example", f"dns: {dns}\n")
    if published:
        sandbox.zones.add("_dmarc.second.example", "TXT", f'"{published}"')
    inside(place, "report", "second.example")
    page = (place.root / "report" / "domains" / "second.example.html").read_text("utf-8")
    start = json.loads(re.search(r'id="dmarc-start">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    assert (start["fields"] | fields, start["testing"]) == (start["fields"], testing)
    assert start["published"] == (re.findall(r" p=(\w+)", published) or [""])[0]


def test_with_no_server_the_pages_state_that_no_server_was_queried(
    place: Any, inside: Inside, sandbox: Sandbox
) -> None:
    done = inside(place, "report", "--no-server", "--lang", "fr", SMARTERMAIL_PASSWORD="wrong")
    assert done.code == 7, done.err
    page = (place.root / "report" / "domains" / "example.com.html").read_text("utf-8")
    assert '<html lang="fr">' in page
    assert "ne contient pas de données des serveurs de messagerie" in page
    assert "tiles" not in page.split("<main")[1]


def test_a_failed_login_does_not_stop_the_report_and_the_page_shows_the_reason(place: Any, inside: Inside) -> None:
    done = inside(place, "report", SMARTERMAIL_PASSWORD="wrong")
    assert done.code == 7
    assert "warning: " in done.err
    page = (place.root / "report" / "domains" / "example.com.html").read_text("utf-8")
    assert "did not report the state of this domain" in page


def test_without_jinja2_the_error_names_the_extra_to_install(place: Any) -> None:
    code = "import sys; sys.modules['jinja2'] = None; from reconciler.cli.main import run; sys.exit(run(['report']))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place.root, env=place.run.environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "'.[report]'" in done.stderr
    assert not (place.root / "report").exists()
