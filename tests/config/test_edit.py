"""Editing domain files: text that an edit does not concern keeps every byte."""

from textwrap import dedent

import pytest

from reconciler.config.edit.domain_file import (
    AddResource,
    AddSection,
    DropField,
    DropRemoval,
    DropResource,
    Edit,
    EditNote,
    SetField,
    edit_domain,
)
from reconciler.core.errors import CannotEdit
from reconciler.core.model import Alias, DomainAlias, Mailbox
from reconciler.core.secret import SecretRef

HEAD = "apiVersion: reconciler/v1\nkind: Domain\ndomain: example.com\n"


def edited(body: str, *edits: Edit, newline: str = "\n") -> str:
    """The body of a file after edits, after checking that the head is unchanged."""
    text = (HEAD + dedent(body)).replace("\n", newline)
    result = edit_domain(text, edits)
    head = HEAD.replace("\n", newline)
    assert result.startswith(head)
    return result.removeprefix(head)


def mailbox(name: str, field: str, value: object) -> SetField:
    return SetField(kind="mailbox", name=name, field=field, value=value)  # type: ignore[arg-type]


def alias(name: str, field: str, value: object) -> SetField:
    return SetField(kind="alias", name=name, field=field, value=value)  # type: ignore[arg-type]


def test_a_replaced_value_keeps_the_spaces_and_the_comment_of_its_line() -> None:
    assert (
        edited(
            """\
            mailboxes:
                'alice':   # the boss
                    quota:   5 GiB   # as sold
                    displayName: "Alice"
            """,
            mailbox("alice", "quota", 1 << 30),
            mailbox("alice", "displayName", 'A "B"'),
        )
        == "mailboxes:\n    'alice':   # the boss\n        quota:   1 GiB   # as sold\n"
        '        displayName: "A \\"B\\""\n'
    )


def test_new_fields_and_resources_are_added_at_the_end_with_the_indentation_of_the_file() -> None:
    body = """\
        mailboxes:
            alice:
                quota: 5 GiB
                # more to come
            # nobody else
        # the end
        """
    done = edited(
        body,
        mailbox("alice", "forwarding.to", ("bob@example.com", "x@else.example")),
        mailbox("alice", "forwarding.keepCopy", True),
        AddResource(Mailbox(name="null", quota=0, password=SecretRef("env", "PW"))),
    )
    assert done == dedent("""\
        mailboxes:
            alice:
                quota: 5 GiB
                forwarding:
                    to: [bob, x@else.example]
                    keepCopy: true
                # more to come
            "null":
                quota: unlimited
                password: {env: PW}
            # nobody else
        # the end
        """)


def test_an_empty_value_in_any_spelling_can_be_filled() -> None:
    body = """\
        mailboxes:
          a:
          b: {}   # empty
          c: null
          d:
            {}
          e:  # nothing
        aliases: {}
        domainAliases: []
        """
    done = edited(
        body,
        *(mailbox(name, "enabled", False) for name in "abcde"),
        AddResource(Alias(name="info", targets=("a@example.com",))),
        AddResource(DomainAlias(name="xn--mnchen-3ya.example")),
    )
    assert done == dedent("""\
        mailboxes:
          a:
            enabled: false
          b:   # empty
            enabled: false
          c:
            enabled: false
          d:
            {enabled: false}
          e:  # nothing
            enabled: false
        aliases:
          info: [a]
        domainAliases: [münchen.example]
        """)


def test_an_emptied_section_is_written_as_empty_and_forwarding_without_fields_is_removed() -> None:
    body = """\
        mailboxes: # all
          a:
            forwarding:  # away
              to: [x@else.example]
          b:
            quota: 1 GiB
            forwarding:
              to:
              - x@else.example
        aliases:
          c: [a]
        domainAliases:
        - b.example
        """
    done = edited(
        body,
        DropField(kind="mailbox", name="a", field="forwarding.to"),
        mailbox("b", "forwarding.to", ()),
        DropResource(kind="alias", name="c"),
        DropResource(kind="domainAlias", name="b.example"),
    )
    assert done == dedent("""\
        mailboxes: # all
          a: {}
          b:
            quota: 1 GiB
            forwarding:
              to: []
        aliases: {}
        domainAliases: []
        """)


def test_removing_a_resource_removes_its_indented_lines_and_keeps_neighboring_comments() -> None:
    body = """\
        mailboxes:
          # the staff
          alice: {}  # boss
          bob:
            quota: 5 GiB
            # forwarding: {to: [alice]}

          # the others
          carol: {}
        """
    done = edited(body, DropResource(kind="mailbox", name="bob"), DropResource(kind="mailbox", name="carol"))
    assert done == "mailboxes:\n  # the staff\n  alice: {}  # boss\n\n  # the others\n"


