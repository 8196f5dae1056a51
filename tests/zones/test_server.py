"""Whether there is a server to ask: a stranger without one loses these tests only, and is told why."""

import pytest


def test_without_a_server_the_scenarios_are_skipped_with_what_to_install(needed):
    with pytest.raises(pytest.skip.Exception, match="apt install knot"):
        needed(None, "127.0.0.1", required=False)


def test_without_a_second_address_too(needed):
    with pytest.raises(pytest.skip.Exception, match=r"192\.0\.2\.1 is not an address of this machine"):
        needed("/usr/sbin/knotd", "127.0.0.1", "192.0.2.1", required=False)


def test_where_a_server_is_required_its_absence_is_a_failure(needed):
    with pytest.raises(AssertionError, match="RECONCILER_REQUIRE_DNS_SERVER is 1"):
        needed(None, "127.0.0.1", required=True)


def test_with_a_server_nothing_is_skipped(needed):
    needed("/usr/sbin/knotd", "127.0.0.1", required=True)
