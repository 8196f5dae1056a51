"""Loading a folder of files as one configuration: files, valid values and diagnostics."""

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


def test_the_root_is_the_nearest_parent_folder_with_a_workspace_file(tmp_path: Path) -> None:
    outer = write(tmp_path / "outer", {})
    inner = write(outer / "a" / "inner", {"domains/x/y.yaml": ""})
    assert find_root(inner / "domains" / "x") == inner
    assert find_root(outer / "a") == outer
    assert find_root(tmp_path, explicit=inner) == inner
    assert find_root(tmp_path, explicit=inner / "reconciler.yaml") == inner


def test_without_a_workspace_the_error_names_the_searched_folders_and_has_a_hint(tmp_path: Path) -> None:
    with pytest.raises(ReconcilerError, match=f"no reconciler.yaml in {tmp_path}") as caught:
        find_root(tmp_path)
    assert "reconciler init" in caught.value.hint
    with pytest.raises(ReconcilerError, match=r"has no reconciler.yaml"):
        find_root(tmp_path, explicit=tmp_path)
    with pytest.raises(ReconcilerError, match="is not a folder"):
        find_root(tmp_path, explicit=tmp_path / "nowhere")


def test_a_workspace_has_three_kinds_of_files_with_subfolders_and_without_hidden_ones(tmp_path: Path) -> None:
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


def test_broken_files_are_reported_and_the_others_are_still_checked(tmp_path: Path) -> None:
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


def test_references_to_a_broken_file_are_not_reported(tmp_path: Path) -> None:
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


def test_with_a_broken_workspace_file_the_domains_are_still_checked_and_none_is_valid(tmp_path: Path) -> None:
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


def test_the_rest_of_a_file_over_a_limit_is_checked_too(tmp_path: Path) -> None:
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
def test_a_file_of_any_other_shape_is_reported_and_never_raises(tmp_path: Path, text: str) -> None:
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
def test_a_wrong_shape_at_a_compiled_limit_never_raises(tmp_path: Path, text: str) -> None:
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


def test_a_selection_shows_only_its_own_files_the_workspace_and_the_products(tmp_path: Path) -> None:
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


def test_a_selection_without_a_match_is_an_error_without_a_location(tmp_path: Path) -> None:
    write(tmp_path, {"domains/a.example.yaml": domain("a.example")})
    found = load(tmp_path, "b.example")
    assert codes(found) == ["- WSP002"]
    assert has_errors(found.diagnostics)
    assert found.selected == ()


def test_file_names_are_relative_to_the_current_folder_or_else_to_the_workspace(tmp_path: Path) -> None:
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


def test_links_out_of_the_workspace_are_rejected_and_others_are_followed_once(tmp_path: Path) -> None:
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


def test_an_irregular_file_is_rejected_without_waiting(tmp_path: Path) -> None:
    write(tmp_path, {"domains/d.example.yaml": domain("d.example")})
    os.mkfifo(tmp_path / "domains" / "pipe.yaml")
    assert codes(load(tmp_path)) == ["domains/pipe.yaml WSP001"]


def test_a_given_folder_without_a_workspace_file_is_a_diagnostic(tmp_path: Path) -> None:
    assert codes(load(tmp_path)) == ["reconciler.yaml YML009"]


def test_two_files_for_one_product_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"products/p.yaml": PRODUCT, "products/p.yml": PRODUCT})
    assert codes(load(tmp_path)) == ["products/p.yml WSP001"]


def test_the_path_of_a_certificate_bundle_is_relative_to_the_workspace(tmp_path: Path) -> None:
    write(tmp_path, {"reconciler.yaml": WORKSPACE + "    caBundle: tls/ca.pem\n"})
    assert load(tmp_path).workspace.servers["mail1"].ca_bundle == str(tmp_path / "tls" / "ca.pem")


def test_the_digest_depends_only_on_the_names_and_bytes_of_files(tmp_path: Path) -> None:
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


def test_no_text_diagnostic_or_value_contains_a_resolved_secret(tmp_path: Path) -> None:
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
