import random
import re
from itertools import permutations
from pathlib import Path

import reconciler
from reconciler.core.codes import CODES
from reconciler.core.diagnostics import error, has_errors, info, sort_diagnostics, warning
from reconciler.core.source import Span


def test_a_diagnostic_prints_like_a_compilers_line() -> None:
    one = error("LIM001", "too many", Span("domains/a.yaml", 12, 5))
    assert str(one) == "domains/a.yaml:12:5: error: too many [LIM001]"
    assert str(warning("GRD007", "it leaves")) == "warning: it leaves [GRD007]"


def test_diagnostics_are_sorted_by_location_then_severity_then_code() -> None:
    rows = (
        error("GRD002", "without a place"),
        info("GRD009", "a", Span("a.yaml", 1, 1)),
        error("NAM001", "a", Span("a.yaml", 2, 1)),
        warning("SEC005", "a", Span("a.yaml", 2, 1)),
        error("LIM001", "a", Span("a.yaml", 2, 10)),
        error("LIM002", "a", Span("a.yaml", 2, 10)),
        error("LIM001", "a", Span("a.yaml", 10, 1)),
        error("LIM001", "a", Span("b.yaml", 1, 1)),
    )
    shuffled = list(rows)
    for seed in range(5):
        random.Random(seed).shuffle(shuffled)
        assert sort_diagnostics(shuffled) == rows


def test_equal_diagnostics_appear_once() -> None:
    one = error("LIM001", "a", Span("a.yaml"))
    assert sort_diagnostics([one, one]) == (one,)


def test_two_that_differ_only_in_their_hint_have_one_order_too() -> None:
    pair = (error("LIM001", "a", hint="x"), error("LIM001", "a", hint="y"))
    assert {sort_diagnostics(p) for p in permutations(pair)} == {pair}


def test_only_errors_are_errors() -> None:
    assert not has_errors([warning("SEC005", "a"), info("GRD009", "b")])
    assert has_errors([warning("SEC005", "a"), error("GRD002", "b")])


def test_every_code_that_the_program_uses_is_in_the_table() -> None:
    used = set()
    for path in Path(reconciler.__file__).parent.rglob("*.py"):
        if path.name != "codes.py":
            used |= set(re.findall(r'"((?:YML|SCH|NAM|REF|LIM|SEC|WSP|GRD|SRV)[0-9]{3})"', path.read_text("utf-8")))
    assert used
    assert used <= set(CODES)