def test_targets_keep_their_order_and_spelling() -> None:
    body = """\
        aliases:
          one: [ Zoe, alice , bob@Example.com ] # c
          two:
          # first
          - zoe   # z
          # second
          - alice
          three: [zoe,
            alice,  # boss
            bob]
          four: [
            zoe,
            alice,
          ]
        """
    new = ("zoe@example.com", "dave@example.com", "x@else.example")
    done = edited(body, *(alias(name, "to", new) for name in ("one", "two", "three", "four")))
    assert done == dedent("""\
        aliases:
          one: [ Zoe, dave, x@else.example ] # c
          two:
          # first
          - zoe   # z
          # second
          - dave
          - x@else.example
          three: [zoe, dave, x@else.example,
            ]
          four: [
            zoe,
            dave,
            x@else.example,
          ]
        """)


def test_an_alias_in_short_form_is_expanded_and_its_targets_keep_their_spelling() -> None:
    body = """\
        aliases:
          one: [ Zoe, alice ] # c
          two:
          # first
          - zoe   # z
          - alice
          three: [zoe,
            alice]
          four:
            # boss
            - zoe
          five: {to: [zoe]}
        """
    names = ("one", "two", "three", "four", "five")
    done = edited(
        body,
        *(alias(n, "internalOnly", True) for n in names),
        alias("four", "to", ("a@example.com", "zoe@example.com")),
    )
    assert done == dedent("""\
        aliases:
          one: # c
            to: [ Zoe, alice ]
            internalOnly: true
          two:
            to:
            # first
            - zoe   # z
            - alice
            internalOnly: true
          three: {to: [zoe,
            alice], internalOnly: true}
          four:
            to:
            # boss
            - zoe
            - a
            internalOnly: true
          five: {to: [zoe], internalOnly: true}
        """)


def test_a_file_in_brackets_stays_in_brackets() -> None:
    text = '{"apiVersion": "reconciler/v1", "kind": "Domain", "domain": "example.com",\n "mailboxes": {"a": {"quota": 1}, "b": {}, c: }}\n'
    done = edit_domain(
        text,
        [
            mailbox("a", "quota", 0),
            mailbox("c", "eas", True),
            DropResource(kind="mailbox", name="b"),
            AddResource(Mailbox(name="d", eas=False)),
            AddResource(Alias(name="e", targets=("a@example.com",))),
        ],
    )
    assert done == (
        '{"apiVersion": "reconciler/v1", "kind": "Domain", "domain": "example.com",\n'
        ' "mailboxes": {"a": {"quota": unlimited}, c: {eas: true}, d: {eas: false} }, aliases: {e: [a]}}\n'
    )


def test_a_file_in_the_format_of_a_json_printer_is_edited_line_by_line() -> None:
    text = (
        '{\n  "apiVersion": "reconciler/v1",\n  "kind": "Domain",\n  "domain": "example.com",\n  "mailboxes": {\n'
        '    "a": {\n      "quota": 1\n    },\n    "b": {},\n    "c": {}\n  }\n}\n'
    )
    done = edit_domain(
        text,
        [DropResource(kind="mailbox", name="b"), DropResource(kind="mailbox", name="c"), AddSection("alias")],
    )
    assert done == text.replace('    },\n    "b": {},\n    "c": {}\n', "    }\n").replace(
        "  }\n}\n", "  },\n  aliases: {}\n}\n"
    )


def test_line_ends_a_missing_final_line_end_and_a_byte_order_mark_are_kept() -> None:
    body = "mailboxes:\n  a: {}\n  b: {quota: 1 GiB}"
    done = edited(body, mailbox("a", "eas", True), AddResource(Mailbox(name="c")), newline="\r\n")
    assert done == "mailboxes:\r\n  a:\r\n    eas: true\r\n  b: {quota: 1 GiB}\r\n  c: {}"
    assert edited(body, DropResource(kind="mailbox", name="b")) == "mailboxes:\n  a: {}\n"
    marked = "\ufeff" + HEAD + body
    assert edit_domain(marked, [mailbox("b", "quota", 1)]) == marked.replace("1 GiB", "1")


def test_new_sections_have_the_usual_order_and_the_spacing_of_the_file() -> None:
    body = "\nmailboxes: {a: {}}\n# about removed\nremoved: {mailboxes: [b]}\n"
    done = edited(body, AddSection("domainAlias"), AddResource(Alias(name="x", targets=("a@example.com",))))
    assert done == (
        "\nmailboxes: {a: {}}\n\naliases:\n  x: [a]\n\ndomainAliases: []\n# about removed\nremoved: {mailboxes: [b]}\n"
    )


