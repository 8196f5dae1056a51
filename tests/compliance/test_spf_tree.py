"""The tree of an SPF record, and the cost of each term."""

from reconciler.core.findings import SpfTerm, SpfTree


def shape(tree: SpfTree):
    """`[text, lookups, total, child]` for each term."""
    return [[t.text, t.lookups, t.total, shape(t.child) if t.child else None] for t in tree.terms]


def texts(tree: SpfTree, attribute: str) -> dict[str, object]:
    found = {t.text: getattr(t, attribute) for t in tree.terms if getattr(t, attribute)}
    for term in tree.terms:
        found |= texts(term.child, attribute) if term.child else {}
    return found


def tree_of(finding, *lines) -> SpfTree:
    found = finding("spf", lines, spf_senders=())
    assert found.tree is not None
    return found.tree


def test_each_term_has_its_lookups_and_the_running_total(finding):
    tree = tree_of(
        finding,
        "example.com TXT v=spf1 mx include:a.example.org ip4:192.0.2.4 redirect=c.example.org",
        "example.com MX 10 mail1.example.net.",
        "mail1.example.net A 192.0.2.4",
        "a.example.org TXT v=spf1 a:x.example.org include:b.example.org -all",
        "b.example.org TXT v=spf1 ip4:192.0.2.8 -all",
        "c.example.org TXT v=spf1 ~all",
        "x.example.org A 192.0.2.7",
    )
    assert tree.lookups == 5
    assert shape(tree) == [
        ["mx", 1, 1, None],
        [
            "include:a.example.org",
            3,
            4,
            [
                ["a:x.example.org", 1, 3, None],
                ["include:b.example.org", 1, 4, [["ip4:192.0.2.8", 0, 4, None], ["-all", 0, 4, None]]],
                ["-all", 0, 4, None],
            ],
        ],
        ["ip4:192.0.2.4", 0, 4, None],
        ["redirect=c.example.org", 1, 5, [["~all", 0, 5, None]]],
    ]
    child = tree.terms[1].child
    assert child is not None
    assert (child.domain, child.record, child.lookups) == (
        "a.example.org",
        "v=spf1 a:x.example.org include:b.example.org -all",
        2,
    )


def test_terms_contain_their_faults(finding):
    tree = tree_of(
        finding,
        "example.com TXT v=spf1 a:gone.example.org include:none.example.org include:slow.example.org ip4:x exists:%{i}.e.org"
        " ~all mx",
        "none.example.org A 192.0.2.1",
        "slow.example.org TXT !temporary",
    )
    assert texts(tree, "void") == {"a:gone.example.org": True, "include:none.example.org": True}
    assert set(texts(tree, "fault")) == {"include:none.example.org", "ip4:x"}
    assert "SERVFAIL" in str(texts(tree, "unknown")["include:slow.example.org"])
    assert "depends on the mail" in str(texts(tree, "unknown")["exists:%{i}.e.org"])
    assert texts(tree, "ignored") == {"mx": True}


def test_beyond_the_limit_known_records_are_counted_and_nothing_is_asked(finding, fake):
    lines = ["b.example.org TXT v=spf1 a:x1.example.org a:x2.example.org a:x3.example.org a:x4.example.org -all"]
    lines += [f"x{n}.example.org A 192.0.2.{n}" for n in range(1, 5)]
    dns = fake(
        "example.com TXT v=spf1 " + "include:b.example.org " * 11 + "include:never.example.org ~all",
        *lines,
        "never.example.org TXT v=spf1 -all",
    )
    found = finding("spf", dns, spf_primary=None, spf_secondary=())
    assert found.tree is not None
    assert found.tree.lookups == 56
    assert [term.total for term in found.tree.terms] == [*range(5, 56, 5), 56, 56]
    assert found.code == "SPF_LOOKUPS"
    assert "never.example.org" not in {name for name, _ in dns.asked}
    assert "beyond the limit" in found.tree.terms[11].unknown


def test_a_tree_of_records_that_include_each_other_ends(finding, fake):
    maze = " ".join(f"include:m{k}.example.org" for k in range(1, 9))
    lines = [f"m{n}.example.org TXT v=spf1 {maze.replace(f'include:m{n}.example.org', '')} -all" for n in range(1, 9)]
    found = finding("spf", fake(f"example.com TXT v=spf1 {maze} -all", *lines))
    assert found.tree is not None
    assert 10 < found.tree.lookups <= 60


def test_a_record_of_thousands_of_terms_is_shown_in_part():
    from reconciler.compliance.records.spf import parse_spf
    from reconciler.compliance.records.spf_tree import build_tree

    record = parse_spf("v=spf1 " + " ".join(f"ip4:10.0.{n >> 8}.{n & 255}" for n in range(3000)) + " -all")
    tree = build_tree("example.com", record, lambda name, rtype: None).drawn()
    assert (len(tree.terms), tree.omitted) == (100, 2901)
    assert tree.terms[0] == SpfTerm(text="ip4:10.0.0.0")


def test_without_exactly_one_record_there_is_no_tree(finding):
    assert finding("spf", ("example.com A 192.0.2.1",)).tree is None
    two = ("example.com TXT v=spf1 ~all", "example.com TXT v=spf1 -all")
    assert finding("spf", two).tree is None
