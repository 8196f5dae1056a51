"""Without a browser, tests skip with a reason, and a gate that requires a browser fails."""

from collections.abc import Callable

import pytest

Look = Callable[[], str]
WHY = "no Chromium on the PATH: install chromium, or name it in RECONCILER_TEST_CHROMIUM"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("RECONCILER_TEST_CHROMIUM", raising=False)


def test_without_a_browser_the_tests_are_skipped_with_a_reason(
    look_for_chromium: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RECONCILER_REQUIRE_BROWSER", raising=False)
    with pytest.raises(pytest.skip.Exception, match=WHY):
        look_for_chromium()


def test_without_a_required_browser_the_tests_fail(look_for_chromium: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_REQUIRE_BROWSER", "1")
    with pytest.raises(pytest.fail.Exception, match=f"RECONCILER_REQUIRE_BROWSER=1, but {WHY}"):
        look_for_chromium()


def test_the_environment_can_name_the_browser(look_for_chromium: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILER_TEST_CHROMIUM", "/opt/chromium")
    assert look_for_chromium() == "/opt/chromium"
