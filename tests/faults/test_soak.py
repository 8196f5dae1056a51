"""A short soak test; `python -m benchmarks.soak` is the long one, and docs/faults.md has its figures."""

from contextlib import ExitStack

import pytest
from every_fault import hurried
from http_values import ADMIN_PASSWORD, NEW_PASSWORD
from places import folder_in_memory
from soak_run import servers, soak

pytestmark = pytest.mark.timeout(300)


@pytest.mark.long
def test_despite_faults_and_manual_edits_every_epoch_converges_and_leaks_no_resources(
    monkeypatch: pytest.MonkeyPatch,
    long_run: bool,
) -> None:
    monkeypatch.setenv("LAWS_ADMIN_PASSWORD", ADMIN_PASSWORD)
    monkeypatch.setenv("PW", NEW_PASSWORD)
    epochs_wanted = 12 if long_run else 3
    with ExitStack() as stack:
        folder = stack.enter_context(folder_in_memory())
        stack.enter_context(hurried())
        urls = servers(stack, 2, ADMIN_PASSWORD)
        epochs = soak(folder, urls, domains=8, seed=7, pause=0.02, goes_on=lambda done: len(done) < epochs_wanted)
    assert [(e.number, e.surprises) for e in epochs if e.surprises] == []
    assert sum(e.struck for e in epochs) > 0
    assert sum(e.edits for e in epochs) > 0
    assert all(e.applied for e in epochs)
    first, last = epochs[1], epochs[-1]
    assert (last.tasks, last.threads) == (first.tasks, first.threads)
    assert last.files <= first.files + 2
