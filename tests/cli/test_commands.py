"""Every command runs once in a subprocess; every exit code occurs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.app.data import data_folder
from reconciler.cli.main import COMMANDS
from reconciler.sandbox import Sandbox

Make = Callable[..., Any]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, program: Any) -> None:
    done = program(command, "--help")
    assert done.returncode == 0
    assert "Usage: reconciler " + command in done.stdout


def test_the_version_is_printed(program: Any) -> None:
    import reconciler

    assert program("--version").stdout == f"reconciler {reconciler.__version__}\n"


def test_usage_errors_exit_with_64_and_suggest_the_closest_command(program: Any) -> None:
    done = program("aply")
    assert done.returncode == 64
    assert "Did you mean apply?" in done.stderr
    assert program("plan", "--nonsense").returncode == 64
    assert program("plan", "--target", "mailbox:nobody").returncode == 64
    assert program("plan", "--format", "yaml").returncode == 64


def test_outside_a_workspace_the_error_suggests_init(program: Any) -> None:
    done = program("validate")
    assert done.returncode == 3
    assert "reconciler.yaml" in done.stderr
    assert "init" in done.stderr


def test_init_creates_a_valid_workspace_and_never_overwrites_files(program: Any, tmp_path: Path) -> None:
    assert program("init", "mail").returncode == 0
    assert program("-w", "mail", "validate").returncode == 0
    assert (tmp_path / "mail" / "schemas" / "domain.schema.json").is_file()
    again = program("init", "mail")
    assert again.returncode == 4
    assert "nothing was written" in again.stderr


def test_every_example_is_valid(program: Any) -> None:
    done = program("-w", str(data_folder("examples")), "validate")
    assert done.returncode == 0, done.stdout
    assert "8 domain files are valid." in done.stdout


def test_global_options_work_before_and_after_the_command(program: Any) -> None:
    program("init", "mail")
    for words in (("-w", "mail", "-v", "validate"), ("validate", "-w", "mail", "-v")):
        assert program(*words).stdout == "1 domain file is valid.\n"
    for words in (("-q", "-w", "mail", "validate"), ("validate", "-q", "-w", "mail")):
        assert program(*words).stdout == ""
    assert program("validate", RECONCILER_WORKSPACE="mail").returncode == 0


def test_the_json_of_validate_has_the_documented_keys(program: Any, tmp_path: Path) -> None:
    program("init", "mail")
    file = tmp_path / "mail" / "domains" / "example.com.yaml"
    file.write_text(file.read_text("utf-8").replace("quota: 5 GiB", "quotta: 5 GiB"), "utf-8")
    done = program("-w", "mail", "validate", "--format", "json")
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert set(document) == {"formatVersion", "generated", "diagnostics"}
    (fault,) = document["diagnostics"]
    assert fault["code"] == "SCH002"
    assert fault["source"]["line"] == 12


@pytest.mark.parametrize("name", ["workspace", "product", "domain", "plan", "report", "journal"])
def test_schema_prints_valid_schemas_of_draft_2020_12(program: Any, name: str) -> None:
    schema = json.loads(program("schema", name).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_schema_for_a_product_enforces_the_limits_of_the_product(program: Any) -> None:
    examples = str(data_folder("examples"))
    schema = json.loads(program("-w", examples, "schema", "domain", "--product", "starter").stdout)
    validator = jsonschema.Draft202012Validator(schema)
    body = {"apiVersion": "reconciler/v1", "kind": "Domain", "domain": "x.example"}
    assert validator.is_valid({**body, "mailboxes": {f"m{i}": {} for i in range(5)}})
    assert not validator.is_valid({**body, "mailboxes": {f"m{i}": {} for i in range(6)}})
    assert validator.is_valid({**body, "mailboxes": {"a": {"quota": "2 GiB"}}})
    assert not validator.is_valid({**body, "mailboxes": {"a": {"quota": "3 GiB"}}})
    assert not validator.is_valid({**body, "mailboxes": {"a": {"eas": True}}})
    assert "domainAliases" not in schema["properties"]
    unknown = program("-w", examples, "schema", "domain", "--product", "nope")
    assert unknown.returncode != 0
    assert "starter" in unknown.stderr


def test_dns_check_fails_on_missing_records_and_passes_after_they_are_published(
    sandbox: Sandbox, workspace: Make
) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {bob: {}}\n")
    first = w.run("dns", "check", "--format", "json")
    assert first.returncode == 7
    document = json.loads(first.stdout)
    report_schema = json.loads((data_folder("schemas") / "report.schema.json").read_text("utf-8"))
    jsonschema.validate(document, report_schema)
    evidence = document["generated"]["evidence"]
    assert evidence["resolvers"] == [sandbox.endpoint.dns]
    assert {"name": "example.com", "type": "MX"}.items() <= evidence["answers"]["example.com"]["mx"][0].items()
    status = {c["id"]: c["status"] for c in document["domains"][0]["checks"]}
    first_five = {"mx": "pass", "spf": "fail", "dkim": "fail", "autodiscover": "fail", "dmarc": "fail"}
    beyond = {"mta-sts": "skip", "tls-rpt": "skip", "dnssec": "skip", "client-srv": "skip", "bulk": "warn"}
    assert {k: v for k, v in status.items() if k != "ptr"} == {**first_five, **beyond}
    more = json.loads(w.run("dns", "check", "--all", "--format", "json").stdout)["domains"][0]["checks"]
    assert {c["id"] for c in more} - set(status) == {"dane", "autoconfig", "delegation"}
    for domain in json.loads(w.run("dns", "records", "--format", "json").stdout)["domains"]:
        for record in domain["records"]:
            sandbox.zones.remove(record["name"], record["type"])
            sandbox.zones.add(record["name"], record["type"], record["value"], record["ttl"])
    second = w.run("dns", "check")
    assert second.returncode == 0, second.stdout
    assert w.run("dns", "check", "--fail-on", "never", "--format", "markdown").returncode == 0
    for name in ("zone", "octodns", "dnscontrol"):
        assert "v=DMARC1" in w.run("dns", "records", "--format", name).stdout


def test_an_unreachable_resolver_is_an_error_and_not_a_missing_record(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {bob: {}}\n")
    path = w.root / "reconciler.yaml"
    path.write_text(path.read_text("utf-8").replace(sandbox.endpoint.dns, "127.0.0.1:9"), "utf-8")
    done = w.run("dns", "check", "--format", "json")
    assert done.returncode == 6
    status = {c["status"] for c in json.loads(done.stdout)["domains"][0]["checks"]}
    assert status <= {"error", "skip"}


def test_the_sandbox_prints_its_addresses_as_one_line_of_json(program: Any, tmp_path: Path) -> None:
    import signal
    import subprocess
    import sys

    program("init", "mail")
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "sandbox", "--seed", "mail", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        assert {"url", "dns", "username", "password"} <= set(addresses)
        environment = {"SMARTERMAIL_USER": addresses["username"], "SMARTERMAIL_PASSWORD": addresses["password"]}
        file = tmp_path / "mail" / "reconciler.yaml"
        file.write_text(file.read_text("utf-8").replace("https://mail1.example.net ", f"{addresses['url']} "), "utf-8")
        done = program("-w", "mail", "apply", "--yes", **environment)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert out == ""
