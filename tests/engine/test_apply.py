import pytest
from domain_builders import (
    alias,
    box,
    current,
    desired,
    gone,
    plan,
    read_alias,
    read_box,
    rename,
    targets,
)
from fake_run import FakePasswords, MemoryJournal, run
from fake_server import FakeServer
from fake_state import FakeDomain

from reconciler.core.diagnostics import error
from reconciler.core.errors import ReconcilerError, SecretUnavailable
from reconciler.core.model import CurrentDomain, DesiredDomain
from reconciler.core.plan import Outcome, Plan, Result
from reconciler.core.secret import SecretRef
from reconciler.engine.apply import apply_plan


class Bench:
    """A plan, a server in the state of the plan, and the outcomes of the apply."""

    def __init__(
        self, wanted: DesiredDomain, there: CurrentDomain, faults: dict | None = None, **options: object
    ) -> None:
        self.plan: Plan = plan(wanted, there, **options)
        self.server = FakeServer()
        self.server.load(there)
        self.server.faults = faults or {}
        self.journal, self.passwords, self.told = MemoryJournal(), FakePasswords(), []

    def apply(self) -> tuple[Outcome, ...]:
        outcomes = run(apply_plan(self.plan, self.server, self.passwords, self.journal, self.told.append))
        assert [o.change for o in outcomes] == list(self.plan.changes)
        assert sorted(self.told, key=repr) == sorted(outcomes, key=repr)
        return outcomes

    def results(self) -> dict[str, str]:
        return {o.change.name: o.result.value for o in self.apply()}

    @property
    def there(self):
        return self.server.domains["example.com"]


ALL = (
    desired(
        [box("new", quota=5), box("bob", display_name="Bob"), box("same", quota=7)],
        [alias("s", "new"), alias("t", "bob", hide_from_gal=True)],
        ["new.example"],
        removed=[gone("old"), gone("u", "alias"), gone("old.example", "domainAlias")],
        renamed=[rename("rob", "bob"), rename("r", "t", "alias")],
    ),
    current(
        [read_box("rob"), read_box("same"), read_box("old")],
        [read_alias("r", "x@else.example"), read_alias("u", "old")],
        ["old.example"],
    ),
)


def test_every_kind_of_change_is_applied_and_reported() -> None:
    bench = Bench(*ALL)
    outcomes = bench.apply()
    assert {o.result for o in outcomes} == {Result.APPLIED}
    assert {o.detail for o in outcomes} == {""}
    assert sorted(bench.there.mailboxes) == ["bob", "new", "same"]
    assert bench.there.mailboxes["same"]["quota"] == 7
    assert sorted(bench.there.aliases) == ["s", "t"]
    assert bench.there.domain_aliases == {"new.example"}
    assert bench.there.passwords["new"] == "new@example.com v1"
    assert bench.server.writes == len(bench.plan.changes)


def test_each_intent_is_journalled_before_and_each_outcome_after_the_write() -> None:
    bench = Bench(*ALL)
    bench.apply()
    keys = [c.key for c in bench.plan.changes]
    assert [(e, k) for e, k, _ in bench.journal.events] == [(e, k) for k in keys for e in ("intent", "outcome")]


def test_an_empty_plan_writes_nothing() -> None:
    bench = Bench(desired([]), current())
    assert bench.apply() == ()
    assert bench.server.log == []


def test_applying_a_refused_plan_is_a_bug() -> None:
    bench = Bench(desired([box("a")]), current())
    bench.plan = bench.plan.with_diagnostics(error("GRD002", "no"))
    with pytest.raises(AssertionError):
        bench.apply()
    assert bench.server.log == []


def test_changes_that_depend_on_a_failure_are_not_tried_and_the_rest_is() -> None:
    wanted = desired([box("a"), box("b")], [alias("s", "a"), alias("t", "s"), alias("u", "b")])
    bench = Bench(wanted, current(), {1: "refuse"})
    outcomes = {o.change.name: o for o in bench.apply()}
    assert {n: o.result.value for n, o in outcomes.items()} == {
        "a": "failed",
        "b": "applied",
        "s": "not tried",
        "t": "not tried",
        "u": "applied",
    }
    assert outcomes["a"].detail == "the server says no"
    assert outcomes["s"].detail == "it depends on mailbox:a@example.com, which was not applied"
    assert outcomes["t"].detail == "it depends on alias:s@example.com, which was not applied"
    assert ("intent", "alias:s@example.com", "") not in bench.journal.events
    assert ("outcome", "alias:s@example.com", "not tried") in bench.journal.events


