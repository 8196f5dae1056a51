"""`plan --save`, `apply --plan`: exactly the approved changes are made, also if the server changed since."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from reconciler.app.data import data_folder
from reconciler.sandbox import Sandbox

Make = Callable[..., Any]
Run = Callable[..., Any]

START = """\
mailboxes:
  alice: {displayName: Alice, quota: 1 GiB, password: {env: CANARY}}
  bob: {quota: 1 GiB}
  carol: {quota: 1 GiB}
aliases:
  team: [alice, bob]
"""
WANTED = """\
mailboxes:
  alice: {displayName: Alice, quota: 2 GiB, password: {env: CANARY, version: 2}}
  bob: {quota: 2 GiB}
  dora: {quota: 1 GiB, password: {env: CANARY}}
aliases:
  team: [alice, bob, dora]
removed: {mailboxes: [carol]}
"""
CANARY = "Canary-Value-77-singing"


@pytest.fixture
def planned(sandbox: Sandbox, workspace: Make, inside: Run) -> Any:
    """A workspace with a saved plan: updates of alice, bob and team, a creation of dora, a deletion of carol."""
    made = workspace(sandbox.endpoint)
    made.run.environment["CANARY"] = CANARY
    made.domain("example.com", START)
    made.domain("second.example", "mailboxes: {zoe: {}}\n")
    assert inside(made, "apply", "--yes").code == 0
    made.domain("example.com", WANTED)
    done = inside(made, "plan", "--save", "p.plan")
    assert done.code == 0, done.err
    return made


def by_hand(place: Any, inside: Run, body: str) -> None:
    """Changes the server out of band: applies other files, and restores the files."""
    path = place.root / "domains" / "example.com.yaml"
    before = path.read_text("utf-8")
    place.domain("example.com", body)
    done = inside(place, "apply", "--yes", "example.com")
    assert done.code == 0, done.out + done.err
    path.write_text(before, "utf-8")


def outcomes(place: Any, inside: Run, *words: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit code, and address -> (result, detail)."""
    done = inside(place, "apply", "--yes", "--plan", "p.plan", "--format", "json", *words)
    document = json.loads(done.out)
    rows = [c for d in document["outcomes"] for c in d["changes"]]
    return done.code, {c["address"].split("@")[0]: (c["result"], c.get("detail", "")) for c in rows}


