"""Faults that no schema can express, each with its code, location and hint; and cycles in graphs."""

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.config.decode.domain import decode_domain
from reconciler.config.document.loader import load_text
from reconciler.config.secrets.store import SecretStore
from reconciler.config.semantics.domain_files import DomainFile, directory
from reconciler.config.semantics.limits import check_limits
from reconciler.config.semantics.names import check_names
from reconciler.config.semantics.secrets import check_passwords
from reconciler.config.semantics.targets import check_loops, check_targets, cycles, shortest_cycle
from reconciler.config.semantics.workspace import check_domains, check_server
from reconciler.config.workspace import load_configuration
from reconciler.core.diagnostics import Diagnostic, Severity, has_errors, sort_diagnostics
from reconciler.core.product import Limits, Offer, Product
from reconciler.core.workspace import Policy, SecretSettings, Workspace

SERVERS = "servers: {mail1: {url: https://mail1.example.net, username: admin, password: {env: SMARTERMAIL_PASSWORD}}}\n"


def write(root: Path, files: dict[str, str]) -> Path:
    """Writes a workspace. The text of a domain file begins in line 4, after three header lines."""
    for name, text in {"reconciler.yaml": SERVERS, **files}.items():
        kind = {"reconciler.yaml": "Workspace", "products": "Product"}.get(name.split("/")[0], "Domain")
        head = f"apiVersion: reconciler/v1\nkind: {kind}\n"
        if kind == "Domain" and not text.startswith("domain:"):
            head += f"domain: {Path(name).stem}\n"
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + dedent(text), encoding="utf-8")
    return root


def validate(root: Path, files: dict[str, str], environ: dict[str, str] | None = None) -> tuple[Diagnostic, ...]:
    return load_configuration(write(root, files), here=root, environ=environ or {}).diagnostics


def places(diagnostics: tuple[Diagnostic, ...]) -> list[str]:
    """`file:line:column severity code`, without the folder `domains/`."""
    return [f"{str(d.span).removeprefix('domains/')} {d.severity} {d.code}" for d in diagnostics]


COM = "domains/example.com.yaml"
NET = "domains/example.net.yaml"