@pytest.mark.parametrize("fault", ["unreachable", "locked out"])
def test_after_a_lost_connection_or_a_rejected_login_the_rest_is_not_tried(fault: str) -> None:
    bench = Bench(desired([box("a"), box("b"), box("c")]), current(), {2: fault})
    outcomes = bench.apply()
    assert [o.result.value for o in outcomes] == ["applied", "failed", "not tried"]
    assert outcomes[2].detail.startswith("after: ")
    assert outcomes[2].hint == outcomes[1].hint != ""
    assert bench.server.writes == 2


def test_an_unavailable_password_fails_its_change_before_anything_is_sent() -> None:
    bench = Bench(desired([box("a")], [alias("s", "x@else.example")]), current())
    bench.passwords.fault = SecretUnavailable("A is not set", hint="export A")
    outcomes = {o.change.name: o for o in bench.apply()}
    assert (outcomes["a"].result, outcomes["a"].detail, outcomes["a"].hint) == (
        Result.FAILED,
        "A is not set",
        "export A",
    )
    assert outcomes["s"].result is Result.APPLIED
    assert bench.server.written() == [("create_alias", "example.com", "s")]


def test_a_password_is_fetched_only_when_its_change_is_applied() -> None:
    bench = Bench(desired([box("a"), box("b", quota=5)]), current([read_box("b")]), {1: "unreachable"})
    bench.apply()
    assert bench.passwords.asked == []


# Ambiguous writes


ONE = {
    "create mailbox": (desired([box("a", quota=5)]), current()),
    "update mailbox": (desired([box("a", quota=5)]), current([read_box("a")])),
    "delete mailbox": (desired([], removed=[gone("a")]), current([read_box("a")])),
    "rename mailbox": (desired([box("b")], renamed=[rename("a", "b")]), current([read_box("a")])),
    "create alias": (desired(aliases=[alias("a", "x@else.example")]), current()),
    "update alias": (desired(aliases=[alias("a", "x@else.example")]), current(aliases=[read_alias("a")])),
    "delete alias": (desired(removed=[gone("a", "alias")]), current(aliases=[read_alias("a")])),
    "rename alias": (
        desired(aliases=[alias("b")], renamed=[rename("a", "b", "alias")]),
        current(aliases=[read_alias("a")]),
    ),
    "create domain alias": (desired(domain_aliases=["a.example"]), current()),
    "delete domain alias": (
        desired(removed=[gone("a.example", "domainAlias")]),
        current(domain_aliases=["a.example"]),
    ),
}


@pytest.fixture(params=sorted(ONE))
def pair(request: pytest.FixtureRequest) -> tuple[DesiredDomain, CurrentDomain]:
    """A plan with one change, of each kind in turn."""
    return ONE[request.param]


def test_an_ambiguous_write_with_effect_is_applied_after_a_read_and_not_repeated(pair: tuple) -> None:
    bench = Bench(*pair, {1: "ambiguous, applied"})
    assert [o.result for o in bench.apply()] == [Result.APPLIED]
    assert bench.server.writes == 1
    assert bench.server.log[-1][0].startswith("read")


def test_an_ambiguous_write_without_effect_is_repeated_once_after_a_read(pair: tuple) -> None:
    bench = Bench(*pair, {1: "ambiguous, no effect"})
    assert [o.result for o in bench.apply()] == [Result.APPLIED]
    assert bench.server.writes == 2
    assert bench.server.log[1][0].startswith("read")


def test_a_write_is_not_tried_a_third_time(pair: tuple) -> None:
    bench = Bench(*pair, {1: "ambiguous, no effect", 2: "ambiguous, no effect", 3: "ambiguous, no effect"})
    (outcome,) = bench.apply()
    assert (outcome.result, outcome.detail) == (Result.FAILED, "the answer was cut short")
    assert bench.server.writes == 2


def test_no_write_follows_an_ambiguous_write_without_a_read_between(pair: tuple) -> None:
    for faults in (
        {1: "ambiguous, no effect", 2: "ambiguous, applied"},
        {1: "ambiguous, partial", 2: "ambiguous, partial"},
    ):
        bench = Bench(*pair, faults)
        bench.apply()
        kinds = ["r" if entry[0].startswith("read") else "w" for entry in bench.server.log]
        assert "ww" not in "".join(kinds)
        assert bench.server.writes <= 2


class Late(FakeServer):
    """The server executes the first write late: between the read that follows it and the second write."""

    def _write(self, method: str, domain: str, name: str) -> FakeDomain:
        if self.writes == 1:
            self.domains[domain] = self.after
        return super()._write(method, domain, name)


def test_a_late_first_write_that_makes_the_server_reject_the_second_counts_as_applied(pair: tuple) -> None:
    before = Bench(*pair)
    before.apply()
    bench = Bench(*pair)
    bench.server = Late()
    bench.server.load(pair[1])
    bench.server.after = before.there
    bench.server.faults = {1: "ambiguous, no effect", 2: "refuse"}
    (outcome,) = bench.apply()
    assert (outcome.result, bench.server.writes) == (Result.APPLIED, 2)