def test_a_saved_plan_matches_its_schema_and_holds_no_secret(planned: Any, inside: Run) -> None:
    text = (planned.root / "p.plan").read_text("utf-8")
    schema = json.loads((data_folder("schemas") / "saved-plan.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(text)
    jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)
    assert CANARY not in text
    assert '"target": "CANARY"' in text
    assert "mail1.example.net" not in text, "the plan contains a digest of the server address"
    assert inside(planned, "schema", "saved-plan").code == 0


def test_the_schema_describes_every_property_and_allows_no_other() -> None:
    schema = json.loads((data_folder("schemas") / "saved-plan.schema.json").read_text("utf-8"))
    bare: list[str] = []

    def walk(node: Any, path: str) -> None:
        if isinstance(node, dict):
            for name, inner in node.get("properties", {}).items() if isinstance(node.get("properties"), dict) else ():
                if not ("description" in inner or "$ref" in inner):
                    bare.append(f"{path}/{name}")
            if node.get("type") == "object" and "additionalProperties" not in node:
                bare.append(f"{path}: open")
            for name, inner in node.items():
                walk(inner, f"{path}/{name}")
        elif isinstance(node, list):
            for n, inner in enumerate(node):
                walk(inner, f"{path}/{n}")

    walk(schema, "")
    assert bare == []


def test_a_plan_is_applied_and_the_second_time_all_changes_are_already_in_place(planned: Any, inside: Run) -> None:
    code, found = outcomes(planned, inside)
    assert (code, {r for r, _ in found.values()}) == (0, {"applied"})
    assert found.keys() == {"alice", "bob", "carol", "dora", "team"}
    code, found = outcomes(planned, inside)
    assert (code, {r for r, _ in found.values()}) == (0, {"already as wanted"})
    assert inside(planned, "plan", "--detailed-exitcode", "example.com").code == 0


def test_an_update_of_a_changed_object_is_refused_with_the_field_and_the_others_are_applied(
    planned: Any, inside: Run
) -> None:
    by_hand(planned, inside, START.replace("bob: {quota: 1 GiB}", "bob: {quota: 3 GiB, displayName: Bobby}"))
    code, found = outcomes(planned, inside)
    assert code == 4
    assert found["bob"] == ("refused", "changed since the plan: displayName, quota")
    assert {n: r for n, (r, _) in found.items() if n != "bob"} == dict.fromkeys(
        ("alice", "carol", "dora", "team"), "applied"
    )
    done = inside(planned, "apply", "--yes", "--plan", "p.plan")
    assert done.code == 4
    assert "converged" not in done.out
    assert "moved" in done.out


def test_a_change_of_a_deleted_object_is_refused_and_its_deletion_is_already_in_place(
    planned: Any, inside: Run
) -> None:
    gone = "mailboxes: {alice: {}}\naliases: {team: [alice]}\nremoved: {mailboxes: [bob, carol]}\n"
    by_hand(planned, inside, gone)
    code, found = outcomes(planned, inside)
    assert code == 4
    assert found["bob"] == ("refused", "the object was deleted since the plan")
    assert found["carol"] == ("already as wanted", "")
    assert found["team"][0] == "refused"
    assert found["alice"] == found["dora"] == ("applied", "")


def test_a_creation_of_an_existing_object_is_refused_with_the_changes_that_depend_on_it(
    planned: Any, inside: Run
) -> None:
    by_hand(planned, inside, START.replace("  bob:", "  dora: {quota: 9 GiB}\n  bob:"))
    code, found = outcomes(planned, inside)
    assert code == 4
    assert found["dora"] == ("refused", "the object was created since the plan")
    assert found["team"] == ("refused", "it depends on mailbox:dora@example.com, which was refused")
    assert found["alice"] == found["bob"] == found["carol"] == ("applied", "")


def test_a_failure_together_with_a_refusal_gives_exit_code_5(planned: Any, inside: Run) -> None:
    by_hand(planned, inside, START.replace("bob: {quota: 1 GiB}", "bob: {quota: 3 GiB}"))
    done = inside(planned, "apply", "--yes", "--plan", "p.plan", CANARY="")
    assert done.code == 5, done.out


def test_apply_reads_only_the_objects_of_the_plan(sandbox: Sandbox, workspace: Make, inside: Run, planned: Any) -> None:
    done = inside(planned, "-vv", "apply", "--yes", "--plan", "p.plan")
    assert done.code == 0
    assert "second.example" not in done.err, "a domain without changes costs no request"
    empty = inside(planned, "plan", "--save", "empty.plan", "second.example")
    assert empty.code == 0
    done = inside(planned, "-vv", "apply", "--yes", "--plan", "empty.plan", SMARTERMAIL_PASSWORD="wrong")
    assert done.code == 0, done.err
    assert "api/v1" not in done.err


def test_the_guards_use_the_current_state_of_the_server(sandbox: Sandbox, workspace: Make, inside: Run) -> None:
    place = workspace(sandbox.endpoint, policy="{maxDeletions: {count: 50, percent: 15}}")
    names = [f"m{n}" for n in range(14)]
    place.domain("example.com", f"mailboxes: {{{', '.join(f'{n}: {{}}' for n in names)}}}\n")
    assert inside(place, "apply", "--yes").code == 0
    place.domain(
        "example.com",
        f"mailboxes: {{{', '.join(f'{n}: {{}}' for n in names[2:])}}}\nremoved: {{mailboxes: [m0, m1]}}\n",
    )
    assert inside(place, "plan", "--save", "p.plan").code == 0
    by_hand(place, inside, "mailboxes: {m0: {}, m1: {}}\nremoved: {mailboxes: [m10, m11]}\n")
    done = inside(place, "apply", "--yes", "--plan", "p.plan")
    assert done.code == 4
    assert "GRD002" in done.out
    assert "this plan deletes 2 of 12 mailboxes" in _flat(done.out)
    assert len(re.findall(r"m[01]@", inside(place, "plan").out)) >= 2, "nothing was deleted"


@pytest.mark.parametrize("place", [0.02, 0.5, 0.97])
def test_an_edited_file_is_refused(planned: Any, inside: Run, place: float) -> None:
    path = planned.root / "p.plan"
    raw = bytearray(path.read_bytes())
    raw[int(len(raw) * place)] ^= 1
    path.write_bytes(raw)
    done = inside(planned, "apply", "--yes", "--plan", "p.plan")
    assert done.code == 4
    assert "p.plan" in done.err
    assert done.out == ""


def test_an_expired_plan_is_refused_and_says_when(planned: Any, inside: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime, timedelta

    from reconciler.app.saved import plan_file as saved

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Later":
            real = datetime.now(UTC) + timedelta(minutes=31)
            return cls(*real.timetuple()[:6], tzinfo=UTC)

    assert inside(planned, "plan", "--save", "p.plan", "--expires", "30m").code == 0
    monkeypatch.setattr(saved, "datetime", Later)
    done = inside(planned, "apply", "--yes", "--plan", "p.plan")
    assert done.code == 4
    assert re.search(r"expired at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", done.err)


@pytest.mark.parametrize("time", ["0h", "24", "1w", "-1h", "400d", ""])
def test_an_invalid_duration_is_a_usage_error(planned: Any, inside: Run, time: str) -> None:
    assert inside(planned, "plan", "--save", "q.plan", "--expires", time).code == 64


def test_a_plan_for_another_server_or_workspace_is_refused(planned: Any, inside: Run) -> None:
    path = planned.root / "reconciler.yaml"
    text = path.read_text("utf-8")
    path.write_text(re.sub(r"(url: \S+)", r"\1/elsewhere", text), "utf-8")
    done = inside(planned, "apply", "--yes", "--plan", "p.plan")
    assert (done.code, "another server" in done.err) == (4, True)
    path.write_text(text, "utf-8")
    planned.domain("third.example", "mailboxes: {}\n")
    done = inside(planned, "apply", "--yes", "--plan", "p.plan")
    assert (done.code, "another workspace" in done.err) == (4, True)


def test_a_plan_of_another_format_is_refused(planned: Any, inside: Run) -> None:
    old = {"formatVersion": 2, "kind": "SavedPlan", "configuration": "sha256:0", "digests": {}, "asked": {}}
    (planned.root / "p.plan").write_text(json.dumps(old, indent=2, sort_keys=True) + "\n", "utf-8")
    done = inside(planned, "apply", "--yes", "--plan", "p.plan")
    assert done.code == 4
    assert "formatVersion 2" in done.err
    assert "plan again" in done.err


def test_a_forged_reference_to_a_command_is_never_run(planned: Any, inside: Run) -> None:
    """Anyone who can write the file can compute its digests, so only files in git may name a command."""
    from reconciler.app.saved.plan_file import _integrity, _written
    from reconciler.core.plan import canonical_json

    path = planned.root / "p.plan"
    data = json.loads(path.read_text("utf-8"))
    domain = next(d for d in data["domains"] if d["domain"] == "example.com")
    change = next(c for c in domain["changes"] if c["name"] == "dora")
    forged = {"kind": "command", "target": "touch", "argv": ["touch", str(planned.root / "forged")], "version": 1}
    next(f for f in change["fields"] if f["name"] == "password")["secret"] = forged
    domain["digest"] = _digest_of(domain, canonical_json)
    path.write_text(_written({**data, "integrity": _integrity(data)}), "ascii")
    done = inside(planned, "apply", "--yes", "--plan", "p.plan")
    assert done.code == 4
    assert "is in no file" in done.err
    assert not (planned.root / "forged").exists()


def _digest_of(domain: dict[str, Any], canonical_json: Any) -> str:
    """The digest of a forged domain, computed as for a real plan."""
    from hashlib import sha256

    def field(f: dict[str, Any]) -> dict[str, Any]:
        if "secret" in f:
            s = f["secret"]
            return {"name": f["name"], "secret": [s["kind"], s["target"], s["argv"], s["version"]]}
        return {"name": f["name"], "before": f.get("before"), "after": f["after"]}

    data = {
        "domain": domain["domain"],
        "server": domain["server"],
        "complete": True,
        "changes": [
            {k: c[k] for k in ("action", "kind", "name", "reason", "risk", "dependsOn")}
            | {"fields": [field(f) for f in c["fields"]]}
            for c in domain["changes"]
        ],
        "unmanaged": [[u["kind"], u["address"]] for u in domain["unmanaged"]],
    }
    return "sha256:" + sha256(canonical_json(data).encode()).hexdigest()


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A private key, its public key and another public key, created by openssl."""
    folder = tmp_path.parent / f"{tmp_path.name}-keys"
    folder.mkdir()
    private, public, other = folder / "plan.pem", folder / "pub.pem", folder / "other.pem"
    for key, out in ((private, public), (folder / "x.pem", other)):
        subprocess.run(
            ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True, capture_output=True
        )
        subprocess.run(
            ["openssl", "pkey", "-in", str(key), "-pubout", "-out", str(out)], check=True, capture_output=True
        )
        key.chmod(0o600)
    return private, public, other


def test_a_signed_plan_is_applied_and_an_unsigned_or_differently_signed_plan_is_refused(
    planned: Any, inside: Run, keys: tuple[Path, Path, Path]
) -> None:
    private, public, other = map(str, keys)
    unsigned = inside(planned, "apply", "--yes", "--plan", "p.plan", "--verify-key", public)
    assert (unsigned.code, "is not signed" in unsigned.err) == (4, True)
    assert inside(planned, "plan", "--save", "p.plan", "--sign-key", private).code == 0
    wrong = inside(planned, "apply", "--yes", "--plan", "p.plan", "--verify-key", other)
    assert (wrong.code, "is not signed with the private key" in wrong.err) == (4, True)
    swapped = json.loads((planned.root / "p.plan").read_text("utf-8"))
    assert swapped["signature"]["algorithm"] == "Ed25519"
    right = inside(planned, "apply", "--yes", "--plan", "p.plan", "--verify-key", public)
    assert right.code == 0, right.err


def test_a_signature_of_another_plan_is_refused(planned: Any, inside: Run, keys: tuple[Path, Path, Path]) -> None:
    from reconciler.app.saved.plan_file import _integrity, _written

    private, public, _ = map(str, keys)
    assert inside(planned, "plan", "--save", "q.plan", "--sign-key", private, "second.example").code == 0
    data = json.loads((planned.root / "p.plan").read_text("utf-8"))
    data["signature"] = json.loads((planned.root / "q.plan").read_text("utf-8"))["signature"]
    data["integrity"] = _integrity(data)
    (planned.root / "p.plan").write_text(_written(data), "ascii")
    done = inside(planned, "apply", "--yes", "--plan", "p.plan", "--verify-key", public)
    assert (done.code, "is not signed with the private key" in done.err) == (4, True)


def test_a_private_key_that_others_can_read_is_refused_before_any_request(
    planned: Any, inside: Run, keys: tuple[Path, Path, Path]
) -> None:
    private, public, _ = keys
    private.chmod(0o640)
    done = inside(planned, "plan", "--save", "q.plan", "--sign-key", str(private), SMARTERMAIL_PASSWORD="wrong")
    assert done.code == 4
    assert "mode 0640" in done.err
    assert not (planned.root / "q.plan").exists()
    private.chmod(0o600)
    for key, option in ((public, "--sign-key"), (private, "--verify-key")):
        public.chmod(0o600)
        words = ("plan", "--save", "q.plan") if option == "--sign-key" else ("apply", "--yes", "--plan", "p.plan")
        done = inside(planned, *words, option, str(key))
        assert done.code == 4, done.err
        assert "PRIVATE" not in done.err


def test_a_verify_key_in_the_environment_refuses_unsigned_plans(
    planned: Any, inside: Run, keys: tuple[Path, Path, Path]
) -> None:
    key = {"RECONCILER_APPLY_VERIFY_KEY": str(keys[1])}
    done = inside(planned, "apply", "--yes", **key)
    assert (done.code, "--verify-key" in done.err) == (64, True)
    assert inside(planned, "apply", "--yes", "--plan", "p.plan", **key).code == 4
    signing = {"RECONCILER_PLAN_SIGN_KEY": str(keys[0]), "RECONCILER_PLAN_EXPIRES": "2h"}
    assert inside(planned, "plan", **signing).code == 0, "a plan without --save needs no key"
    assert inside(planned, "plan", "--sign-key", str(keys[0])).code == 64
    assert inside(planned, "plan", "--save", "p.plan", **signing).code == 0
    assert inside(planned, "apply", "--yes", "--plan", "p.plan", **key).code == 0


def test_without_the_library_the_error_names_the_extra_to_install(planned: Any, keys: tuple[Path, Path, Path]) -> None:
    (planned.root / "sitecustomize.py").write_text("import sys; sys.modules['cryptography'] = None\n", "utf-8")
    done = planned.run("plan", "--save", "q.plan", "--sign-key", str(keys[0]), PYTHONPATH=str(planned.root))
    assert done.returncode == 1, done.stderr
    assert "'.[sign]'" in done.stderr


def test_a_lifted_protection_is_journalled_even_without_any_change(
    sandbox: Sandbox, workspace: Make, inside: Run
) -> None:
    from reconciler.app.plan.planner import journal_folder
    from reconciler.engine.journal.inventory import read_inventory

    place = workspace(sandbox.endpoint)
    folder = journal_folder(place.root)
    place.domain("example.com", "mailboxes: {bob: {protect: true}}\n")
    assert inside(place, "apply", "--yes").code == 0
    names, first = read_inventory(folder).protected("mail1", "example.com") or ((), "")
    assert names == {"bob"}
    assert inside(place, "apply", "--yes").code == 0
    assert len(list(folder.iterdir())) == 1, "a run without changes writes no journal"
    place.domain("example.com", "mailboxes: {bob: {}}\n")
    assert inside(place, "plan", "--save", "p.plan").code == 0
    assert inside(place, "apply", "--yes", "--plan", "p.plan").code == 0
    names, second = read_inventory(folder).protected("mail1", "example.com") or (("?",), "")
    assert (names, second != first) == (frozenset(), True)
    start = json.loads(max(folder.iterdir(), key=lambda f: f.stat().st_mtime_ns).read_text("utf-8").splitlines()[0])
    assert start["configuration"].startswith("sha256:")
    assert start["user"]


def test_a_saved_rollback_is_applied_although_the_files_differ(sandbox: Sandbox, workspace: Make, inside: Run) -> None:
    place = workspace(sandbox.endpoint)
    place.domain("example.com", "mailboxes: {robert: {quota: 1 GiB}}\naliases: {team: [robert]}\n")
    assert inside(place, "apply", "--yes").code == 0
    body = "mailboxes: {bob: {quota: 2 GiB}, dora: {}}\naliases: {}\nremoved: {aliases: [team]}\n"
    place.domain("example.com", body + "renamed: {mailboxes: {robert: bob}}\n")
    done = inside(place, "apply", "--yes")
    assert done.code == 0, done.out
    done = inside(place, "rollback", "last", "--save", "p.plan")
    assert done.code == 0, done.out + done.err
    code, found = outcomes(place, inside)
    assert (code, {r for r, _ in found.values()}) == (0, {"applied"}), found
    place.domain("example.com", "mailboxes: {robert: {quota: 1 GiB}}\naliases: {team: [robert]}\n")
    left = inside(place, "plan", "--detailed-exitcode")
    assert left.code == 0, left.out
    assert "unmanaged" not in left.out.replace("0 unmanaged", "")


def _flat(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.split())


def test_a_saved_plan_is_refused_if_a_mailbox_now_forwards_to_an_address_that_it_deletes(
    planned: Any, inside: Run, sandbox: Sandbox
) -> None:
    by_hand(planned, inside, "mailboxes: {carol: {}, frank: {forwarding: {to: [carol], keepCopy: false}}}\n")
    done = inside(planned, "apply", "--yes", "--plan", "p.plan")
    assert done.code == 4, done.out + done.err
    assert "the forward of mailbox frank@example.com would have no target left" in " ".join(done.out.split())
    state = httpx.get(
        f"{sandbox.endpoint.url}/sandbox/state", headers={"X-Sandbox": "1"}, trust_env=False, verify=False
    ).json()
    assert {"frank", "carol"} <= state["domains"]["example.com"]["users"].keys()
