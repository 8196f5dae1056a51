"""The guards in the installed program against the sandbox, before and after the first write."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from reconciler.sandbox import Sandbox

Make = Callable[..., Any]


def own(sandbox: Sandbox, path: str, body: Any = None, method: str = "POST") -> Any:
    """Sends a request to a control endpoint of the sandbox."""
    url = f"{sandbox.endpoint.url}/sandbox/{path}"
    answer = httpx.request(
        method, url, json=body, headers={"X-Sandbox": "1"}, trust_env=False, verify=False, timeout=20
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def state(sandbox: Sandbox, domain: str = "example.com") -> Any:
    return own(sandbox, "state", method="GET")["domains"][domain]


def written(sandbox: Sandbox) -> list[str]:
    """The endpoints of all write requests."""
    return [r["endpoint"] for r in own(sandbox, "requests", method="GET")["requests"] if r["write"]]


@pytest.fixture
def ready(sandbox: Sandbox, workspace: Make) -> Any:
    """A workspace whose mailboxes robert and ann and whose alias are applied."""
    w = workspace(sandbox.endpoint, policy="{externalForwarding: allow}")
    w.domain("example.com", "mailboxes: {robert: {displayName: Robert}, ann: {}}\naliases: {info: [ann]}\n")
    done = w.run("apply", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    own(sandbox, "requests/reset")
    return w


@pytest.mark.parametrize("quirk", ["missing:settings/domain/rename-user", "not-allowed:settings/domain/rename-user"])
def test_a_rename_fails_without_a_deletion_or_creation_if_the_server_cannot_rename(
    ready: Any, sandbox: Sandbox, quirk: str
) -> None:
    own(sandbox, "quirks", {"quirks": [quirk]})
    before = state(sandbox)
    ready.domain(
        "example.com",
        "mailboxes: {bob: {displayName: Bob}, ann: {displayName: Ann}}\naliases: {info: [ann]}\n"
        "renamed: {mailboxes: {robert: bob}}\n",
    )
    assert "> mailbox robert@example.com -> bob@example.com" in ready.run("plan").stdout
    done = ready.run("apply", "--yes")
    assert done.returncode == 5, done.stdout + done.stderr
    output = " ".join((done.stdout + done.stderr).split())
    assert (
        "SmarterMail 100.0.9742 (built 2026-09-03) cannot rename a mailbox: it does not have this endpoint; robert"
        in output
    )
    assert "remove the entry from `renamed` and declare robert; declare bob as an alias of it" in output
    after = state(sandbox)
    assert after["users"].keys() == before["users"].keys()
    assert after["users"]["robert"] == before["users"]["robert"]
    assert after["users"]["ann"]["userData"]["fullName"] == "Ann"  # Independent changes are applied.
    assert not any("delete" in endpoint or "user-put" in endpoint for endpoint in written(sandbox) if endpoint)


def test_a_rename_keeps_the_settings_of_the_mailbox(ready: Any, sandbox: Sandbox) -> None:
    ready.domain(
        "example.com",
        "mailboxes: {bob: {}, ann: {}}\naliases: {info: [ann]}\nrenamed: {mailboxes: {robert: bob}}\n",
    )
    done = ready.run("apply", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert state(sandbox)["users"]["bob"]["userData"]["fullName"] == "Robert"
    assert "robert" not in state(sandbox)["users"]


def test_the_plan_refuses_eas_if_the_server_has_it_switched_off_for_the_domain(ready: Any, sandbox: Sandbox) -> None:
    token = httpx.post(
        f"{sandbox.endpoint.url}/api/v1/auth/authenticate-user",
        json={"username": sandbox.endpoint.username, "password": sandbox.endpoint.password},
        trust_env=False,
        verify=False,
    ).json()["accessToken"]

    def switch(*, on: bool) -> None:
        answer = httpx.post(
            f"{sandbox.endpoint.url}/api/v1/settings/sysadmin/domain-settings/example.com",
            json={"domainSettings": {"enableActiveSyncAccountManagement": on}},
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            verify=False,
        )
        assert answer.json()["success"], answer.text
        own(sandbox, "requests/reset")

    ready.domain("example.com", "mailboxes: {robert: {}, ann: {eas: true}}\naliases: {info: [ann]}\n")
    switch(on=False)
    for command in (["plan"], ["apply", "--yes"]):
        done = ready.run(*command)
        assert done.returncode == 4, done.stdout + done.stderr
        assert "the server has EAS switched off for this domain" in " ".join((done.stdout + done.stderr).split())
    assert written(sandbox) == []
    switch(on=True)
    assert ready.run("apply", "--yes").returncode == 0


def test_a_deletion_that_leaves_an_alias_of_another_domain_without_a_target_is_refused(
    ready: Any, sandbox: Sandbox
) -> None:
    ready.domain("second.example", "aliases: {help: [robert@example.com]}\n")
    assert ready.run("apply", "--yes").returncode == 0
    own(sandbox, "requests/reset")
    ready.domain("second.example", "dns: {}\n")
    ready.domain("example.com", "mailboxes: {ann: {}}\naliases: {info: [ann]}\nremoved: {mailboxes: [robert]}\n")
    done = ready.run("apply", "--yes")
    assert done.returncode == 4
    assert "alias help@second.example would have no target left" in " ".join((done.stdout + done.stderr).split())
    assert written(sandbox) == []
    ready.domain("second.example", "aliases: {help: [ann@example.com]}\n")
    done = ready.run("apply", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("fault", "path"), [("empty-list", "list-users$"), ("cut-list", "domain/aliases$")])
def test_an_implausible_read_makes_the_plan_of_the_domain_incomplete(
    ready: Any, sandbox: Sandbox, fault: str, path: str
) -> None:
    own(sandbox, "faults", {"name": fault, "path": path, "times": -1})
    document = json.loads(ready.run("plan", "--format", "json", "example.com").stdout)
    (domain,) = document["domains"]
    assert (domain["complete"], domain["changes"]) == (False, [])
    assert [d["code"] for d in domain["diagnostics"]] == ["SRV004"]
    assert "but the server" in domain["diagnostics"][0]["message"]


def forwards(sandbox: Sandbox) -> list[str]:
    return list(state(sandbox)["users"]["ann"]["effectiveForwards"])


OUT = "mailboxes: {robert: {}, ann: {forwarding: {to: [me@rogue.example]}}}\n"


@pytest.mark.parametrize("disguise", ["a target that leaves the alias out", "another domain's alias", "a domain file"])
def test_declaring_an_external_domain_does_not_allow_forwards_to_it(
    ready: Any, sandbox: Sandbox, disguise: str
) -> None:
    settings = ready.root / "reconciler.yaml"
    settings.write_text(settings.read_text().replace("externalForwarding: allow", "externalForwarding: deny"))
    words: list[str] = []
    if disguise == "a target that leaves the alias out":
        ready.domain("example.com", OUT + "domainAliases: [rogue.example]\n")
        words = ["--target", "mailbox:ann@example.com"]
    elif disguise == "another domain's alias":
        ready.domain("example.com", OUT)
        ready.domain("second.example", "domainAliases: [rogue.example]\n")
    else:
        ready.domain("example.com", OUT)
        ready.domain("rogue.example", "dns: {}\n")
    done = ready.run("apply", "--yes", *words)
    unread = disguise == "a domain file"  # No server has this domain.
    assert done.returncode == (6 if unread else 4), done.stdout + done.stderr
    assert "GRD007" in done.stdout
    assert (written(sandbox), forwards(sandbox)) == ([], [])


def test_no_forward_to_a_domain_alias_is_set_if_the_alias_cannot_be_created(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint, role="customer", policy="{externalForwarding: deny}")
    w.domain("example.com", "mailboxes: {ann: {}}\n")
    assert w.run("apply", "--yes").returncode == 0
    w.domain(
        "example.com",
        "mailboxes: {ann: {forwarding: {to: [me@rogue.example]}}}\ndomainAliases: [rogue.example]\n",
    )
    done = w.run("apply", "--yes")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "not tried" in done.stdout
    assert forwards(sandbox) == []


@pytest.mark.parametrize("way", ["removed", "pruned", "renamed"])
def test_a_deletion_that_leaves_an_unmanaged_forward_without_a_target_is_refused(
    ready: Any, sandbox: Sandbox, way: str
) -> None:
    ready.domain("example.com", "mailboxes: {robert: {}, ann: {forwarding: {to: [robert], keepCopy: false}}}\n")
    assert ready.run("apply", "--yes").returncode == 0
    own(sandbox, "requests/reset")
    bodies = {
        "removed": "mailboxes: {ann: {}}\nremoved: {mailboxes: [robert]}\n",
        "pruned": "mailboxes: {ann: {}}\n",
        "renamed": "mailboxes: {ann: {}, bob: {}}\nrenamed: {mailboxes: {robert: bob}}\n",
    }
    ready.domain("example.com", bodies[way])
    done = ready.run("apply", "--yes", *(["--prune"] if way == "pruned" else []))
    assert done.returncode == 4, done.stdout + done.stderr
    assert "the forward of mailbox ann@example.com would have no target left" in " ".join(done.stdout.split())
    assert written(sandbox) == []