def test_a_second_write_that_the_server_rejects_for_another_reason_has_failed(pair: tuple) -> None:
    bench = Bench(*pair, {1: "ambiguous, no effect", 2: "refuse"})
    (outcome,) = bench.apply()
    assert (outcome.result, outcome.detail) == (Result.FAILED, "the server says no")


def test_another_state_after_an_ambiguous_write_is_a_failure() -> None:
    wanted = desired([box("a", quota=5, display_name="A")])
    bench = Bench(wanted, current(), {1: "ambiguous, partial"})
    (outcome,) = bench.apply()
    assert outcome.result is Result.FAILED
    assert bench.server.writes == 1


def test_an_update_with_partial_effect_is_repeated_once() -> None:
    bench = Bench(desired([box("a", quota=5, display_name="A")]), current([read_box("a")]), {1: "ambiguous, partial"})
    assert bench.results() == {"a": "applied"}
    assert (bench.there.mailboxes["a"]["quota"], bench.there.mailboxes["a"]["displayName"]) == (5, "A")


def test_an_object_that_is_missing_after_an_ambiguous_update_is_a_failure() -> None:
    bench = Bench(desired([box("a", quota=5)]), current([read_box("a")]), {1: "ambiguous, no effect"})
    bench.server.domains["example.com"].mailboxes.clear()
    (outcome,) = bench.apply()
    assert outcome.result is Result.FAILED


def test_a_rename_after_which_both_names_exist_failed() -> None:
    class Copying(FakeServer):
        async def rename_mailbox(self, domain: str, old: str, new: str) -> None:
            self.domains[domain].mailboxes[new] = dict(self.domains[domain].mailboxes[old])
            await super().rename_mailbox(domain, old, new)

    bench = Bench(*ONE["rename mailbox"], {1: "ambiguous, no effect"})
    copying = Copying()
    copying.load(ONE["rename mailbox"][1])
    copying.faults = {1: "ambiguous, no effect"}
    bench.server = copying
    (outcome,) = bench.apply()
    assert outcome.result is Result.FAILED
    assert copying.writes == 1


def test_an_ambiguous_password_change_is_repeated() -> None:
    wanted = desired([box("a", password=SecretRef("env", "A", version=2))])
    bench = Bench(wanted, current([read_box("a")]), {1: "ambiguous, applied"}, password_versions={"a@example.com": 1})
    assert bench.results() == {"a": "applied"}
    assert bench.server.writes == 2
    assert bench.there.passwords["a"] == "a@example.com v2"
    assert bench.passwords.asked == ["mailbox:a@example.com"]


def test_an_ambiguous_write_that_cannot_be_read_back_fails_and_stops_the_rest() -> None:
    class Dying(FakeServer):
        async def read_mailbox(self, domain: str, name: str):
            self.gone = True
            return await super().read_mailbox(domain, name)

    bench = Bench(desired([box("a"), box("b")]), current())
    bench.server = Dying()
    bench.server.load(current())
    bench.server.faults = {1: "ambiguous, applied"}
    failed, left = bench.apply()
    assert (failed.result, left.result) == (Result.FAILED, Result.NOT_TRIED)
    assert failed.detail == "the answer was cut short; reading back failed too: no answer"
    assert failed.hint == "run `plan` to see whether the write took effect; see whether the server runs"
    assert bench.server.writes == 1


# The journal


class Full(MemoryJournal):
    """A journal with a disk that is full from the second intent on."""

    def intent(self, server: str, change: object) -> None:
        if self.events:
            raise ReconcilerError("the journal cannot be written")
        super().intent(server, change)  # type: ignore[arg-type]


def test_nothing_is_written_without_a_journalled_intent() -> None:
    bench = Bench(desired([box("a"), box("b"), box("c")]), current())
    bench.journal = Full()
    outcomes = bench.apply()
    assert [o.result.value for o in outcomes] == ["applied", "not tried", "not tried"]
    assert {o.detail for o in outcomes[1:]} == {"the journal cannot be written"}
    assert bench.server.written() == [("create_mailbox", "example.com", "a")]


def test_targets_reach_the_server_as_they_were_planned() -> None:
    bench = Bench(
        desired([box("a", forward_to=targets("b", "x@else.example"))]), current([read_box("a"), read_box("b")])
    )
    assert bench.results() == {"a": "applied"}
    assert sorted(t.lower() for t in bench.there.mailboxes["a"]["forwarding.to"]) == ["b@example.com", "x@else.example"]
