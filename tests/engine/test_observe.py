import asyncio
from dataclasses import replace

import pytest
from domain_builders import alias, box, current, desired, read_alias, read_box, rename
from fake_run import run
from fake_server import FakeServer

from reconciler.core.errors import (
    IncompleteRead,
    ReconcilerError,
    RefusedByServer,
    RefusedCredentials,
    UnexpectedAnswer,
    Unreachable,
)
from reconciler.core.model import UNSET, CurrentDomain, Mailbox
from reconciler.core.ports import ReadScope
from reconciler.engine.observe import observe, observe_all, read_scope


def test_unmanaged_costly_fields_are_not_read() -> None:
    assert read_scope(desired()) == ReadScope()
    assert read_scope(desired([], [])) == ReadScope()
    plain = desired([box("a", quota=5, enabled=True, display_name="A")], [alias("s", "a")])
    assert read_scope(plain) == ReadScope()


@pytest.mark.parametrize("fields", [{"forward_to": ()}, {"forward_keep_copy": False}])
def test_forwards_are_read_only_for_mailboxes_that_manage_them(fields: dict) -> None:
    assert read_scope(desired([box("a", **fields), box("b")])) == ReadScope(forwarding=frozenset({"a"}))


@pytest.mark.parametrize("field", ["display_name", "allow_sending", "hide_from_gal", "internal_only"])
def test_flags_are_read_only_for_aliases_that_manage_one(field: str) -> None:
    wanted = desired(aliases=[alias("s", "a", **{field: "" if field == "display_name" else False}), alias("t", "a")])
    assert read_scope(wanted) == ReadScope(alias_flags=frozenset({"s"}))


def test_activations_are_read_once_per_domain_and_protocol() -> None:
    assert read_scope(desired([box("a", eas=False)])) == ReadScope(eas=True)
    assert read_scope(desired([box("a", mapi=True)])) == ReadScope(mapi=True)


def test_a_renamed_object_is_read_under_both_names() -> None:
    wanted = desired(
        [box("bob", forward_to=())],
        [alias("s", "bob", hide_from_gal=True)],
        renamed=[rename("rob", "bob"), rename("r", "s", "alias"), rename("x", "y")],
    )
    assert read_scope(wanted) == ReadScope(forwarding=frozenset({"rob", "bob"}), alias_flags=frozenset({"r", "s"}))


def test_a_field_outside_the_scope_is_unset_and_never_empty() -> None:
    server = FakeServer()
    server.load(current([read_box("a"), read_box("b")], [read_alias("s")]))
    seen = run(observe(server, desired([box("a", forward_to=(), quota=1)], [alias("s", "a")])))
    assert isinstance(seen, CurrentDomain)
    assert seen.mailboxes["a"].forward_to == ()
    assert (seen.mailboxes["b"].forward_to, seen.mailboxes["b"].eas, seen.mailboxes["a"].mapi) == (UNSET, UNSET, UNSET)
    assert seen.aliases["s"].hide_from_gal is UNSET
    assert isinstance(seen.mailboxes["a"], Mailbox)


@pytest.mark.parametrize(
    "fault",
    [
        Unreachable("x"),
        RefusedCredentials("x"),
        UnexpectedAnswer("x"),
        RefusedByServer("x"),
        IncompleteRead("x"),
        ReconcilerError("x"),
    ],
)
def test_a_fault_of_the_server_is_a_value(fault: ReconcilerError) -> None:
    assert run(observe(FakeServer(read_fault=fault), desired())) is fault


def test_a_bug_is_raised_and_not_a_fault_of_the_server() -> None:
    class Broken(FakeServer):
        async def read_domain(self, domain: str, scope: ReadScope) -> CurrentDomain:
            raise KeyError("a bug")

    with pytest.raises(KeyError):
        run(observe(Broken(), desired()))


def test_one_domain_that_fails_does_not_stop_the_others() -> None:
    good, bad = FakeServer(), FakeServer(read_fault=Unreachable("no answer"))
    for name in ("a.example", "c.example"):
        good.add_domain(name)
    wanted = [
        replace(desired(), domain="a.example", server="good"),
        replace(desired(), domain="b.example", server="bad"),
        replace(desired(), domain="c.example", server="good"),
        replace(desired(), domain="gone.example", server="good"),
    ]
    told: list[str] = []
    seen = asyncio.run(observe_all({"good": good, "bad": bad}, wanted, told.append))
    assert {name: type(what).__name__ for name, what in seen.items()} == {
        "a.example": "CurrentDomain",
        "b.example": "Unreachable",
        "c.example": "CurrentDomain",
        "gone.example": "IncompleteRead",
    }
    assert sorted(told) == sorted(seen)


def test_the_number_of_domains_that_are_read_at_once_is_limited_per_server() -> None:
    class Counting(FakeServer):
        now = most = 0

        async def read_domain(self, domain: str, scope: ReadScope) -> CurrentDomain:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.001)
            self.now -= 1
            return await super().read_domain(domain, scope)

    server = Counting()
    wanted = [replace(desired(), domain=f"d{n}.example") for n in range(40)]
    for one in wanted:
        server.add_domain(one.domain)
    asyncio.run(observe_all({"mail1": server}, wanted, lambda _: None))
    assert server.most == 16
