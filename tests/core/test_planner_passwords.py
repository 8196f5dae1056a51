import pytest
from domain_builders import alias, box, current, desired, only, plan, read_box, rename, said

from reconciler.core.secret import SecretRef

A = "a@example.com"


def ref(version: int = 1) -> SecretRef:
    return SecretRef("env", "A", version=version)


def test_a_new_mailbox_gets_the_password_that_its_file_refers_to() -> None:
    assert only(plan(desired([box("a", password=ref(3))]), current())).password == ref(3)


def test_a_new_mailbox_without_a_password_gets_a_generated_one() -> None:
    assert only(plan(desired([box("a")]), current())).password == SecretRef("generate")


def test_a_new_alias_has_no_password() -> None:
    assert only(plan(desired(aliases=[alias("s", "x@else.example")]), current())).password is None


def test_a_password_is_sensitive_and_a_plan_does_not_contain_its_value() -> None:
    (field,) = only(plan(desired([box("a", password=ref())]), current())).fields
    assert field.sensitive
    assert (field.before, field.after) == (None, None)


@pytest.mark.parametrize(("known", "version", "is_set"), [(1, 1, False), (1, 2, True), (2, 1, False), (2, 5, True)])
def test_the_password_of_an_existing_mailbox_is_set_only_if_its_version_was_raised(
    known: int, version: int, is_set: bool
) -> None:
    made = plan(desired([box("a", password=ref(version))]), current([read_box("a")]), password_versions={A: known})
    assert bool(made.changes) is is_set
    assert said(made) == []


def test_an_unknown_version_one_changes_nothing_without_a_diagnostic() -> None:
    made = plan(desired([box("a", password=ref())]), current([read_box("a")]))
    assert (made.changes, made.diagnostics) == ((), ())


def test_an_unknown_higher_version_changes_nothing_and_the_warning_has_a_remedy() -> None:
    made = plan(desired([box("a", password=ref(2))]), current([read_box("a")]))
    assert (made.changes, said(made), made.refused) == ((), ["SEC005"], False)
    assert f"--set-password {A}" in made.diagnostics[0].hint


@pytest.mark.parametrize("known", [{}, {A: 1}, {A: 9}])
def test_a_requested_password_is_set_regardless_of_its_version(known: dict[str, int]) -> None:
    there = current([read_box("a"), read_box("b")])
    wanted = desired([box("a", password=ref()), box("b", password=ref())])
    change = only(plan(wanted, there, password_versions=known, set_passwords=frozenset({A})))
    assert (change.address, change.action, change.password, change.risk) == (A, "update", ref(), "access")


def test_a_password_joins_the_other_fields_of_an_update() -> None:
    wanted = desired([box("a", quota=5, password=ref(2))])
    change = only(plan(wanted, current([read_box("a")]), password_versions={A: 1}))
    assert [f.name for f in change.fields] == ["quota", "password"]
    assert change.values(activations=False) == {"quota": 5}


@pytest.mark.parametrize(
    ("base", "version", "is_set", "codes"),
    [(1, 1, False, []), (1, 2, True, []), (2, 2, False, ["SEC005"]), (3, 2, False, ["SEC005"]), (2, 5, True, [])],
)
def test_without_a_journal_a_version_above_the_base_commits_counts_as_raised(
    base: int, version: int, is_set: bool, codes: list[str]
) -> None:
    """It is unknown whether the base commit was applied, but no higher version was."""
    made = plan(desired([box("a", password=ref(version))]), current([read_box("a")]), base_versions={A: base})
    assert (bool(made.changes), said(made)) == (is_set, codes)


@pytest.mark.parametrize(("known", "is_set"), [(1, True), (2, False)])
def test_a_journal_has_precedence_over_the_base_commit(known: int, is_set: bool) -> None:
    wanted, there = desired([box("a", password=ref(2))]), current([read_box("a")])
    made = plan(wanted, there, password_versions={A: known}, base_versions={A: 3 - known})
    assert (bool(made.changes), said(made)) == (is_set, [])


def test_the_base_commits_version_of_a_renamed_mailbox_is_that_of_its_old_name() -> None:
    wanted = desired([box("b", password=ref(2))], renamed=[rename("a", "b")])
    made = plan(wanted, current([read_box("a")]), base_versions={A: 1})
    assert [(c.action, c.password) for c in made.changes] == [("rename", None), ("update", ref(2))]