ONE_FILE = [
    # Names
    (
        "domain: example.net\n",
        ["example.com.yaml:3:9 error NAM003"],
        "the file name is 'example.com', but the domain is example.net",
    ),
    (
        "mailboxes: {a: {}}\naliases: {a: [b@x.example]}",
        ["example.com.yaml:5:11 error NAM005"],
        "a is both an alias and a mailbox (domains/example.com.yaml:4:13)",
    ),
    (
        "mailboxes: {a: {}}\nremoved: {mailboxes: [A]}",
        ["example.com.yaml:5:23 error NAM006"],
        "is declared too (domains/example.com.yaml:4:13)",
    ),
    (
        "domainAliases: [x.example]\nremoved: {domainAliases: [X.example]}",
        ["example.com.yaml:5:27 error NAM006"],
        "domain alias x.example is in `removed`",
    ),
    (
        "mailboxes: {a: {}, b: {}}\nrenamed: {mailboxes: {a: b}}",
        ["example.com.yaml:5:23 error NAM006"],
        "a is still declared (domains/example.com.yaml:4:13)",
    ),
    (
        "mailboxes: {b: {}}\nrenamed: {mailboxes: {a: b}}\nremoved: {mailboxes: [a]}",
        ["example.com.yaml:5:23 error NAM006"],
        "a is also in `removed`",
    ),
    (
        "renamed: {mailboxes: {a: b}}\nremoved: {mailboxes: [b]}",
        ["example.com.yaml:4:23 error NAM006"],
        "b is in `removed`",
    ),
    (
        "mailboxes: {b: {}}\nrenamed: {mailboxes: {a: b, c: b}}",
        ["example.com.yaml:5:29 error NAM006"],
        "a is renamed to b too",
    ),
    (
        "mailboxes: {c: {}}\nrenamed: {mailboxes: {a: b, b: c}}",
        ["example.com.yaml:5:23 error NAM006"],
        "b is itself renamed",
    ),
    (
        "mailboxes: {a: {}}\nrenamed: {mailboxes: {a: A}}",
        ["example.com.yaml:5:23 error NAM006"],
        "the two names are the same",
    ),
    ("domainAliases: [Example.com]", ["example.com.yaml:4:17 error NAM007"], "is the domain itself"),
    # References
    (
        "mailboxes: {}\nrenamed: {mailboxes: {a: b}}",
        ["example.com.yaml:5:23 error REF005"],
        "renamed to b, which is not declared under `mailboxes`",
    ),
    ("product: busines", ["example.com.yaml:4:10 error REF001"], "there is no product 'busines'"),
    ("server: mail2", ["example.com.yaml:4:9 error REF002"], "the workspace has no server 'mail2'"),
    (
        "mailboxes: {alice: {}}\naliases: {info: [alice, alise]}",
        ["example.com.yaml:5:25 error REF003"],
        "alias info sends to alise@example.com, which does not exist",
    ),
    (
        "mailboxes: {a: {forwarding: {to: [nobody]}}}\naliases: {}",
        ["example.com.yaml:4:35 error REF003"],
        "mailbox a forwards to nobody@example.com",
    ),
    (
        "aliases: {info: [alice]}",
        ["example.com.yaml:4:18 warning REF003"],
        "which may not exist: domains/example.com.yaml has no section `mailboxes`",
    ),
    (
        "mailboxes: {a: {forwarding: {to: [info]}}}",
        ["example.com.yaml:4:35 warning REF003"],
        "has no section `aliases`",
    ),
    (
        "aliases: {info: [carol]}\nremoved: {mailboxes: [carol]}",
        ["example.com.yaml:4:18 error REF003"],
        "is in `removed` (domains/example.com.yaml:5:23)",
    ),
    (
        "mailboxes: {bob: {}}\naliases: {info: [rob]}\nrenamed: {mailboxes: {rob: bob}}",
        ["example.com.yaml:5:18 error REF003"],
        "which is renamed to bob",
    ),
    (
        "mailboxes: {}\naliases: {a: [x@example.org]}\ndomainAliases: [example.org]",
        ["example.com.yaml:5:15 error REF003"],
        "a sends to x@example.org, which does not exist",
    ),
    # Mail loops
    ("mailboxes: {}\naliases: {info: [Info]}", ["example.com.yaml:5:18 error REF004"], "alias info sends to itself"),
    (
        "mailboxes: {}\naliases: {a: [b], b: {to: [c]}, c: [a]}",
        ["example.com.yaml:5:15 error REF004"],
        "a@example.com → b@example.com → c@example.com → a@example.com",
    ),
    (
        "mailboxes: {m: {forwarding: {to: [x], keepCopy: true}}}\naliases: {x: [m]}",
        ["example.com.yaml:4:35 error REF004"],
        "m@example.com → x@example.com → m@example.com",
    ),
    (
        "mailboxes: {}\naliases: {a: [b@example.org], b: [a]}\ndomainAliases: [example.org]",
        ["example.com.yaml:5:15 error REF004"],
        "a@example.com → b@example.com → a@example.com",
    ),
]


@pytest.mark.parametrize(
    ("text", "expected", "says"), ONE_FILE, ids=[f"{row[1][0].split()[-1]}-{i}" for i, row in enumerate(ONE_FILE)]
)
def test_each_fault_in_one_file_is_reported_at_its_location(
    tmp_path: Path, text: str, expected: list[str], says: str
) -> None:
    diagnostics = validate(tmp_path, {COM: text})
    assert places(diagnostics) == expected
    assert says in diagnostics[0].message


