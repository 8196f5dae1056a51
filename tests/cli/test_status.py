"""`status` against the sandbox: its counts, its comparisons, and the errors that change its exit code."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import jsonschema
import pytest

from reconciler.config.schema.compiled import load_schema
from reconciler.sandbox import Sandbox, SandboxConfig, SeedDomain

Make = Callable[..., Any]
Inside = Callable[..., Any]

PRODUCT = """\
    apiVersion: reconciler/v1
    kind: Product
    limits: {mailboxes: 25, aliases: 10, domainAliases: 5, domainSize: 50 GiB, easAccounts: 3}
    passwordPolicy: {minLength: 12}
    billing: {currency: CAD, tranchePrice: "4.00", easPrice: "2.00", mapiPrice: "3.00", easMapiPrice: "4.50"}
    dns:
      spf: {primary: "include:spf.example.net"}
    """
BODY = """\
    mailboxes:
      anna: {eas: true, mapi: true}
      ben: {eas: true}
      carl: {}
    aliases: {info: [anna]}
    domainAliases: [example.org]
    """


def own(sandbox: Sandbox, method: str, what: str, **body: Any) -> Any:
    """Sends a request to a control endpoint of the sandbox."""
    url = f"{sandbox.endpoint.url}/sandbox/{what}"
    answer = httpx.request(method, url, json=body or None, headers={"X-Sandbox": "1"}, trust_env=False, verify=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def policy(sandbox: Sandbox, domain: str, **rules: Any) -> None:
    """Overrides the password policy of the domain as the domain administrator."""
    with httpx.Client(base_url=f"{sandbox.endpoint.url}/api/v1/", trust_env=False, verify=False) as http:
        login = {"username": sandbox.endpoint.username, "password": sandbox.endpoint.password}
        token = http.post("auth/authenticate-user", json=login).json()["accessToken"]
        head = {"Authorization": f"Bearer {token}", "X-SmarterMailDomain": domain}
        assert http.post("settings/domain/password-settings", json=rules, headers=head).json()["success"]


@pytest.fixture
def place(sandbox: Sandbox, workspace: Make, inside: Inside) -> Any:
    """A workspace with two domains: example.com has every kind of resource, second.example has none."""
    made = workspace(sandbox.endpoint)
    made.write("products/standard.yaml", PRODUCT)
    made.domain("example.com", BODY)
    assert inside(made, "apply", "--yes", "example.com").code == 0
    made.domain("second.example", "mailboxes: {}\n", product=None)
    own(sandbox, "POST", "account", email="anna@example.com", size=21 << 30)
    own(sandbox, "POST", "requests/reset")
    return made


def document(inside: Inside, place: Any, *words: str, code: int = 0) -> dict[str, Any]:
    done = inside(place, "status", "--format", "json", *words)
    assert done.code == code, done.err
    found: dict[str, Any] = json.loads(done.out)
    jsonschema.Draft202012Validator(load_schema("status")).validate(found)
    return found


def test_the_table_has_one_line_per_domain_with_all_columns(place: Any, inside: Inside) -> None:
    done = inside(place, "status")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].split() == ["Domain", "Boxes", "Disk", "Alias", "Dom", "EAS", "MAPI", "CAD", "DNS", "Pw"]
    # 21 GiB are three tranches. One mailbox has both protocols, another one only EAS.
    assert lines[1].split()[:10] == ["example.com", "3/25", "21.0", "GiB/50", "GiB", "1/10", "1/5", "2/3", "1", "18.50"]
    assert lines[1].split()[-1] == "!"
    assert lines[2].split()[:3] == ["second.example", "0", "0"]
    assert all(len(line) <= 80 for line in lines)
    assert lines[-1] == "2 domains: 3 mailboxes, 21.0 GiB, 18.50 CAD a month."


def test_the_json_matches_its_schema_and_has_the_values_of_the_table(place: Any, inside: Inside) -> None:
    found = document(inside, place)
    first, second = found["domains"]
    assert (first["read"], first["product"], first["server"]) == (True, "standard", "mail1")
    assert first["disk"] == {"used": 21 << 30, "exceeded": False, "limit": 50 << 30, "productLimit": 50 << 30}
    assert first["bill"] == {"currency": "CAD", "monthly": "18.50"}
    assert first["dns"]["mx"] == "pass"
    assert first["dns"]["spf"] == "fail"
    assert "product" not in second and "bill" not in second and "passwordPolicy" not in second


def test_status_shows_the_lower_limit_of_product_and_server_and_disabled_features(
    sandbox: Sandbox, place: Any, inside: Inside
) -> None:
    limits = {"maxUsers": 2, "maxActiveSyncAccounts": 50, "enableMapiEwsAccountManagement": False}
    own(sandbox, "POST", "domain", domain="example.com", **limits)
    found = document(inside, place, "--no-dns", "example.com")["domains"][0]
    assert found["mailboxes"] == {"used": 3, "exceeded": True, "limit": 2, "productLimit": 25, "serverLimit": 2}
    assert (found["eas"]["limit"], found["eas"]["serverLimit"]) == (3, 50)
    assert found["mapi"]["switchedOff"] is True
    assert "! over a limit: example.com" in inside(place, "status", "--no-dns").out


def test_the_password_policy_is_compared_rule_by_rule(sandbox: Sandbox, place: Any, inside: Inside) -> None:
    rules = {"requireCapital": True, "requireNumber": True, "requireSymbol": True}
    policy(sandbox, "example.com", **rules, minLength={"enabled": True, "ruleValue": 10})
    found = document(inside, place, "--no-dns", "example.com")["domains"][0]["passwordPolicy"]
    assert found == {
        "state": "different",
        "differences": [{"rule": "minLength", "product": 12, "server": 10}],
        "unknown": [],
    }
    assert "minLength 10 instead of 12; in example.com" in " ".join(inside(place, "status", "--no-dns").out.split())
    policy(sandbox, "example.com", minLength={"enabled": True, "ruleValue": 12})
    done = inside(place, "status", "--no-dns", "example.com")
    assert done.code == 0
    assert "password policy" not in done.out
    assert done.out.splitlines()[1].endswith(" ok")
    own(sandbox, "POST", "quirks", quirks=["missing:settings/domain/password-settings"])
    assert document(inside, place, "--no-dns", "example.com")["domains"][0]["passwordPolicy"]["state"] == "unknown"


def test_status_reports_an_unreadable_domain_and_shows_the_others(sandbox: Sandbox, place: Any, inside: Inside) -> None:
    place.domain("nowhere.example", "mailboxes: {}\n")
    code = inside(place, "plan").code
    done = inside(place, "status", "--no-dns")
    assert done.code == code == 6
    assert "nowhere.example NOT READ" in " ".join(done.out.split())
    assert "3/25" in done.out
    assert "error: nowhere.example: " in done.out
    assert done.out.splitlines()[-1].endswith("; 1 not read.")
    found = document(inside, place, "--no-dns", code=6)
    assert [d["read"] for d in found["domains"]] == [True, False, True]


def test_status_rejects_an_implausible_list_of_mailboxes(sandbox: Sandbox, place: Any, inside: Inside) -> None:
    own(sandbox, "POST", "faults", name="empty-list", path="list-users", times=-1)
    done = inside(place, "status", "--no-dns", "example.com")
    assert done.code == inside(place, "plan", "example.com").code == 4
    assert "NOT READ" in done.out


def test_dns_errors_do_not_change_the_exit_code_of_status(place: Any, inside: Inside) -> None:
    settings = (place.root / "reconciler.yaml").read_text("utf-8")
    dead = settings.replace("timeout: 2", "timeout: 1").replace(_resolver(settings), "127.0.0.1:9")
    place.write("reconciler.yaml", dead)
    found = document(inside, place, "example.com")["domains"][0]
    assert found["dns"]["mx"] == "error"
    assert set(found["dns"].values()) <= {"error", "skip"}
    place.write("reconciler.yaml", settings.replace("    hostname: mail1.example.net\n", ""))
    done = inside(place, "status", "example.com")
    assert done.code == 0
    assert "! no DNS checks for example.com: DNS cannot point at 127.0.0.1" in done.out


def _resolver(settings: str) -> str:
    return settings.split('resolvers: ["')[1].split('"')[0]


def test_no_dns_leaves_the_dns_results_out(sandbox: Sandbox, place: Any, inside: Inside) -> None:
    assert "DNS" not in inside(place, "status", "--no-dns").out
    assert "dns" not in document(inside, place, "--no-dns")["domains"][0]


def test_a_customer_sees_the_same_figures_as_the_administrator(sandbox: Sandbox, place: Any, inside: Inside) -> None:
    as_admin = document(inside, place, "example.com")["domains"]
    settings = (place.root / "reconciler.yaml").read_text("utf-8")
    place.write("reconciler.yaml", settings.replace("role: admin", "role: customer"))
    user = {"SMARTERMAIL_USER": "boss@example.com", "SMARTERMAIL_PASSWORD": "Fixture-only-1!"}
    place.run.environment.update(user)
    assert document(inside, place, "example.com")["domains"] == as_admin


def test_status_sends_nine_requests_per_domain_and_one_per_server_and_changes_nothing(
    sandbox: Sandbox, place: Any, inside: Inside
) -> None:
    before = own(sandbox, "GET", "state")["domains"]
    own(sandbox, "POST", "requests/reset")
    assert inside(place, "status", "example.com").code == 0
    sent = Counter(r["endpoint"] for r in own(sandbox, "GET", "requests")["requests"])
    authentication = {"auth/authenticate-user", "auth/logout-user"}
    assert sum(n for name, n in sent.items() if name not in authentication and not name.startswith("sandbox")) == 9 + 1
    assert sent["settings/sysadmin/get-version"] == 1
    assert set(sent.values()) == {1}
    assert own(sandbox, "GET", "state")["domains"] == before


def test_a_server_with_a_vulnerable_build_is_reported_once(workspace: Make, inside: Inside) -> None:
    names = ("example.com", "second.example")
    seed = tuple(
        SeedDomain(name=name, admin_username="boss", admin_password="B0ss-of-all", dkim=False) for name in names
    )
    with Sandbox(SandboxConfig(seed=seed, version="100.0.9504.1")) as old:
        made = workspace(old.endpoint)
        for name in names:
            made.domain(name, "mailboxes: {}\n", product=None)
        found = document(inside, made, "--no-dns")
        reported = [d for domain in found["domains"] for d in domain["diagnostics"]]
        assert [(d["severity"], d["code"]) for d in reported] == [("warning", "SRV006")]
        assert "SmarterMail 100.0.9504 (built 2026-01-08) is older than build 9511" in reported[0]["message"]
        assert reported[0]["source"]["file"] == "reconciler.yaml"
        shown = " ".join(inside(made, "status", "--no-dns").out.split())
        assert shown.count("CVE-2026-23760") == 1


def test_schema_prints_the_schema_of_status(program: Any) -> None:
    done = program("schema", "status")
    assert done.returncode == 0
    assert json.loads(done.stdout) == load_schema("status")
