"""JSON documents match their schemas, are reproducible and contain no secret."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from reconciler.core.diagnostics import Diagnostic
from reconciler.core.plan import Change, FieldChange, Outcome, Plan, Result
from reconciler.core.secret import SecretRef
from reconciler.engine.journal.writer import FileJournal
from reconciler.output.diagnostics_json import render_diagnostics_json
from reconciler.output.plan.apply_json import render_apply_json
from reconciler.output.plan.json import plans_document, render_plans_json

Schema = Callable[[str], Draft202012Validator]
Generated = dict[str, object]


def test_a_plan_with_every_kind_of_change_follows_schema_and_contract(
    telling: tuple[Plan, ...], generated: Generated, schema: Schema
) -> None:
    document = json.loads(render_plans_json(telling, generated))
    schema("plan").validate(document)
    assert document["formatVersion"] == 1
    assert document["generated"] == generated
    assert document["summary"] == {
        "create": 3, "update": 2, "delete": 2, "rename": 1, "unmanaged": 3, "domains": 4,
    }  # fmt: skip
    assert [d["domain"] for d in document["domains"]] == sorted(d["domain"] for d in document["domains"])
    changes = document["domains"][0]["changes"]
    assert changes[0]["newAddress"] == "bob@example.com"
    assert changes[1]["fields"] == {
        "quota": {"before": 1073741824, "after": 5368709120},
        "forwarding.to": {"before": ["a@example.com"], "after": ["alice@elsewhere.example"]},
        "password": {"sensitive": True},
    }
    assert changes[1]["source"] == {"file": "domains/example.com.yaml", "line": 8, "column": 5}
    assert changes[2]["purgeAfter"] == "2026-12-31"
    assert changes[2]["current"] == {"usageBytes": 1 << 20}
    assert changes[3]["fields"]["quota"] == {"after": 0}
    assert changes[4]["dependsOn"] == ["mailbox:erin@example.com"]
    assert changes[5]["current"] == {"usageBytes": 3435973837, "lastLogin": "2026-11-20T10:00:00Z"}


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_plan_gives_a_valid_ascii_document(data: st.DataObject, any_plans: Any, schema: Schema) -> None:
    header = {"time": "2026-11-22T18:00:00Z", "tool": "reconciler", "version": "0.1.0", "commit": "abc"}
    plans = data.draw(any_plans)
    text = render_plans_json(plans, header)
    schema("plan").validate(json.loads(text))
    assert all(" " <= c <= "~" or c == "\n" for c in text)
    assert render_plans_json(list(reversed(plans)), header) == text or len({(p.domain, p.server) for p in plans}) < len(
        plans
    )


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_diagnostics_give_a_valid_document(
    data: st.DataObject, any_diagnostics: st.SearchStrategy[list[Diagnostic]], schema: Schema
) -> None:
    header = {"time": "2026-11-22T18:00:00Z", "tool": "reconciler", "version": "0.1.0"}
    listed = data.draw(any_diagnostics)
    text = render_diagnostics_json(listed, header)
    document = json.loads(text)
    schema("diagnostics").validate(document)
    assert len(document["diagnostics"]) == len(set(listed))
    assert render_diagnostics_json(reversed(listed), header) == text


def test_equal_input_gives_equal_bytes_in_another_process(telling: tuple[Plan, ...], generated: Generated) -> None:
    """Another hash seed changes the order of sets, which must not change the document."""
    plan = telling[0]
    script = (
        "import pickle, sys; from reconciler.output.plan.json import render_plans_json as r\n"
        "sys.stdout.write(r(*pickle.load(sys.stdin.buffer)))"
    )
    import pickle

    runs = {
        subprocess.run(
            [sys.executable, "-c", script],
            input=pickle.dumps(((plan,), generated)),
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert runs == {render_plans_json((plan,), generated).encode()}


def test_only_generated_differs_between_two_runs(telling: tuple[Plan, ...], generated: Generated) -> None:
    one = plans_document(telling, generated)
    two = plans_document(telling, generated | {"time": "2027-01-01T00:00:00Z"})
    assert one != two
    assert {k: v for k, v in one.items() if k != "generated"} == {k: v for k, v in two.items() if k != "generated"}


@pytest.mark.parametrize(
    "damage",
    [
        {"formatVersion": 2},
        {"extra": 1},
        {"generated": {}},
        {"summary": {"create": -1, "update": 0, "delete": 0, "unmanaged": 0, "domains": 0}},
    ],
)
def test_the_schema_rejects_other_documents(
    telling: tuple[Plan, ...], generated: Generated, schema: Schema, damage: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        schema("plan").validate(plans_document(telling, generated) | damage)


def test_the_schema_rejects_a_password_with_a_value(
    telling: tuple[Plan, ...], generated: Generated, schema: Schema
) -> None:
    document = json.loads(render_plans_json(telling, generated))
    document["domains"][0]["changes"][1]["fields"]["password"] = {"after": "hunter2"}
    with pytest.raises(ValidationError):
        schema("plan").validate(document)


def test_the_schema_accepts_the_costs_of_the_contract(
    telling: tuple[Plan, ...], generated: Generated, schema: Schema
) -> None:
    document = json.loads(render_plans_json(telling, generated))
    document["domains"][0]["cost"] = {"currency": "USD", "monthlyBefore": "14.50", "monthlyAfter": "19.00"}
    schema("plan").validate(document)


@pytest.mark.parametrize("name", ["plan", "apply", "diagnostics", "journal"])
def test_every_schema_is_closed_and_describes_each_property(name: str, schema: Schema) -> None:
    def walk(node: object, place: str) -> None:
        if isinstance(node, list):
            for n, each in enumerate(node):
                walk(each, f"{place}/{n}")
        if not isinstance(node, dict):
            return
        for key, value in node.get("properties", {}).items():
            assert value.get("description"), f"{place}/{key} has no description"
        if node.get("type") == "object":
            assert "additionalProperties" in node, f"{place} lets anything in"
            assert node["additionalProperties"] is not True
        for key, value in node.items():
            walk(value, f"{place}/{key}")

    walk(schema(name).schema, name)


def test_a_real_journal_is_valid(telling: tuple[Plan, ...], schema: Schema, tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, tool="reconciler 0.1.0", clock=lambda: datetime(2026, 11, 22, 18, tzinfo=UTC))
    for plan in telling:
        for change in plan.changes:
            journal.intent(plan.server, change)
            for result in Result:
                journal.outcome(plan.server, Outcome(change=change, result=result, detail="because"))
    journal.close(converged=False)
    lines = journal.path.read_text().splitlines()
    assert len(lines) == 2 + (1 + len(Result)) * sum(len(p.changes) for p in telling)
    for line in lines:
        schema("journal").validate(json.loads(line))


@pytest.mark.parametrize(
    "damage",
    [
        {"event": "outcome"},
        {"event": "start"},
        {"change": {"action": "rename", "kind": "mailbox", "address": "a@b.example", "fields": {}}},
        {"change": {"action": "update", "kind": "mailbox", "address": "a@b.example",
                    "fields": {"password": {"sensitive": True, "version": 1, "after": "hunter2"}}}},
        {"run": "../../etc"},
    ],
)  # fmt: skip
def test_the_journal_schema_rejects_fields_of_other_events(schema: Schema, damage: dict[str, object]) -> None:
    record = {
        "formatVersion": 1,
        "run": "20261122T180000Z-ab12cd",
        "time": "2026-11-22T18:00:00.000Z",
        "previous": "sha256:" + "0" * 64,
        "event": "intent",
        "domain": "b.example",
        "server": "mail1",
        "change": {
            "action": "update", "kind": "mailbox", "address": "a@b.example",
            "fields": {"password": {"sensitive": True, "version": 2}}, "current": {"usageBytes": 1},
        },
    }  # fmt: skip
    schema("journal").validate(record)
    with pytest.raises(ValidationError):
        schema("journal").validate(record | damage)


def test_the_apply_document_contains_the_plan_and_its_outcomes(
    telling: tuple[Plan, ...], generated: Generated, schema: Schema, make: Callable[..., Change]
) -> None:
    failed = Outcome(change=make("update", "alice", 8), result=Result.FAILED, detail="no", hint="yes")
    renamed = Outcome(change=make("rename", "a", 9, new_name="b"), result=Result.APPLIED)
    text = render_apply_json(telling, {"example.com": (failed, renamed)}, generated, agreed=True, converged=False)
    document = json.loads(text)
    schema("apply").validate(document)
    assert document["agreed"] is True
    assert document["converged"] is False
    assert document["summary"] == {"applied": 1, "alreadyAsWanted": 0, "refused": 0, "failed": 1, "notTried": 0}
    first, second = document["outcomes"][0]["changes"]
    assert (first["result"], first["detail"], first["hint"]) == ("failed", "no", "yes")
    assert (second["newAddress"], "detail" in second) == ("b@example.com", False)


def test_a_lone_surrogate_in_a_name_from_the_server_breaks_no_document(
    generated: Generated, schema: Schema, make: Callable[..., Change]
) -> None:
    fields = (FieldChange(name="displayName", before="\ud800", after="Alice"),)
    plan = Plan(domain="example.com", server="m", changes=(make("update", "alice", fields=fields),))
    schema("plan").validate(json.loads(render_plans_json((plan,), generated)))


def test_no_document_contains_a_reference_to_a_secret(generated: Generated, make: Callable[..., Change]) -> None:
    fields = (FieldChange(name="password", secret=SecretRef("command", "pass show mail", ("pass", "show", "mail"))),)
    plan = Plan(domain="example.com", server="m", changes=(make("create", "a", fields=fields),))
    assert "pass show" not in render_plans_json((plan,), generated)
