"""`dns check --dns-cache FILE`: a second run uses cached answers and warns about a damaged file."""

from collections.abc import Callable
from typing import Any


def test_a_second_check_uses_the_cached_answers_and_warns_about_a_damaged_file(
    sandbox: Any, workspace: Callable[..., Any]
) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {bob: {}}\n")
    sandbox.zones.add("example.com", "TXT", "v=spf1 ip4:192.0.2.200 -all", 300)
    words = ("dns", "check", "--format", "markdown", "--dns-cache", str(w.root / "dns.json"))
    first = w.run(*words)
    assert (first.stderr, "192.0.2.200" in first.stdout) == ("", True)
    sandbox.zones.remove("example.com", "TXT")
    second = w.run(*words)
    assert (second.stdout, second.stderr, second.returncode) == (first.stdout, "", first.returncode)
    assert "192.0.2.200" not in w.run(*words[:4]).stdout
    (w.root / "dns.json").write_text("{")
    third = w.run(*words)
    assert "is ignored: it is damaged" in third.stderr
    assert "192.0.2.200" not in third.stdout
