"""Without Knot, only the tests that need it are skipped, and the reason says what to install."""

import pytest


def test_without_a_server_the_tests_are_skipped_and_the_reason_says_what_to_install(needed):
    with pytest.raises(pytest.skip.Exception, match="apt install knot"):
        needed(None, "127.0.0.1", required=False)


def test_without_a_second_address_the_tests_are_skipped_and_the_reason_names_it(needed):
    with pytest.raises(pytest.skip.Exception, match=r"192\.0\.2\.1 is not an address of this machine"):
        needed("/usr/sbin/knotd", "127.0.0.1", "192.0.2.1", required=False)


def test_a_missing_server_is_a_failure_if_the_environment_requires_one(needed):
    with pytest.raises(AssertionError, match="RECONCILER_REQUIRE_DNS_SERVER is 1"):
        needed(None, "127.0.0.1", required=True)


def test_with_a_server_no_test_is_skipped(needed):
    needed("/usr/sbin/knotd", "127.0.0.1", required=True)