FINE = {
    "a U-label names the file of its A-label": {"domains/münchen.example.yaml": "domain: xn--mnchen-3ya.example\n"},
    "an A-label names the file of its U-label": {"domains/xn--mnchen-3ya.example.yml": "domain: münchen.example\n"},
    "a removed mailbox may become an alias": {COM: "mailboxes: {b: {}}\naliases: {a: [b]}\nremoved: {mailboxes: [a]}"},
    "a renamed mailbox may leave an alias": {
        COM: "mailboxes: {b: {}}\naliases: {a: [b]}\nrenamed: {mailboxes: {a: b}}"
    },
    "two paths to one mailbox are not a loop": {
        COM: "mailboxes: {z: {}}\naliases: {a: [b, c], b: [d], c: [d], d: [z]}"
    },
    "a target in an alias of the domain is in the domain": {
        COM: "mailboxes: {z: {}}\naliases: {a: [z@example.org]}\ndomainAliases: [example.org]"
    },
    "a target in another domain of the workspace exists there": {
        COM: "mailboxes: {}\naliases: {a: [z@example.net, y@example.org]}",
        NET: "mailboxes: {z: {}}\naliases: {y: [z]}\ndomainAliases: [example.org]",
    },
    "a target that the policy ignores may exist": {
        "reconciler.yaml": SERVERS + "policy: {ignore: {mailboxes: [svc-*]}}\n",
        COM: "mailboxes: {}\naliases: {a: [svc-1]}",
    },
}


@pytest.mark.parametrize("files", FINE.values(), ids=FINE.keys())
def test_a_valid_workspace_has_no_diagnostics(tmp_path: Path, files: dict[str, str]) -> None:
    assert validate(tmp_path, files) == ()


def test_each_error_has_a_hint(tmp_path: Path) -> None:
    for i, (text, _, _) in enumerate(ONE_FILE):
        for diagnostic in validate(tmp_path / str(i), {COM: text}):
            assert diagnostic.hint or diagnostic.severity is Severity.WARNING, diagnostic


def test_a_target_that_is_misspelled_gets_a_suggestion(tmp_path: Path) -> None:
    diagnostics = validate(tmp_path, {COM: "mailboxes: {alice: {}}\naliases: {info: [alise], x: [qqqq]}"})
    assert [d.hint for d in diagnostics] == [
        "did you mean alice?",
        "declare qqqq under `mailboxes` or `aliases`, or remove the target",
    ]


def test_two_files_for_one_domain_are_both_reported(tmp_path: Path) -> None:
    diagnostics = validate(tmp_path, {COM: "", "domains/old/example.com.yaml": "aliases: {a: [b]}"})
    assert places(diagnostics) == ["example.com.yaml:3:9 error NAM004", "old/example.com.yaml:3:9 error NAM004"]
    assert "this one and domains/old/example.com.yaml" in diagnostics[0].message
    assert "this one and domains/example.com.yaml" in diagnostics[1].message


def test_a_conflicting_domain_alias_is_reported_with_the_other_location(
    tmp_path: Path,
) -> None:
    files = {COM: "domainAliases: [example.net, example.org]", NET: "domainAliases: [EXAMPLE.org]"}
    diagnostics = validate(tmp_path, files)
    assert places(diagnostics) == [
        "example.com.yaml:4:17 error NAM007",
        "example.com.yaml:4:30 error NAM008",
        "example.net.yaml:4:17 error NAM008",
    ]
    assert "(domains/example.net.yaml)" in diagnostics[0].message
    assert "example.net has it too (domains/example.net.yaml:4:17)" in diagnostics[1].message
    assert "example.com has it too (domains/example.com.yaml:4:30)" in diagnostics[2].message


def test_a_mail_loop_through_two_domains_and_a_domain_alias_is_reported_in_both_files(tmp_path: Path) -> None:
    files = {
        COM: "mailboxes: {m: {forwarding: {to: [x@example.org]}}}\naliases: {}",
        NET: "mailboxes: {}\naliases: {x: [y], y: [m@example.com]}\ndomainAliases: [example.org]",
    }
    diagnostics = validate(tmp_path, files)
    assert places(diagnostics) == ["example.com.yaml:4:35 error REF004", "example.net.yaml:5:15 error REF004"]
    assert "m@example.com → x@example.net → y@example.net → m@example.com" in diagnostics[0].message
    assert "x@example.net → y@example.net → m@example.com → x@example.net" in diagnostics[1].message


