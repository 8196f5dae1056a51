"""Answers on disk: kept for their TTL, and ignored if another user can have changed the file."""

import asyncio
import json
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.compliance.resolver.cache import MAX_SECONDS, MAX_SECONDS_ABSENT, AnswerCache
from reconciler.compliance.resolver.resolver import DnsResolver, cached_resolver
from reconciler.core.lookups import Address, Answer, Host, Mx, Soa, Srv, Tlsa, Txt
from reconciler.sandbox.dns.server import DnsServer
from reconciler.sandbox.dns.zones import Zones

SERVERS = (("192.0.2.53", 53),)


class Clock:
    def __init__(self):
        self.time = 1_700_000_000.0

    def __call__(self):
        return self.time


def answer(ttl=60, outcome="records", records=None, **more):
    known = {"name": "example.com", "rtype": "A", "outcome": outcome, "ttl": ttl, **more}
    return Answer(**known, records=(records or (Address("192.0.2.1"),)) if outcome == "records" else ())


def kept(path, clock, *answers):
    cache = AnswerCache(path, SERVERS, now=clock)
    for one in answers:
        cache.put(one)
    assert cache.save() == ""
    return AnswerCache(path, SERVERS, now=clock)


@pytest.mark.parametrize(
    "records",
    [
        (Address("192.0.2.1"), Address("2001:db8::1")),
        (Mx(0, ""), Mx(10, "mail.example.com")),
        (Srv(1, 2, 443, "mail.example.net"),),
        (Host("a.example"),),
        (Soa(7, "ns.example"),),
        (Tlsa(3, 1, 1, "00ff"),),
        (Txt(("one ", "two")), Txt(("<script>", "\x1b[31m", "\u202e", ""))),
    ],
)
def test_every_kind_of_record_is_restored_unchanged(tmp_path, records):
    clock = Clock()
    before = answer(records=records, aliases=("b.example",), authenticated=True)
    again = kept(tmp_path / "dns.json", clock, before)
    assert again.problem == ""
    assert again.get("example.com", "A") == before


def test_an_answer_is_kept_for_its_ttl_and_contains_the_remaining_ttl(tmp_path):
    clock = Clock()
    again = kept(tmp_path / "dns.json", clock, answer(ttl=60))
    clock.time += 45
    assert again.get("example.com", "A").ttl == 15
    clock.time += 15
    assert again.get("example.com", "A") is None
    assert AnswerCache(tmp_path / "dns.json", SERVERS, now=clock).get("example.com", "A") is None


@pytest.mark.parametrize(
    ("outcome", "most"), [("records", MAX_SECONDS), ("nodata", MAX_SECONDS_ABSENT), ("nxdomain", MAX_SECONDS_ABSENT)]
)
def test_no_answer_is_kept_forever(tmp_path, outcome, most):
    clock = Clock()
    again = kept(tmp_path / "dns.json", clock, answer(ttl=2**31 - 1, outcome=outcome))
    assert again.get("example.com", "A").ttl == most


@pytest.mark.parametrize(
    "one", [answer(outcome="temporary"), answer(outcome="refused"), answer(ttl=0), answer(ttl=None)]
)
def test_failed_lookups_and_answers_without_ttl_are_not_kept(tmp_path, one):
    assert kept(tmp_path / "dns.json", Clock(), one).get("example.com", "A") is None


def test_setting_the_clock_back_does_not_extend_an_answer(tmp_path):
    clock = Clock()
    kept(tmp_path / "dns.json", clock, answer(ttl=60))
    clock.time -= 10 * MAX_SECONDS
    assert AnswerCache(tmp_path / "dns.json", SERVERS, now=clock).get("example.com", "A") is None


def test_only_the_owner_can_read_the_file_and_no_other_file_remains(tmp_path):
    kept(tmp_path / "dns.json", Clock(), answer())
    assert stat.S_IMODE((tmp_path / "dns.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["dns.json"]


def test_a_file_that_other_users_can_write_is_ignored(tmp_path):
    kept(tmp_path / "dns.json", Clock(), answer())
    (tmp_path / "dns.json").chmod(0o666)
    cache = AnswerCache(tmp_path / "dns.json", SERVERS, now=Clock())
    assert "other users can write it" in cache.problem
    assert cache.get("example.com", "A") is None


def test_answers_of_other_resolvers_are_not_used(tmp_path):
    kept(tmp_path / "dns.json", Clock(), answer())
    cache = AnswerCache(tmp_path / "dns.json", (("192.0.2.54", 53),), now=Clock())
    assert "other resolvers" in cache.problem
    assert cache.get("example.com", "A") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"dnsCache": 2}',
        '{"dnsCache": 1, "servers": ["192.0.2.53 53"], "answers": {}}',
        "[" * 100_000,
        "\udcff",
    ],
)
def test_a_damaged_file_is_ignored_reported_and_replaced(tmp_path, text):
    path = tmp_path / "dns.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    path.chmod(0o600)
    cache = AnswerCache(path, SERVERS, now=Clock())
    assert str(path) in cache.problem
    assert kept(path, Clock(), answer()).problem == ""


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["Mx", "Txt", "A", "records", "Address"]),
    lambda inner: st.lists(inner, max_size=8),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 7), value=_JSON)
def test_a_row_of_anything_is_an_answer_or_ignored(tmp_path_factory, place, value):
    path = tmp_path_factory.mktemp("cache") / "dns.json"
    row = ["example.com", "A", "records", [["Address", "192.0.2.1"]], [], "", None, 1_700_000_060]
    row[place] = value
    path.write_text(json.dumps({"dnsCache": 1, "servers": ["192.0.2.53 53"], "answers": [row]}))
    path.chmod(0o600)
    cache = AnswerCache(path, SERVERS, now=Clock())
    found = cache.get("example.com", "A")
    assert found is None or (found.name, found.ttl) == ("example.com", found.ttl)


def test_an_unwritable_file_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    cache = AnswerCache(tmp_path / "file" / "dns.json", SERVERS, now=Clock())
    assert "cannot be written" in cache.save()


def test_a_second_run_repeats_only_expired_and_failed_lookups(tmp_path):
    async def run():
        zones = Zones()
        zones.set_zone("example.com", "@ A 192.0.2.1")
        server = DnsServer(zones, port=0)
        port = await server.start()
        warnings = []
        try:
            for _ in range(2):
                server.reset_queries()
                server.set_faults([{"kind": "servfail", "match": "broken.example.com"}])
                with cached_resolver([("127.0.0.1", port)], 2.0, tmp_path / "dns.json", warnings.append) as resolver:
                    assert isinstance(resolver, DnsResolver)
                    found = await resolver.lookup("example.com", "A")
                    broken = await resolver.lookup("broken.example.com", "A")
            return found, broken, server.queries(), warnings
        finally:
            await server.stop()

    found, broken, queries, warnings = asyncio.run(run())
    assert (found.addresses(), broken.outcome) == (("192.0.2.1",), "temporary")
    assert queries == [("broken.example.com", "A")]
    assert warnings == []
