"""Missing operations are reported with the version, which is requested at most once and only if needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client_world import DOMAIN, SECRET, World, fill

from reconciler.core.errors import AmbiguousWrite, RefusedByServer, UnexpectedAnswer
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret
from reconciler.smartermail import Server, endpoints
from reconciler.smartermail.capabilities import Build, build_in
from reconciler.smartermail.endpoints import Endpoint
from reconciler.smartermail.operations import OPERATIONS

VERSION = "GET settings/sysadmin/get-version"
RENAME = "settings/domain/rename-user"


def test_every_endpoint_has_one_operation_and_the_page_shows_it() -> None:
    used = {name: value for name, value in vars(endpoints).items() if isinstance(value, Endpoint)}
    assert [row.endpoint for row in OPERATIONS if row.endpoint not in used.values()] == []
    assert len({row.endpoint for row in OPERATIONS}) == len(OPERATIONS) == len(used)
    page = (Path(__file__).parents[2] / "docs" / "server-care.md").read_text("utf-8")
    for row in OPERATIONS:
        spellings = ", ".join(f"`{s.template}`" for s in row.endpoint.spellings)
        assert f"| {row.action} | {row.known} | {spellings} |" in page, row.action


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ('{"version": "100.0.9742.26305+sandbox", "success": true}', 9742),
        ('{"ip": "10.0.0.1", "productVersion": "100.0.8665"}', 8665),
        ('{"data": "SmarterMail Enterprise 16.3.6989"}', 6989),
    ],
)
def test_the_build_is_found_in_every_part_of_an_answer(text: str, number: int) -> None:
    found = build_in(text)
    assert found is not None and found.number == number


@pytest.mark.parametrize(
    "text", ["{}", '{"version": "9742"}', '"192.168.100.1000"', '{"date": "30.11.2026"}', '"a100.0.9742"']
)
def test_texts_without_a_version_have_no_build(text: str) -> None:
    assert build_in(text) is None


def test_a_build_shows_its_date_and_its_known_vulnerability() -> None:
    assert str(Build("100.0.9504", 9504)) == "SmarterMail 100.0.9504 (built 2026-01-08)"
    assert "CVE-2026-23760" in Build("100.0.9510", 9510).warning
    assert Build("100.0.9511", 9511).warning == ""


async def refused_renames(server: Server, times: int) -> list[RefusedByServer]:
    work = (server.writer().rename_mailbox(DOMAIN, "ben", f"b{number}") for number in range(times))
    found = await asyncio.gather(*work, return_exceptions=True)
    assert all(type(e) is RefusedByServer for e in found)
    return found  # type: ignore[return-value]  # just asserted


@pytest.mark.parametrize("how", ["missing", "not-allowed"])
def test_a_missing_operation_is_reported_with_the_version_which_is_requested_once(
    how: str, make: Callable[..., World]
) -> None:
    world = make(quirks=frozenset({f"{how}:{RENAME}"}), version="100.0.9504.17")
    world.run(fill)
    world.reset()
    first, *_ = world.run(lambda server: refused_renames(server, 10))
    assert first.message.startswith(
        f"mail1: POST {RENAME}/{{old}}/{{new}} for {DOMAIN}: SmarterMail 100.0.9504 (built 2026-01-08) cannot rename "
        "a mailbox: it does not have this endpoint; ben was not changed"
    )
    assert "remove the entry from `renamed`" in first.hint
    assert world.requests().count(VERSION) == 1
    assert "ben" in world.state()["users"]


def test_a_missing_operation_without_a_version_is_reported_without_it(make: Callable[..., World]) -> None:
    world = make(quirks=frozenset({f"missing:{RENAME}", "missing:settings/sysadmin/get-version"}))
    world.run(fill)
    world.reset()
    first, *_ = world.run(lambda server: refused_renames(server, 3))
    assert "this server, which does not report its version, cannot rename a mailbox" in first.message
    assert world.requests().count("GET settings/sysadmin/get-version") <= 1


def test_a_customer_does_not_request_the_version(filled: World) -> None:
    filled.quirks(f"missing:{RENAME}")

    async def main() -> None:
        async with filled.customer() as server:
            (error,) = await refused_renames(server, 1)
            assert "does not report its version" in error.message

    asyncio.run(main())
    assert VERSION not in filled.requests()


def test_the_version_costs_no_request_if_nothing_is_missing_or_the_program_has_another_way(
    make: Callable[..., World],
) -> None:
    def asked(*quirks: str) -> list[str]:
        world = make(quirks=frozenset(quirks))
        world.run(fill)

        async def work(server: Server) -> None:
            await server.reader().read_domain(DOMAIN, ReadScope(eas=True, mapi=True))
            await server.writer().update_mailbox(DOMAIN, "ben", {"enabled": False}, None)
            await server.reader().read_password_policy(DOMAIN)
            await server.list_domains()

        world.run(work)
        return world.requests()

    assert VERSION not in asked()
    assert VERSION not in asked(
        "missing:settings/domain/list-users",
        "missing:settings/sysadmin/list-users",
        "missing:settings/domain/aliases",
        "missing:settings/domain/users-disable",
        "missing:settings/domain/password-settings",
        "missing:settings/sysadmin/domains",
    )


# Spellings


OTHER_WAYS: dict[str, tuple[str, str, Callable[[Server], Any]]] = {
    "delete a mailbox": (
        "settings/domain/users-delete",
        "settings/domain/user-delete",
        lambda s: s.writer().delete_mailbox(DOMAIN, "ben"),
    ),
    "change mail settings": (
        "settings/domain/post-user-mail",
        "settings/domain/user-mail",
        lambda s: s.writer().update_mailbox(DOMAIN, "anna", {"forwarding.to": ("x@else.test",)}, None),
    ),
}
AMBIGUOUS = ("500", "html-after", "truncated-json", "drop-after")


@pytest.mark.parametrize("case", OTHER_WAYS)
@pytest.mark.parametrize("fault", AMBIGUOUS)
def test_a_write_whose_answer_is_ambiguous_is_never_sent_in_another_spelling(
    fault: str, case: str, make: Callable[..., World]
) -> None:
    first, second, write = OTHER_WAYS[case]
    world = make(quirks=frozenset({"forward-flag-off-default"}))
    world.run(fill)
    world.reset()
    world.fault(fault, path=first, times=1)
    with pytest.raises(AmbiguousWrite):
        world.run(write)
    paths = [entry["path"] for entry in world.own("GET", "requests")["requests"] if entry["method"] == "POST"]
    assert sum(path.startswith(first) for path in paths) == 1
    assert not any(path.startswith(second) for path in paths)


@pytest.mark.parametrize("case", OTHER_WAYS)
@pytest.mark.parametrize("how", ["missing", "not-allowed"])
def test_the_existing_spelling_of_a_write_is_remembered_for_the_run(
    how: str, case: str, make: Callable[..., World]
) -> None:
    first, second, write = OTHER_WAYS[case]
    world = make(quirks=frozenset({f"{how}:POST {first}", "forward-flag-off-default"}))
    world.run(fill)
    world.reset()

    async def work(server: Server) -> None:
        await write(server)
        w = server.writer()
        if "delete" in case:
            for name in ("c1", "c2"):
                await w.create_mailbox(DOMAIN, name, {}, Secret(SECRET))
                await w.delete_mailbox(DOMAIN, name)
        else:
            for name in ("c1", "c2"):
                await w.create_mailbox(DOMAIN, name, {}, Secret(SECRET))
                await w.update_mailbox(DOMAIN, name, {"forwarding.to": ("x@else.test",)}, None)

    world.run(work)
    sent = [entry for entry in world.own("GET", "requests")["requests"] if entry["method"] == "POST"]
    assert sum(entry["path"].startswith(first) for entry in sent) == 1, "tried once a run"
    assert sum(entry["path"].startswith(second) for entry in sent) == 3
    assert world.run(lambda server: server.reader().read_mailbox(DOMAIN, "anna")) is not None


def test_a_write_that_is_missing_in_every_spelling_is_not_ambiguous(make: Callable[..., World]) -> None:
    world = make(quirks=frozenset({"missing:settings/domain/alias-put"}))

    async def work(server: Server) -> None:
        with pytest.raises(UnexpectedAnswer, match="cannot create an alias") as caught:
            await server.writer().create_alias(DOMAIN, "x", {"to": ()})
        assert not isinstance(caught.value, AmbiguousWrite)

    world.run(work)