def test_a_mail_loop_of_a_thousand_aliases_is_shown_with_a_gap(tmp_path: Path) -> None:
    rows = ", ".join(f"a{i:04}: [a{(i + 1) % 1000:04}]" for i in range(1000))
    diagnostics = validate(tmp_path, {COM: f"mailboxes: {{}}\naliases: {{{rows}}}"})
    assert len(diagnostics) == 1
    assert "a0019@example.com → (961 more) → a0981@example.com" in diagnostics[0].message


def test_with_several_servers_a_domain_must_name_one(tmp_path: Path) -> None:
    one = "url: https://m.example.net, username: admin, password: {env: P}"
    files = {"reconciler.yaml": f"servers: {{m1: {{{one}}}, m2: {{{one}}}}}\n", COM: "", NET: "server: m2"}
    diagnostics = validate(tmp_path, files)
    assert places(diagnostics) == ["example.com.yaml:3:9 error REF002"]
    assert diagnostics[0].hint == "add `server:` with one of m1, m2"


def test_an_ignored_resource_cannot_be_declared(tmp_path: Path) -> None:
    policy = SERVERS + "policy: {ignore: {mailboxes: [SVC-*], aliases: [x]}}\n"
    diagnostics = validate(tmp_path, {"reconciler.yaml": policy, COM: "mailboxes: {svc-1: {}, x: {}}"})
    assert places(diagnostics) == ["example.com.yaml:4:13 error REF006"]


@pytest.mark.parametrize(
    ("verdict", "expected"), [("deny", ["4:35 GRD007", "5:21 GRD007"]), ("warn", []), ("allow", [])]
)
def test_external_targets_are_reported_if_the_policy_denies_new_ones(
    tmp_path: Path, verdict: str, expected: list[str]
) -> None:
    files = {
        "reconciler.yaml": SERVERS + f"policy: {{externalForwarding: {verdict}}}\n",
        COM: "mailboxes: {m: {forwarding: {to: [a@out.example]}}}\naliases: {x: [m], y: [b@out.example, z@example.net, m@example.org]}",
        NET: "mailboxes: {z: {}}\naliases: {}",
        "domains/example.edu.yaml": "domainAliases: [example.org]\nmailboxes: {m: {}}\naliases: {}",
    }
    diagnostics = validate(tmp_path, files)
    assert [f"{d.span.line}:{d.span.column} {d.code}" for d in diagnostics if d.span] == [
        row.replace("5:21", "5:23") for row in expected
    ]
    assert not has_errors(diagnostics), "an offline check cannot know whether a target is new"


LIMITS = [
    ("limits: {domainAliases: 1}", "domainAliases: [a.example, b.example]", ["LIM003"]),
    ("limits: {domainAliases: 0}", "domainAliases: [a.example]", ["LIM003"]),
    ("limits: {domainAliases: 2}", "domainAliases: [a.example, b.example]", []),
    ("limits: {domainSize: 10 GiB}", "mailboxes: {a: {quota: 6 GiB}, b: {quota: 5 GiB}}", ["LIM005"]),
    ("limits: {domainSize: 10 GiB}", "mailboxes: {a: {quota: 6 GiB}, b: {quota: unlimited}, c: {}}", []),
    ("limits: {domainSize: unlimited}", "mailboxes: {a: {quota: 6 TiB}}", []),
    ("limits: {easAccounts: 1}", "mailboxes: {a: {eas: true}, b: {eas: true}, c: {eas: false}}", ["LIM006"]),
    ("limits: {mapiAccounts: 1}", "mailboxes: {a: {mapi: true}, b: {mapi: true}, c: {eas: true}}", ["LIM007"]),
    ("limits: {easAccounts: 2}", "mailboxes: {a: {eas: true}, b: {eas: true}}", []),
]