def test_entries_of_removed_are_dropped_in_every_spelling() -> None:
    body = """\
        mailboxes: {a: {}}
        removed:
          mailboxes:
          - b
          - c: {purgeAfter: 2026-12-31}   # gone
          - d
          aliases: [e, F]
          domainAliases: [g.example]
        renamed: {}
        """
    done = edited(
        body,
        DropRemoval(kind="mailbox", name="c"),
        DropRemoval(kind="alias", name="f"),
        DropRemoval(kind="domainAlias", name="g.example"),
    )
    assert done == dedent("""\
        mailboxes: {a: {}}
        removed:
          mailboxes:
          - b
          - d
          aliases: [e]
        renamed: {}
        """)
    mapping = "removed:\n  mailboxes:\n    b: {purgeAfter: 2026-12-31}\n    c:\ndns: {}\n"
    assert edited(mapping, DropRemoval(kind="mailbox", name="b")) == "removed:\n  mailboxes:\n    c:\ndns: {}\n"
    both = [DropRemoval(kind="mailbox", name=name) for name in "bc"]
    assert edited(mapping, *both) == "dns: {}\n"


def test_keys_that_look_like_numbers_or_booleans_are_names() -> None:
    body = "mailboxes:\n  no: {}\n  007: {}\n  22:30: {eas: true}\n  '1e3':\n    eas: false\n"
    done = edited(
        body, *(mailbox(name, "eas", True) for name in ("no", "1e3")), DropResource(kind="mailbox", name="007")
    )
    assert done == "mailboxes:\n  no:\n    eas: true\n  22:30: {eas: true}\n  '1e3':\n    eas: true\n"


def test_an_edit_without_effect_changes_no_byte() -> None:
    text = HEAD + "mailboxes: {a: { quota:  1073741824 ,}}\n\n"
    edits = [
        mailbox("a", "quota", 1 << 30),
        AddSection("mailbox"),
        AddResource(Mailbox(name="b")),
        DropResource(kind="mailbox", name="b"),
    ]
    assert edit_domain(text, edits) == text


def test_notes_follow_the_modeline_once_and_no_character_in_them_ends_the_comment() -> None:
    text = "# yaml-language-server: $schema=x\r\n# mine\r\n" + HEAD.replace("\n", "\r\n")
    notes = [EditNote("alias x\nmailboxes: {evil: {}}\u2028\u202e\x85 end"), EditNote("two")]
    once = edit_domain(text, notes)
    assert once == (
        "# yaml-language-server: $schema=x\r\n"
        "# Left out by import: alias x\\x0amailboxes: {evil: {}}\\u2028\\u202e\\x85 end\r\n"
        "# Left out by import: two\r\n"
        "# mine\r\n"
    ) + HEAD.replace("\n", "\r\n")
    assert edit_domain(once, [*notes, *notes]) == once
    assert edit_domain(once, [EditNote("three")]).split("\r\n")[3] == "# Left out by import: three"


@pytest.mark.parametrize(
    ("body", "edit", "place"),
    [
        ("mailboxes:\n  a: &x\n    quota: 1 GiB\n  b: *x\n", mailbox("b", "quota", 0), "7:6"),
        ("mailboxes:\n  a: &x\n    quota: 1 GiB\n  b: *x\n", mailbox("a", "quota", 0), "5:6"),
        ("mailboxes:\n  a: &x\n    quota: 1 GiB\n  b:\n    <<: *x\n", mailbox("b", "quota", 0), "8:5"),
        ("mailboxes:\n  a: &x\n    quota: 1 GiB\n  b: *x\n", DropResource(kind="mailbox", name="a"), "5:6"),
        ("mailboxes:\n  ? a\n  : quota: 1 GiB\n", DropResource(kind="mailbox", name="a"), "5:5"),
        ("mailboxes:\n  ? a\n  : {quota: 1 GiB}\n", mailbox("a", "eas", True), ""),
        ("mailboxes: {? a : {quota: 1 GiB}, b: }\n", DropResource(kind="mailbox", name="a"), "4:15"),
        ("mailboxes: {}\n", mailbox("a", "eas", True), "3:9"),
        ("mailboxes: {a: {}}\n", AddResource(Mailbox(name="a")), "3:9"),
        ("mailboxes: {}\n", DropRemoval(kind="mailbox", name="a"), "3:9"),
        ("mailboxes: {a: {quota: 5 GB}}\n", mailbox("a", "eas", True), "4:24"),
        ("mailboxes: {a: {}\n", mailbox("a", "eas", True), "5:1"),
    ],
)
def test_an_unsafe_edit_is_rejected_with_its_location(body: str, edit: Edit, place: str) -> None:
    if not place:
        assert "{quota: 1 GiB, eas: true}" in edit_domain(HEAD + body, [edit], file="f.yaml")
        return
    with pytest.raises(CannotEdit) as refused:
        edit_domain(HEAD + body, [edit], file="f.yaml")
    assert refused.value.message.startswith(f"f.yaml:{place}"), refused.value.message
