"""Nothing is deleted unless the client has read the data that the guards need completely."""

from collections.abc import Iterator

import pytest
from domain_builders import box, current, desired, gone, read_box
from every_fault import hurried
from http_world import HttpWorld, start, stop
from law_strategies import TODAY, Situation

from reconciler.app.exits import Exit
from reconciler.core.planning.planner import PlanOptions
from reconciler.core.workspace import Policy


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    made = start(tmp_path_factory.mktemp("guards"))
    with hurried():
        yield made
    stop(made)


LOSING = Situation(
    desired=desired([box("anna", display_name="Anna")], removed=[gone("old")]),
    current=current(
        [
            read_box("anna"),
            read_box("old"),
            read_box("visitor", forward_to=("old@example.com",), forward_keep_copy=False),
        ]
    ),
    policy=Policy(external_forwarding="allow"),
    options=PlanOptions(today=TODAY, deletions_allowed=True),
)
"""A deletion of `old` would leave the unmanaged `visitor` with a forward to a deleted address; a guard refuses that."""


@pytest.mark.parametrize("fault", ["html", "truncated-json", "drop-mid-body"])
def test_a_mailbox_is_not_deleted_while_the_list_of_forwards_to_it_is_unreadable(world: HttpWorld, fault: str) -> None:
    world.load(LOSING.current)
    root = world.begin(LOSING)
    refused = world.apply(LOSING, root)
    assert (refused.exit_code, world.writes()) == (Exit.REFUSED, []), (
        "with complete answers the guard refuses the deletion"
    )
    world.own("POST", "requests/reset")
    # The first read requests only the forwards of `old`. The second read requests those of `visitor`.
    world.fault(fault, path="get-mailbox-forward-list", skip=1, times=3)
    first = world.apply(LOSING, root)
    assert first.exit_code is not Exit.DONE
    assert world.writes() == []
    assert "old" in world.state()["users"]