@pytest.mark.parametrize(("product", "text", "expected"), LIMITS)
def test_each_exceeded_limit_of_a_product_is_reported_once(
    tmp_path: Path, product: str, text: str, expected: list[str]
) -> None:
    diagnostics = validate(tmp_path, {"products/p.yaml": product, COM: f"product: p\n{text}"})
    assert [d.code for d in diagnostics] == expected
    assert all(d.severity is Severity.ERROR and d.span and d.span.file == COM for d in diagnostics)


@pytest.mark.parametrize("activation", ["eas", "mapi"])
def test_an_activation_that_is_not_offered_is_a_fault_only_for_customers_once_per_mailbox(
    tmp_path: Path, activation: str
) -> None:
    for role, expected in (("customer", ["5:16", "5:32"]), ("admin", [])):
        servers = SERVERS.replace("username", f"role: {role}, username")
        files = {
            "reconciler.yaml": servers,
            "products/p.yaml": f"offer: {{{activation}: false}}",
            COM: f"product: p\nmailboxes: {{a: {{{activation}: true}}, b: {{{activation}: true}}, c: {{{activation}: false}}}}",
        }
        diagnostics = validate(tmp_path / role, files)
        assert {d.code for d in diagnostics} <= {"LIM006" if activation == "eas" else "LIM007"}
        assert len(diagnostics) == len(expected)
        assert [d.span.line for d in diagnostics if d.span] == [5] * len(expected)


def test_the_check_of_offers_does_not_depend_on_the_schema(tmp_path: Path) -> None:
    file = domain_file("mailboxes: {a: {eas: true}}", product=Product(name="p", offer=Offer(eas=False)))
    assert [d.code for d in check_limits(file)] == ["LIM006"]


POLICY = "passwordPolicy: {minLength: 10}\n"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("Short1!", "it has fewer than 10 characters"),
        ("longenough1!", "it has no upper-case letter"),
        ("Alice-is-in-it-1", "it contains the mailbox's name"),
        ("For-Example.COM-1", "it contains the domain"),
    ],
)
def test_an_available_password_is_checked_against_the_policy_and_never_shown(
    tmp_path: Path, value: str, says: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{value}\n")
    secret.chmod(0o600)
    for ref in ("{env: PW}", "{file: secret}"):
        files = {"products/p.yaml": POLICY, COM: f"product: p\nmailboxes: {{alice: {{password: {ref}}}}}"}
        diagnostics = validate(tmp_path, files, {"PW": value})
        assert places(diagnostics) == ["example.com.yaml:5:31 error SEC003"]
        assert says in diagnostics[0].message
        assert value.lower() not in str(diagnostics).lower().replace("env:pw", "")


def test_a_password_that_is_unavailable_offline_is_not_an_error(tmp_path: Path) -> None:
    rows = "a: {password: {env: NOT_SET}}, b: {password: {file: not-here}}, c: {password: {generate: true}}"
    rows += ", d: {password: {command: [touch, ran]}}, e: {password: {vault: {path: secret/e, field: x}}}"
    rows += ", f: {password: {keyring: {service: s, username: f}}}, g: {password: {sops: {file: s.yaml, key: g}}}"
    files = {"products/p.yaml": POLICY, COM: f"product: p\nmailboxes: {{{rows}}}"}
    files["reconciler.yaml"] = SERVERS + "secrets: {commands: true}\n"
    diagnostics = validate(tmp_path, files)
    assert places(diagnostics) == ["example.com.yaml:5:58 info SEC002", "example.com.yaml:5:269 info SEC002"]
    assert not (tmp_path / "ran").exists()


def test_a_secret_file_that_other_users_can_read_is_an_error_for_mailboxes_and_servers(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("Long-enough-123")
    (tmp_path / "secret").chmod(0o644)
    servers = SERVERS.replace("{env: SMARTERMAIL_PASSWORD}", "{file: secret}")
    diagnostics = validate(tmp_path, {"reconciler.yaml": servers, COM: "mailboxes: {a: {password: {file: secret}}}"})
    assert places(diagnostics) == ["example.com.yaml:4:27 error SEC004", "reconciler.yaml:3:11 error SEC004"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://mail.example.net/prefix", []),
        ("http://127.0.0.1:8080", []),
        ("http://localhost:8080", []),
        ("http://[::1]:8080", []),
        ("http://mail.example.net", ["WSP003"]),
        ("http://127.0.0.1.example.net", ["WSP003"]),
        ("https://admin:hunter2@mail.example.net", ["SEC001"]),
        ("http://admin:hunter2@mail.example.net", ["SEC001", "WSP003"]),
        ("https://mail.example.net/?x=hunter2", ["WSP003"]),
        ("https://mail.example.net:99999", ["WSP003"]),
    ],
)
def test_the_url_of_a_server_must_be_encrypted_and_contain_no_credentials(
    tmp_path: Path, url: str, expected: list[str]
) -> None:
    servers = f'servers:\n  mail1:\n    url: "{url}"\n    username: admin\n    password: {{env: P}}\n'
    diagnostics = validate(tmp_path, {"reconciler.yaml": servers})
    codes = [d.code for d in diagnostics]
    # The schema may reject the form of a URL before this check.
    assert codes == expected or (expected and codes == ["SCH001"])
    assert all(str(d.span) == "reconciler.yaml:5:10" for d in diagnostics)
    assert "hunter2" not in str(diagnostics)


# Graphs.


def test_cycles_of_a_hundred_thousand_names_are_found() -> None:
    size = 100_000
    edges = {str(i): [str(i + 1)] for i in range(size)} | {str(size): ["5"]}
    (members,) = cycles(edges)
    assert len(members) == size - 4
    assert len(shortest_cycle(edges, members, "5")) == size - 4


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3), max_size=6))
@settings(max_examples=200, deadline=None)
def test_a_name_is_in_a_cycle_exactly_if_it_reaches_itself_and_its_shortest_cycle_is_a_path(
    edges: dict[str, list[str]],
) -> None:
    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for following in edges.get(waiting.pop(), ()):
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)
        return seen

    found = cycles(edges)
    assert {name for members in found for name in members} == {name for name in "abcdef" if name in reach(name)}
    for members in found:
        for name in members:
            path = shortest_cycle(edges, members, name)
            assert path[0] == name
            assert len(set(path)) == len(path)
            assert all(after in edges[before] for before, after in zip(path, (*path[1:], name), strict=True))
            assert set(path) <= set(members)


