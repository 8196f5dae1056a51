"""The valid part of a file with schema faults is checked too, so that one run reports all faults."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.config.workspace import load_configuration

HEAD = "apiVersion: reconciler/v1\nkind: Domain\ndomain: example.com\n"


@pytest.fixture
def codes(tmp_path: Path) -> Callable[[str], list[str]]:
    """`line:column CODE` of each diagnostic of a domain file."""

    def judge(body: str) -> list[str]:
        (tmp_path / "domains").mkdir()
        (tmp_path / "reconciler.yaml").write_text(
            "apiVersion: reconciler/v1\nkind: Workspace\nservers:\n"
            "  m: {url: https://m.example.net, username: admin, password: {env: P}}\n"
        )
        (tmp_path / "domains" / "example.com.yaml").write_text(HEAD + body)
        config = load_configuration(tmp_path)
        return [f"{d.span.line}:{d.span.column} {d.code}" for d in config.diagnostics if d.span]

    return judge


def test_an_unknown_key_does_not_hide_a_duplicate_name(codes: Callable[[str], list[str]]) -> None:
    body = "mailboxes:\n  bob: {quotta: 1 GiB}\naliases:\n  bob: [carol@other.example]\n"
    assert codes(body) == ["5:9 SCH002", "7:3 NAM005"]


def test_an_invalid_list_item_does_not_hide_a_missing_target(codes: Callable[[str], list[str]]) -> None:
    assert codes("mailboxes: {}\naliases:\n  all: ['a b', nobody]\n") == ["6:9 NAM001", "6:16 REF003"]


def test_an_invalid_mailbox_still_counts_as_a_target(codes: Callable[[str], list[str]]) -> None:
    assert codes("mailboxes:\n  bob: 5\naliases:\n  a: [bob, nobody]\n") == ["5:8 SCH001", "7:12 REF003"]


def test_an_invalid_name_causes_no_follow_up_faults(codes: Callable[[str], list[str]]) -> None:
    assert codes("mailboxes:\n  'bo b': {}\naliases:\n  a: [bob]\n") == ["5:3 NAM001"]


def test_an_invalid_section_causes_no_follow_up_faults(
    codes: Callable[[str], list[str]],
) -> None:
    assert codes("mailboxes: [bob]\naliases:\n  a: [bob]\n") == ["4:1 SCH001"]
