"""`dns dmarc` proposes a record from the published record, the product and the options."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.sandbox.server import Sandbox

PRODUCT = "v=DMARC1; p=none; rua=mailto:dmarc@example.net"
NAME = "_dmarc.example.com"


@pytest.fixture
def make(sandbox: Sandbox, workspace: Callable[..., Any]) -> Any:
    """A workspace with example.com, whose product has a report address."""
    made = workspace(sandbox.endpoint)
    made.domain("example.com", "mailboxes: {bob: {}}\n")
    return made


def records(done: Any) -> list[str]:
    assert done.returncode == 0, done.stderr
    return [domain["record"]["value"] for domain in json.loads(done.stdout)["domains"]]


def test_offline_the_record_starts_from_the_product(make: Any) -> None:
    done = make.run("dns", "dmarc", "--offline")
    assert done.returncode == 0
    assert f'{NAME}. 3600 IN TXT (\n      "{PRODUCT}" )' in done.stdout
    assert "The published record was not looked up" in done.stdout
    assert 'example.com._report._dmarc.example.net. 3600 IN TXT "v=DMARC1"' in done.stdout
    assert "at least a month" in done.stdout


def test_the_proposed_record_keeps_published_tags_and_lists_the_changes(sandbox: Sandbox, make: Any) -> None:
    sandbox.zones.add(NAME, "TXT", '"v=DMARC1; p=quarantine; pct=50; rua=mailto:mine@example.com"')
    done = make.run("dns", "dmarc", "--policy", "reject", "--testing")
    assert '"v=DMARC1; p=reject; rua=mailto:mine@example.com; t=y"' in done.stdout
    for line in ("Published: v=DMARC1; p=quarantine; pct=50", "~ p: quarantine -> reject", "+ t=y", "- pct=50"):
        assert line in done.stdout
    (domain,) = json.loads(make.run("dns", "dmarc", "--format", "json").stdout)["domains"]
    assert domain["record"]["host"] == "_dmarc"
    assert domain["record"]["fqdn"] == f"{NAME}."
    assert domain["record"]["value"] == "v=DMARC1; p=quarantine; rua=mailto:mine@example.com"
    assert domain["changes"] == [{"tag": "pct", "before": "50", "after": None}]
    assert domain["next"] == "v=DMARC1; p=reject; rua=mailto:mine@example.com; t=y"


def test_a_very_long_published_record_is_shown_truncated(sandbox: Sandbox, make: Any) -> None:
    junk = " ".join(f'"{"junk" * 60}"' for _ in range(200))
    sandbox.zones.add(NAME, "TXT", f'"v=DMARC1; p=reject; x=" {junk}')
    done = make.run("dns", "dmarc")
    assert done.returncode == 0
    assert "… (48" in done.stdout
    assert len(done.stdout) < 3000


def test_options_override_the_published_record(sandbox: Sandbox, make: Any) -> None:
    sandbox.zones.add(NAME, "TXT", '"v=DMARC1; p=reject; sp=reject; t=y; ruf=mailto:r@example.com; fo=1"')
    options = (
        "--policy",
        "none",
        "--subdomain-policy",
        "none",
        "--rua",
        "a!b@example.com",
        "--rua",
        "c@example.com",
        "--ruf",
        "",
    )
    done = make.run("dns", "dmarc", "--adkim", "s", *options, "--format", "json")
    assert records(done) == ["v=DMARC1; p=none; adkim=s; rua=mailto:a%21b@example.com,mailto:c@example.com"]
    notes = " ".join(json.loads(done.stdout)["domains"][0]["remarks"])
    for word in ("fo is left out", "t=y is left out", "weaker than p=reject"):
        assert word in notes


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--policy", "rejct"), "rejct"),
        (("--rua", "nobody"), "--rua: “nobody” is not one address"),
        (("--fo", "1"), "no effect without ruf"),
        (("--fo", "0:1", "--ruf", "a@example.com"), "--fo: “0:1” is not one of"),
        (("--testing",), "no policy is weaker than none"),
    ],
)
def test_an_invalid_tag_value_is_a_usage_error_with_the_reason(
    make: Any, options: tuple[str, ...], reason: str
) -> None:
    done = make.run("dns", "dmarc", "--offline", *options)
    assert (done.returncode, done.stdout) == (64, "")
    assert reason in done.stderr


def test_a_failed_lookup_gives_no_record_and_exit_code_6(sandbox: Sandbox, make: Any) -> None:
    path = make.root / "reconciler.yaml"
    path.write_text(path.read_text("utf-8").replace(sandbox.endpoint.dns, "127.0.0.1:9"), "utf-8")
    for name in ("text", "zone", "json", "octodns", "dnscontrol"):
        done = make.run("dns", "dmarc", "--format", name)
        assert done.returncode == 6
        assert "v=DMARC1" not in done.stdout
        assert "could not be looked up" in (done.stdout + done.stderr)
    assert make.run("dns", "dmarc", "--offline").returncode == 0


def test_the_proposed_record_once_published_passes_the_check_and_needs_no_change(sandbox: Sandbox, make: Any) -> None:
    options = ("--policy", "quarantine", "--np", "reject", "--ruf", "dmarc@example.net", "--fo", "d:s")
    for name in ("zone", "octodns", "dnscontrol"):
        done = make.run("dns", "dmarc", *options, "--format", name)
        assert "p=quarantine" in done.stdout
        assert "another domain must publish" in done.stderr
    (record,) = records(make.run("dns", "dmarc", *options, "--format", "json"))
    sandbox.zones.add(NAME, "TXT", f'"{record}"')
    document = json.loads(make.run("dns", "check", "--format", "json").stdout)
    (check,) = (c for c in document["domains"][0]["checks"] if c["id"] == "dmarc")
    assert set(check["codes"]) <= {"DMARC_OK", "DMARC_SPF_ALONE"}
    assert "The published record is the same." in make.run("dns", "dmarc").stdout