# Property tests, and large workspaces.


def domain_file(text: str, *, domain: str = "example.com", product: Product | None = None) -> DomainFile:
    body = f"apiVersion: reconciler/v1\nkind: Domain\ndomain: {domain}\n{text}"
    document, diagnostics = load_text(body.encode(), f"domains/{domain}.yaml")
    assert document is not None, diagnostics
    desired, _ = decode_domain(document)
    return DomainFile(
        file=document.file,
        stem=domain,
        domain=domain,
        document=document,
        desired=desired,
        product=product,
        role="customer",
    )


def check_all(files: list[DomainFile], policy: Policy) -> list[Diagnostic]:
    all_domains = directory(files)
    store = SecretStore(Path("/nonexistent"), environ={"PW": "short"})
    found: list[Diagnostic] = []
    for file in files:
        found += check_server(file, Workspace(servers={}, policy=policy))
        found += check_names(file, policy)
        found += check_limits(file)
        found += check_targets(file, all_domains, policy)
        found += check_passwords(file, store, Path(), SecretSettings(commands=True))
    return [*found, *check_domains(files), *check_loops(all_domains)]


NAME = st.sampled_from(["a", "B", "b", "a b", "no", "x@y", "", "ü", "svc-1", "a.b"])
TARGET = st.sampled_from(["a", "b", "A@example.com", "b@example.net", "a@example.org", "x@out.example", "@", "a b", ""])
TARGETS = st.lists(TARGET, max_size=4)
HOSTS = st.lists(st.sampled_from(["example.com", "example.net", "example.org", "EXAMPLE.org", "bad", ""]), max_size=3)
REMOVED = st.one_of(
    st.lists(
        st.one_of(NAME, st.dictionaries(NAME, st.just({"purgeAfter": "2026-02-30"}), min_size=1, max_size=1)),
        max_size=3,
    ),
    st.dictionaries(NAME, st.sampled_from([None, {}, {"purgeAfter": "2026-12-31"}]), max_size=2),
)
BODY: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "product": st.just("p"),
        "server": st.just("mail1"),
        "mailboxes": st.dictionaries(
            NAME,
            st.none()
            | st.fixed_dictionaries(
                {},
                optional={
                    "quota": st.sampled_from(["unlimited", 1, "3 GiB"]),
                    "forwarding": st.fixed_dictionaries({}, optional={"to": TARGETS, "keepCopy": st.booleans()}),
                    "eas": st.booleans(),
                    "mapi": st.booleans(),
                    "password": st.sampled_from([{"env": "PW"}, {"file": "x"}, {"generate": True}]),
                },
            ),
            max_size=4,
        ),
        "aliases": st.dictionaries(
            NAME,
            TARGETS | st.fixed_dictionaries({}, optional={"to": TARGETS, "hideFromGal": st.booleans()}),
            max_size=4,
        ),
        "domainAliases": HOSTS,
        "removed": st.fixed_dictionaries({}, optional={"mailboxes": REMOVED, "aliases": REMOVED}),
        "renamed": st.fixed_dictionaries({}, optional={"mailboxes": st.dictionaries(NAME, NAME, max_size=3)}),
    },
)


