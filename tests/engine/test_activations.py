"""EAS and MAPI: in bulk, at the end, off before on."""

from collections.abc import Mapping

from domain_builders import alias, box, current, desired, plan, read_box
from fake_run import FakePasswords, MemoryJournal, run
from fake_server import FakeServer

from reconciler.core.model import CurrentDomain, DesiredDomain, ServerLimits
from reconciler.core.plan import Outcome
from reconciler.engine.apply import apply_plan


def applied(
    wanted: DesiredDomain, there: CurrentDomain, faults: dict | None = None
) -> tuple[FakeServer, dict[str, Outcome], MemoryJournal]:
    server, journal = FakeServer(), MemoryJournal()
    server.load(there)
    server.faults = faults or {}
    made = plan(wanted, there)
    told: list[Outcome] = []
    outcomes = run(apply_plan(made, server, FakePasswords(), journal, told.append))
    assert len(told) == len(outcomes) == len(made.changes)
    return server, {o.change.name: o for o in outcomes}, journal


def results(outcomes: dict[str, Outcome]) -> dict[str, str]:
    return {name: o.result.value for name, o in outcomes.items()}


WANTED = desired([box("a", eas=True), box("b", eas=False), box("c", eas=True, mapi=True), box("d", quota=5, mapi=True)])
THERE = current([read_box("b", eas=True), read_box("c"), read_box("d")])


def test_activations_are_set_in_bulk_at_the_end_with_deactivations_first() -> None:
    server, outcomes, journal = applied(WANTED, THERE)
    assert server.written() == [
        ("update_mailbox", "example.com", "d"),
        ("create_mailbox", "example.com", "a"),
        ("set_activations", "example.com", "eas b=False"),
        ("set_activations", "example.com", "eas a=True c=True"),
        ("set_activations", "example.com", "mapi c=True d=True"),
    ]
    assert set(results(outcomes).values()) == {"applied"}
    assert [e for e, _, _ in journal.events] == ["intent"] * 4 + ["outcome"] * 4


def test_at_the_activation_limit_deactivations_make_room() -> None:
    wanted = desired([box("a", eas=True), box("b", eas=False)])
    there = current([read_box("a"), read_box("b", eas=True)], limits=ServerLimits(eas=1))
    _, outcomes, _ = applied(wanted, there)
    assert results(outcomes) == {"a": "applied", "b": "applied"}


def test_rejected_activations_fail_their_changes_and_no_others() -> None:
    _, outcomes, _ = applied(WANTED, THERE, {4: "refuse"})
    assert results(outcomes) == {"a": "failed", "b": "applied", "c": "failed", "d": "applied"}
    assert outcomes["a"].detail == "the server says no"


def test_changes_that_depend_on_a_mailbox_do_not_wait_for_its_activations() -> None:
    wanted = desired([box("a", eas=True)], [alias("s", "a")])
    server, outcomes, _ = applied(wanted, current(), {3: "refuse"})
    assert [entry[0] for entry in server.written()] == ["create_mailbox", "create_alias", "set_activations"]
    assert results(outcomes) == {"a": "failed", "s": "applied"}


def test_a_mailbox_that_was_not_created_gets_no_activations() -> None:
    server, outcomes, _ = applied(desired([box("a", eas=True), box("b", eas=True)]), current(), {1: "refuse"})
    assert results(outcomes) == {"a": "failed", "b": "applied"}
    assert server.written()[-1] == ("set_activations", "example.com", "eas b=True")


def test_ambiguous_activations_are_read_back_and_repeated_once_without_effect() -> None:
    wanted, there = desired([box("a", eas=True)]), current([read_box("a")])
    for faults, writes in (
        ({1: "ambiguous, applied"}, 1),
        ({1: "ambiguous, no effect"}, 2),
        ({1: "ambiguous, no effect", 2: "ambiguous, applied"}, 2),
    ):
        server, outcomes, _ = applied(wanted, there, faults)
        assert (results(outcomes), server.writes) == ({"a": "applied"}, writes)
    server, outcomes, _ = applied(wanted, there, {1: "ambiguous, no effect", 2: "ambiguous, no effect"})
    assert (results(outcomes), server.writes) == ({"a": "failed"}, 2)


def test_ambiguous_activations_that_cannot_be_read_back_have_failed() -> None:
    class Dying(FakeServer):
        async def set_activations(self, domain: str, protocol: str, activations: Mapping[str, bool]) -> None:
            try:
                await super().set_activations(domain, protocol, activations)
            finally:
                self.gone = True

    server = Dying()
    server.load(current([read_box("a")]))
    server.faults = {1: "ambiguous, no effect"}
    made = plan(desired([box("a", eas=True)]), current([read_box("a")]))
    (outcome,) = run(apply_plan(made, server, FakePasswords(), MemoryJournal(), lambda _: None))
    assert outcome.result.value == "failed"
    assert "the answer was cut short" in outcome.detail
    assert "whether the write took effect" in outcome.hint


def test_after_a_lost_connection_no_more_activations_are_set() -> None:
    wanted = desired([box("a", eas=True), box("b", mapi=True)])
    server, outcomes, _ = applied(wanted, current([read_box("a"), read_box("b")]), {1: "unreachable"})
    assert results(outcomes) == {"a": "failed", "b": "not tried"}
    assert outcomes["b"].detail.startswith("after: ")
    assert server.writes == 1


def test_after_a_rejected_login_no_more_activations_are_set() -> None:
    wanted = desired([box("a", eas=True), box("b", mapi=True)])
    server, outcomes, _ = applied(wanted, current([read_box("a"), read_box("b")]), {1: "locked out"})
    assert results(outcomes) == {"a": "failed", "b": "not tried"}
    assert server.writes == 1


def test_after_a_lost_connection_a_partial_change_has_failed_and_one_of_activations_only_is_not_tried() -> None:
    wanted = desired([box("a", eas=True), box("b", eas=True, quota=5), box("c")])
    server, outcomes, _ = applied(wanted, current([read_box("a"), read_box("b")]), {2: "unreachable"})
    assert results(outcomes) == {"a": "not tried", "b": "failed", "c": "failed"}
    assert server.writes == 2
