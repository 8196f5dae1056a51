"""A folder of files as one configuration: what is found, what is valid, what is said, and what is not."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from reconciler.config.workspace import Configuration, find_root, load_configuration
from reconciler.core.diagnostics import has_errors
from reconciler.core.errors import ReconcilerError

WORKSPACE = """\
apiVersion: reconciler/v1
kind: Workspace
servers:
  mail1:
    url: https://mail1.example.net
    username: admin
    password: {env: SMARTERMAIL_PASSWORD}
"""
PRODUCT = "apiVersion: reconciler/v1\nkind: Product\n"


def domain(name: str, text: str = "") -> str:
    return f"apiVersion: reconciler/v1\nkind: Domain\ndomain: {name}\n{text}"


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in {"reconciler.yaml": WORKSPACE, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def load(root: Path, *selection: str) -> Configuration:
    return load_configuration(root, selection, here=root, environ={})


def codes(configuration: Configuration) -> list[str]:
    return [f"{d.span.file if d.span else '-'} {d.code}" for d in configuration.diagnostics]


def test_the_root_is_the_nearest_folder_upward_with_a_workspace_file(tmp_path: Path) -> None:
    outer = write(tmp_path / "outer", {})
    inner = write(outer / "a" / "inner", {"domains/x/y.yaml": ""})
    assert find_root(inner / "domains" / "x") == inner
    assert find_root(outer / "a") == outer
    assert find_root(tmp_path, explicit=inner) == inner
    assert find_root(tmp_path, explicit=inner / "reconciler.yaml") == inner


def test_without_a_workspace_the_error_says_where_was_looked_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ReconcilerError, match=f"no reconciler.yaml in {tmp_path}") as caught:
        find_root(tmp_path)
    assert "reconciler init" in caught.value.hint
    with pytest.raises(ReconcilerError, match=r"has no reconciler.yaml"):
        find_root(tmp_path, explicit=tmp_path)
    with pytest.raises(ReconcilerError, match="is no folder"):
        find_root(tmp_path, explicit=tmp_path / "nowhere")


def test_a_workspace_is_its_three_kinds_of_files_nested_folders_included_and_hidden_ones_not(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "products/business.yaml": PRODUCT,
            "products/old/free.yaml": "not read",
            "domains/example.net.yaml": domain("example.net", "product: business\n"),
            "domains/eu/example.com.yml": domain("example.com"),
            "domains/.hidden.yaml": "not read",
            "domains/.git/x.yaml": "not read",
            "domains/README.md": "not read",
        },
    )
    found = load(tmp_path)
    assert found.diagnostics == ()
    assert list(found.domains) == ["example.com", "example.net"]
    assert found.selected == ("example.com", "example.net")
    assert list(found.products) == ["business"]
    assert found.domains["example.com"].server == "mail1"
    assert found.domains["example.com"].origin.file == "domains/eu/example.com.yml"
    assert found.texts == {}
    assert found.root == tmp_path


def test_a_workspace_without_domains_is_valid(tmp_path: Path) -> None:
    found = load(write(tmp_path, {}))
    assert (found.diagnostics, found.domains, found.products, found.selected) == ((), {}, {}, ())


def test_broken_files_are_said_and_the_others_are_still_judged(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "domains/a.example.yaml": "kind: [Domain",
            "domains/b.example.yaml": b"\xff\xfe",
            "domains/c.example.yaml": domain("c.example", "surprise: 1\n"),
            "domains/d.example.yaml": domain("d.example", "mailboxes: {x: {}}\naliases: {x: [y@c.example]}\n"),
            "domains/e.example.yaml": domain("e.example"),
            "domains/f.example.yaml": domain("f.example", "mailboxes: {x: {}, x: {}}\n"),
        },
    )
    found = load(tmp_path)
    assert {row.split()[0] for row in codes(found)} == {f"domains/{x}.example.yaml" for x in "abcdf"}
    assert "domains/b.example.yaml YML003" in codes(found)
    assert "domains/d.example.yaml NAM005" in codes(found)
    assert "domains/f.example.yaml YML002" in codes(found)
    assert list(found.domains) == ["e.example"]
    assert found.selected == ("e.example",)
    assert set(found.texts) == {f"domains/{x}.example.yaml" for x in "abcdf"}
    assert found.texts["domains/a.example.yaml"] == "kind: [Domain"


def test_nothing_is_said_of_what_refers_to_a_broken_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "reconciler.yaml": WORKSPACE + "policy: {externalForwarding: deny}\n",
            "products/business.yaml": PRODUCT + "limits: {mailboxes: many}\n",
            "domains/a.example.yaml": "kind: [Domain",
            "domains/b.example.yaml": domain(
                "b.example", "product: business\nmailboxes: {}\naliases: {x: [y@a.example, z@alias.example]}\n"
            ),
        },
    )
    found = load(tmp_path)
    assert {row.split()[0] for row in codes(found)} == {"domains/a.example.yaml", "products/business.yaml"}
    assert (found.products, found.domains) == ({}, {})


def test_with_a_broken_workspace_file_the_domains_are_still_judged_and_none_is_valid(tmp_path: Path) -> None:
    files = {"a": "server: mail1\n", "b": "mailboxes: {x: {}}\naliases: {x: [b@out.example]}\n"}
    write(tmp_path, {f"domains/{x}.example.yaml": domain(f"{x}.example", text) for x, text in files.items()})
    (tmp_path / "reconciler.yaml").write_text("apiVersion: reconciler/v1\nkind: Workspace\n")
    found = load(tmp_path)
    assert {row.split()[0] for row in codes(found)} == {"reconciler.yaml", "domains/b.example.yaml"}
    assert "domains/b.example.yaml NAM005" in codes(found)
    assert (found.domains, found.selected, found.workspace.servers) == ({}, (), {})


def test_an_unsafe_server_makes_no_domain_valid(tmp_path: Path) -> None:
    write(tmp_path, {"domains/a.example.yaml": domain("a.example")})
    (tmp_path / "reconciler.yaml").write_text(WORKSPACE.replace("https", "http"))
    found = load(tmp_path)
    assert codes(found) == ["reconciler.yaml WSP003"]
    assert found.selected == ()


def test_over_a_limit_the_rest_of_a_file_is_judged_too(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "products/p.yaml": PRODUCT + "limits: {mailboxes: 1, mailboxQuota: 1 GiB}\n",
            "domains/a.example.yaml": domain(
                "a.example", "product: p\nmailboxes: {x: {quota: 2 GiB}, y: {}}\naliases: {x: [nobody]}\n"
            ),
        },
    )
    assert sorted(row.split()[1] for row in codes(load(tmp_path))) == ["LIM001", "LIM004", "NAM005", "REF003"]


@pytest.mark.parametrize(
    "text",
    [
        "- a",
        "text",
        "null",
        "{}",
        "domain: 5",
        "domain: [a]\ndomainAliases: [[a], {}]",
        "domainAliases: {a: b}",
        "kind: Product",
    ],
)
def test_a_file_of_any_other_shape_is_said_and_never_raises(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"domains/a.example.yaml": text, "domains/b.example.yaml": domain("b.example")})
    found = load(tmp_path)
    assert {row.split()[0] for row in codes(found)} == {"domains/a.example.yaml"}
    assert found.selected == ("b.example",)


@pytest.mark.parametrize(
    "text",
    [
        "domainAliases: 5",
        "mailboxes: {x: {quota: [1]}}",
        "mailboxes: {x: {quota: 5 GB}}",
        "mailboxes: {x: {eas: 'yes'}}",
        "mailboxes: [x]",
        "mailboxes: {x: 1}",
    ],
)
def test_a_wrong_shape_where_a_limit_is_compiled_in_never_raises(tmp_path: Path, text: str) -> None:
    product = PRODUCT + "limits: {domainAliases: 0, mailboxes: 1, mailboxQuota: 1 GiB}\noffer: {eas: false}\n"
    write(
        tmp_path,
        {
            "reconciler.yaml": WORKSPACE + "    role: customer\n",
            "products/p.yaml": product,
            "domains/a.example.yaml": domain("a.example", f"product: p\n{text}\n"),
        },
    )
    found = load(tmp_path)
    assert {row.split()[0] for row in codes(found)} == {"domains/a.example.yaml"}
    assert len({(d.code, d.span) for d in found.diagnostics}) == len(found.diagnostics)
    assert (found.domains, found.selected) == ({}, ())


def test_a_selection_shows_its_own_files_the_workspace_and_the_products_only(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "products/p.yaml": "kind: [",
            "domains/a.example.yaml": domain("a.example", "mailboxes: {x: {}}\naliases: {x: []}\n"),
            "domains/b.example.yaml": domain("b.example", "mailboxes: {x: {}}\naliases: {x: []}\n"),
            "domains/c.example.yaml": domain("c.example", "mailboxes: {}\naliases: {y: [x@b.example, q@b.example]}\n"),
            "domains/d.example.yaml": domain("d.example"),
        },
    )
    found = load(tmp_path, "c.example", "domains/d.example.yaml")
    assert [row.split()[0] for row in codes(found)] == ["domains/c.example.yaml", "products/p.yaml"]
    assert found.diagnostics[0].code == "REF003"
    assert found.selected == ("d.example",)
    assert set(found.texts) == {"domains/c.example.yaml", "products/p.yaml"}
    alone = load(tmp_path, "d.example")
    assert alone.selected == ("d.example",)
    assert list(alone.domains) == ["d.example"]


def test_a_selection_that_matches_nothing_is_an_error_without_a_place(tmp_path: Path) -> None:
    write(tmp_path, {"domains/a.example.yaml": domain("a.example")})
    found = load(tmp_path, "b.example")
    assert codes(found) == ["- WSP002"]
    assert has_errors(found.diagnostics)
    assert found.selected == ()


def test_files_are_named_as_seen_from_the_current_folder_else_from_the_workspace(tmp_path: Path) -> None:
    root = write(tmp_path / "mail", {"domains/eu/a.example.yaml": domain("b.example")})
    for here, expected in (
        (root, "domains/eu/a.example.yaml"),
        (tmp_path, "mail/domains/eu/a.example.yaml"),
        (root / "domains", "eu/a.example.yaml"),
        (root / "products", "domains/eu/a.example.yaml"),
    ):
        found = load_configuration(root, here=here, environ={})
        assert codes(found) == [f"{expected} NAM003"]
        assert list(found.texts) == [expected]


def test_links_that_leave_the_workspace_are_refused_and_others_are_followed_once(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", {"b.example.yaml": domain("b.example"), "folder/c.example.yaml": domain("c.example")})
    root = write(
        tmp_path / "mail", {"shared/a.example.yaml": domain("a.example"), "domains/d.example.yaml": domain("d.example")}
    )
    (root / "domains" / "shared").symlink_to("../shared")
    (root / "domains" / "round").symlink_to("../domains")
    (root / "domains" / "b.example.yaml").symlink_to(tmp_path / "elsewhere" / "b.example.yaml")
    (root / "domains" / "folder").symlink_to(tmp_path / "elsewhere" / "folder")
    (root / "domains" / "self.yaml").symlink_to("self.yaml")
    found = load(root)
    assert codes(found) == [
        "domains/b.example.yaml WSP001",
        "domains/folder WSP001",
        "domains/self.yaml WSP001",
    ]
    assert list(found.domains) == ["a.example", "d.example"]


def test_what_is_no_plain_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, {"domains/d.example.yaml": domain("d.example")})
    os.mkfifo(tmp_path / "domains" / "pipe.yaml")
    assert codes(load(tmp_path)) == ["domains/pipe.yaml WSP001"]


def test_a_folder_given_without_a_workspace_file_is_a_diagnostic(tmp_path: Path) -> None:
    assert codes(load(tmp_path)) == ["reconciler.yaml YML009"]


def test_two_files_for_one_product_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"products/p.yaml": PRODUCT, "products/p.yml": PRODUCT})
    assert codes(load(tmp_path)) == ["products/p.yml WSP001"]


def test_a_bundle_of_certificates_is_found_from_the_workspace(tmp_path: Path) -> None:
    write(tmp_path, {"reconciler.yaml": WORKSPACE + "    caBundle: tls/ca.pem\n"})
    assert load(tmp_path).workspace.servers["mail1"].ca_bundle == str(tmp_path / "tls" / "ca.pem")


def test_the_digest_changes_with_the_name_and_bytes_of_any_file_and_with_nothing_else(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"products/p.yaml": PRODUCT, "domains/a.example.yaml": domain("a.example")}
    first = load(write(tmp_path / "1", files)).digest
    assert first.startswith("sha256:")
    assert len(first) == len("sha256:") + hashlib.sha256().digest_size * 2
    other = write(tmp_path / "2", files)
    assert load(other).digest == load(other, "a.example").digest == first
    assert load_configuration(other, here=tmp_path, environ={}).digest == first
    for name, text in (
        ("products/p.yaml", PRODUCT + "# comment\n"),
        ("reconciler.yaml", WORKSPACE + "\n"),
        ("domains/b.example.yaml", domain("b.example")),
    ):
        changed = write(tmp_path / name, {**files, name: text})
        assert load(changed).digest != first
    (other / "domains" / "a.example.yaml").rename(other / "domains" / "a.example.yml")
    assert load(other).digest != first


def test_no_file_no_diagnostic_and_no_value_holds_a_secret_that_was_looked_up(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "products/p.yaml": PRODUCT,
            "domains/a.example.yaml": domain("a.example", "product: p\nmailboxes: {x: {password: {env: PW}}}\n"),
        },
    )
    found = load_configuration(tmp_path, here=tmp_path, environ={"PW": "hunter2"})
    assert codes(found) == ["domains/a.example.yaml SEC003"]
    assert "hunter2" not in repr(found)
    assert "hunter2" not in json.dumps([str(d) + d.hint for d in found.diagnostics])