@given(bodies=st.lists(BODY, min_size=1, max_size=3), deny=st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_schema_valid_document_makes_a_check_raise_and_all_locations_are_in_the_file(
    bodies: list[dict[str, Any]], deny: bool
) -> None:
    product = Product(
        name="p", limits=Limits(domain_aliases=1, domain_size=1 << 30, eas_accounts=1), offer=Offer(eas=False)
    )
    files: list[DomainFile] = []
    for domain, body in zip(["example.com", "example.net", "example.com"], bodies, strict=False):
        text = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in body.items())
        files.append(domain_file(text, domain=domain, product=product))
    policy = Policy(external_forwarding="deny" if deny else "warn", ignore={"mailbox": ("svc-*",)})
    found = check_all(files, policy)
    assert sort_diagnostics(found) == sort_diagnostics(check_all(files, policy))
    for diagnostic in found:
        assert diagnostic.span is not None
        text = next(f.document.text for f in files if f.document and f.document.file == diagnostic.span.file)
        assert 1 <= diagnostic.span.line <= text.count("\n") + 1 or len(files) == 3


def diagnostics_of(files: list[tuple[str, str]]) -> list[Diagnostic]:
    """The diagnostics of all checks of these domains and texts."""
    decoded = []
    for domain, text in files:
        document, _ = load_text(f"apiVersion: reconciler/v1\nkind: Domain\ndomain: {domain}\n{text}".encode(), domain)
        assert document is not None
        desired, _ = decode_domain(document)
        decoded.append(DomainFile(file=domain, stem=domain, domain=domain, document=document, desired=desired))
    return check_all(decoded, Policy(external_forwarding="deny"))


def mailboxes(count: int) -> str:
    """Mailboxes of which every tenth forwards to an alias with two targets."""
    lines = ["mailboxes:\n"]
    for i in range(count):
        forwarding = f", forwarding: {{to: [group{i}]}}" if i % 10 == 0 else ""
        lines.append(f"  user{i}: {{displayName: User {i}, quota: 5 GiB{forwarding}}}\n")
    lines.append("aliases:\n")
    lines += [f"  group{i}: [user{i + 1}, user{i + 2}]\n" for i in range(0, count, 10)]
    return "".join(lines)


def test_ten_thousand_mailboxes_and_a_thousand_domains_have_no_false_faults() -> None:
    # The limit of time of every test finds a check whose duration grows with the square of the names.
    for files in ([("example.com", mailboxes(10_000))], [(f"d{i}.example", mailboxes(10)) for i in range(1000)]):
        assert {d.code for d in diagnostics_of(files)} == {"REF002"}
