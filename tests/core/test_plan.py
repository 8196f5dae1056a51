import json
from dataclasses import replace

from domain_builders import alias, box, current, desired, gone, only, plan, read_box, rename, targets

from reconciler.core.diagnostics import error, warning
from reconciler.core.plan import Change, FieldChange, Plan, canonical_json, digest_data
from reconciler.core.secret import SecretRef
from reconciler.core.source import Span

CHANGE = Change(
    action="update",
    kind="mailbox",
    domain="example.com",
    name="a",
    fields=(FieldChange(name="quota", before=1, after=2),),
)
PLAN = Plan(domain="example.com", server="mail1", changes=(CHANGE,))


def test_a_change_has_an_address_and_a_key() -> None:
    assert (CHANGE.address, CHANGE.key) == ("a@example.com", "mailbox:a@example.com")
    sister = replace(CHANGE, kind="domainAlias", name="example.ca")
    assert (sister.address, sister.key) == ("example.ca", "domainAlias:example.ca")


def test_activations_and_other_values_are_separate_and_neither_contains_the_password() -> None:
    wanted = desired([box("a", quota=5, eas=True, mapi=False, password=SecretRef("env", "A"))])
    change = only(plan(wanted, current()))
    assert change.values(activations=False) == {"quota": 5}
    assert change.values(activations=True) == {"eas": True, "mapi": False}
    assert change.password == SecretRef("env", "A")


def test_a_digest_covers_the_changes_and_nothing_else() -> None:
    moved = replace(CHANGE, origin=Span("elsewhere.yaml", 9, 9))
    assert replace(PLAN, changes=(moved,)).digest == PLAN.digest
    assert PLAN.with_diagnostics(warning("SEC005", "hm")).digest == PLAN.digest
    for other in (
        replace(PLAN, domain="example.org"),
        replace(PLAN, server="mail2"),
        replace(PLAN, changes=()),
        replace(PLAN, changes=(replace(CHANGE, name="b"),)),
        replace(PLAN, changes=(replace(CHANGE, fields=(FieldChange(name="quota", before=1, after=3),)),)),
        replace(PLAN, changes=(replace(CHANGE, depends_on=("mailbox:b@example.com",)),)),
        replace(PLAN, changes=(replace(CHANGE, fields=(FieldChange(name="password", secret=SecretRef("env", "A")),)),)),
    ):
        assert other.digest != PLAN.digest


def test_new_mail_does_not_change_the_digest_of_a_plan() -> None:
    wanted = desired([box("a", quota=5)])
    before = plan(wanted, current([read_box("a", usage_bytes=1, last_login="2026-01-01T00:00:00Z")]))
    after = plan(wanted, current([read_box("a", usage_bytes=2, last_login="2026-01-02T00:00:00Z")]))
    assert before.digest == after.digest
    assert before == after


def test_plan_data_is_plain_json_with_every_part_of_a_change() -> None:
    wanted = desired(
        [box("bob", forward_to=targets("x")), box("new")],
        [alias("s", "new")],
        removed=[gone("old")],
        renamed=[rename("rob", "bob")],
    )
    data = digest_data(plan(wanted, current([read_box("rob"), read_box("old"), read_box("x")])))
    assert json.loads(json.dumps(data)) == data
    rows = {(c["action"], c["kind"], c["name"]): c for c in data["changes"]}  # type: ignore[index, attr-defined]
    assert rows["rename", "mailbox", "rob"]["newName"] == "bob"
    assert rows["create", "alias", "s"]["dependsOn"] == ["mailbox:new@example.com"]
    assert rows["create", "mailbox", "new"]["fields"] == [{"name": "password", "secret": ["generate", "", [], 1]}]
    assert data["unmanaged"] == [["mailbox", "x@example.com"]]


def test_canonical_json_has_one_form() -> None:
    assert canonical_json({"b": [1, "ü"], "a": None}) == '{"a":null,"b":[1,"ü"]}'


def test_a_plan_is_refused_by_errors_only() -> None:
    assert not PLAN.with_diagnostics(warning("SEC005", "hm")).refused
    assert PLAN.with_diagnostics(error("GRD002", "no")).refused
    assert PLAN.with_diagnostics() is PLAN
