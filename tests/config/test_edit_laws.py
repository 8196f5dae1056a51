"""The law of editing: random handwritten files have exactly the intended value after random edits.

Lines that no edit concerns are unchanged, byte for byte and in order.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from reconciler.config.edit.domain_file import (
    AddResource,
    AddSection,
    DropField,
    DropRemoval,
    DropResource,
    Edit,
    SetField,
    edit_domain,
    read_domain_text,
)
from reconciler.core.kinds import BY_NAME
from reconciler.core.model import UNSET, Alias, DesiredDomain, DomainAlias, KindName, Mailbox, Removal
from reconciler.core.secret import SecretRef

NAMES = ("alice", "bob", "007", "no", "22:30", "null", "1e3", "x.y", "o'neil", "#c")
TARGETS = ("alice@example.com", "no@example.com", "x@else.example", "z@xn--mnchen-3ya.example")
SISTERS = ("a.example", "b.example", "xn--mnchen-3ya.example")
TEXTS = ("", "Alice", "a: b # c", "null", 'Zoë \\ "Müller"', "tab\u2003wide", "- x", "it's")
KINDS: tuple[KindName, ...] = ("mailbox", "alias")


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(UNSET), values)


values: dict[str, st.SearchStrategy[Any]] = {
    "displayName": st.sampled_from(TEXTS),
    "quota": st.sampled_from([0, 1, 1 << 20, 5 << 30]),
    "to": st.lists(st.sampled_from(TARGETS), unique=True).map(lambda t: tuple(sorted(t))),
}
values["forwarding.to"] = values["to"]


def value_of(name: str) -> st.SearchStrategy[Any]:
    return values.get(name, st.booleans())


def fields_of(kind: KindName) -> st.SearchStrategy[dict[str, Any]]:
    specs = BY_NAME[kind].fields
    return st.tuples(*(maybe(value_of(s.name)) for s in specs)).map(
        lambda drawn: {s.attribute: v for s, v in zip(specs, drawn, strict=True)}
    )


mailboxes = st.builds(
    lambda fields, password, protect: {**fields, "password": password, "protect": protect},
    fields_of("mailbox"),
    maybe(st.just(SecretRef("env", "PW", version=2))),
    st.booleans(),
)


@dataclass
class Pen:
    """Writes a file in a random style, and records the resource or field of each line."""

    draw: Any
    step: int
    lines: list[tuple[tuple[str, ...], str]] = field(default_factory=list)

    def chance(self, of: int) -> bool:
        return bool(self.draw(st.integers(0, of - 1)) == 0)

    def noise(self, indent: int, inside: tuple[str, ...] = ()) -> None:
        """Comments and empty lines. Only an edit that drops their surroundings may change them."""
        if self.chance(3):
            text = self.draw(st.sampled_from([" " * indent + "# note: {a: [b", "", "# at the margin", "  "]))
            self.lines.append(((*inside, "#") if inside else (), text))

    def tail(self) -> str:
        return self.draw(st.sampled_from(["", "", "  # why: [x", " #"]))  # type: ignore[no-any-return]

    def text(self, text: str) -> str:
        quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        styles = [quoted, "'" + text.replace("'", "''") + "'"]
        plain = text and all(c.isalnum() or c in ".@" for c in text) and text not in ("null", "007", "1e3", "no")
        return str(self.draw(st.sampled_from([*styles, text] if plain else styles)))

    def flow(self, tree: Any) -> str:
        space = self.draw(st.sampled_from(["", " "]))
        if isinstance(tree, dict):
            return "{" + space + ", ".join(f"{self.text(k)}: {self.flow(v)}" for k, v in tree.items()) + space + "}"
        if isinstance(tree, list):
            end = self.draw(st.sampled_from(["", ","])) if tree else ""
            return "[" + space + ("," + space).join(self.flow(v) for v in tree) + end + space + "]"
        return str(tree) if isinstance(tree, Raw) else self.text(tree)

    def entry(self, about: tuple[str, ...], key: str, tree: Any, indent: int) -> None:
        """One key with its value, in a random valid form."""
        self.noise(indent, about[:-1])
        head = " " * indent + self.text(key) + ":"
        if isinstance(tree, dict) and tree and not self.chance(4):
            self.lines.append(((*about, "{}"), head + self.tail()))
            for name, value in tree.items():
                self.entry((*about, name), name, value, indent + self.step)
        elif isinstance(tree, list) and tree and self.chance(2):
            self.lines.append(((*about, "{}"), head + self.tail()))
            inner = indent + self.draw(st.sampled_from([0, self.step])) if about else self.step
            for item in tree:
                self.noise(inner, about)
                self.lines.append(((*about, f"- {item}"), " " * inner + "- " + self.flow(item) + self.tail()))
        elif tree == {} and about[0] == "mailbox" and len(about) == 2 and self.chance(2):
            self.lines.append((about, head + self.tail()))
        else:
            self.lines.append((about, f"{head} {self.flow(tree)}" + self.tail()))


class Raw(str):
    """A text that is written without quotes."""


def local(target: str) -> str:
    return target.removesuffix("@example.com")


def tree_of(resource: Any, kind: KindName, pen: Pen) -> Any:
    tree: dict[str, Any] = {}
    for spec in BY_NAME[kind].fields:
        value = getattr(resource, spec.attribute)
        if value is UNSET:
            continue
        if isinstance(value, bool):
            value = Raw(str(value).lower())
        elif isinstance(value, int):
            value = Raw(str(value) if value else "unlimited")
        elif isinstance(value, tuple):
            value = [local(t) for t in reversed(value)]
        outer, _, inner = spec.name.partition(".")
        if inner:
            tree.setdefault(outer, {})[inner] = value
        else:
            tree[outer] = value
    if kind == "alias" and tree.keys() == {"to"} and pen.chance(2):
        return tree["to"]
    if kind == "mailbox" and resource.password is not UNSET:
        tree["password"] = Raw("{env: PW, version: 2}")
    if kind == "mailbox" and resource.protect:
        tree["protect"] = Raw("true")
    return dict(pen.draw(st.permutations(list(tree.items()))))


@st.composite
def files(draw: Any) -> tuple[DesiredDomain, Pen, str]:
    """A value, the pen that wrote it, and its text."""
    what = {n: draw(st.sampled_from(["mailbox", "alias", "removed", ""])) for n in NAMES}
    sections = {kind: draw(st.integers(0, 4)) > 0 for kind in ("mailbox", "alias", "domainAlias")}
    wanted = DesiredDomain(
        domain="example.com",
        server="",
        mailboxes={n: Mailbox(name=n, **draw(mailboxes)) for n, k in what.items() if k == "mailbox"}
        if sections["mailbox"]
        else UNSET,
        aliases={n: Alias(name=n, **draw(fields_of("alias"))) for n, k in what.items() if k == "alias"}
        if sections["alias"]
        else UNSET,
        domain_aliases={n: DomainAlias(name=n) for n in draw(st.sets(st.sampled_from(SISTERS)))}
        if sections["domainAlias"]
        else UNSET,
        removed=tuple(
            sorted((Removal(kind="mailbox", name=n) for n, k in what.items() if k == "removed"), key=lambda r: r.name)
        ),
    )
    pen = Pen(draw, draw(st.sampled_from([1, 2, 4])))
    if draw(st.booleans()):
        pen.lines.append(((), "---"))
    pen.noise(0)
    for head in ("apiVersion: reconciler/v1", "kind: Domain", "domain: Example.com"):
        pen.lines.append(((), head + pen.tail()))
    for kind in KINDS:
        rows = wanted.section(kind)
        if rows is not UNSET:
            pen.entry((kind,), BY_NAME[kind].section, {n: tree_of(r, kind, pen) for n, r in rows.items()}, 0)  # type: ignore[union-attr]
    if wanted.domain_aliases is not UNSET:
        pen.entry(("domainAlias",), "domainAliases", list(wanted.domain_aliases), 0)
    if wanted.removed:
        pen.entry(("removed",), "removed", {"mailboxes": [r.name for r in wanted.removed]}, 0)
    pen.noise(0)
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    text = newline.join(line for _, line in pen.lines) + draw(st.sampled_from(["", newline]))
    return wanted, pen, text


@st.composite
def edits_of(draw: Any, wanted: DesiredDomain) -> tuple[DesiredDomain, list[Edit], set[tuple[str, ...]]]:
    """The intended value, the edits that produce it, and the resources and fields that they concern."""
    edits: list[Edit] = []
    about: set[tuple[str, ...]] = set()
    sections: dict[KindName, str] = {"mailbox": "mailboxes", "alias": "aliases", "domainAlias": "domain_aliases"}
    for kind, attribute in sections.items():
        rows: Any = wanted.section(kind)
        if rows is UNSET:
            if draw(st.integers(0, 5)):
                continue
            edits.append(AddSection(kind))
            rows = {}
        after = dict(rows)
        for name in rows:
            what = draw(st.sampled_from(["keep", "keep", "drop", "set", "unset"]))
            if what == "drop":
                del after[name]
                edits.append(DropResource(kind=kind, name=name))
                about.add((kind, name))
            elif what != "keep" and kind != "domainAlias":
                spec = draw(st.sampled_from(BY_NAME[kind].fields))
                value = draw(value_of(spec.name)) if what == "set" else UNSET
                after[name] = replace(after[name], **{spec.attribute: value})
                about.add((kind, name, *spec.name.split(".")))
                edits.append(
                    SetField(kind=kind, name=name, field=spec.name, value=value)
                    if what == "set"
                    else DropField(kind=kind, name=name, field=spec.name)
                )
        free = [n for n in ("fresh", "yes", "8") if n not in after] if kind != "domainAlias" else ["c.example"]
        for name in draw(st.lists(st.sampled_from(free), unique=True, max_size=2)):
            if kind == "domainAlias":
                made: Any = DomainAlias(name=name)
            else:
                made = (
                    Mailbox(name=name, **draw(mailboxes))
                    if kind == "mailbox"
                    else Alias(name=name, **draw(fields_of("alias")))
                )
            after[name] = made
            edits.append(AddResource(made))
        wanted = replace(wanted, **{attribute: after})  # type: ignore[arg-type]
    gone = [r for r in wanted.removed if draw(st.booleans())]
    edits += [DropRemoval(kind=r.kind, name=r.name) for r in gone]
    wanted = replace(wanted, removed=tuple(r for r in wanted.removed if r not in gone))
    return wanted, draw(st.permutations(edits)), about | {("removed", r.name) for r in gone}


def concerned(owner: tuple[str, ...], line: str, edits: list[Edit], about: set[tuple[str, ...]]) -> bool:
    """Whether an edit may change a line: it concerns the line's field, a part of it, or its container."""
    if not owner:
        return False
    if owner[0] == "removed":
        return any(a[0] == "removed" for a in about)
    if owner[-1] == "#":
        inside = owner[:-1]
        around = [a for a in about if a == inside[: len(a)] or a[: len(inside)] == inside]
        return any(len(a) <= len(inside) or "forwarding" in inside or inside[0] in ("alias", "removed") for a in around)
    kinds = {e.kind for e in edits if isinstance(e, AddSection | DropResource)} | {
        "mailbox" if isinstance(e.resource, Mailbox) else "alias" if isinstance(e.resource, Alias) else "domainAlias"
        for e in edits
        if isinstance(e, AddResource)
    }
    plain = tuple(part for part in owner if part != "{}" and not part.startswith("- "))
    if owner[0] == "domainAlias":
        return "domainAlias" in kinds
    if (
        len(plain) == 1
    ):  # the line of a section changes if the section is on one line, becomes empty, or stops being empty
        return (owner[-1] != "{}" and bool(about or kinds)) or owner[0] in kinds
    return any(
        a[: len(plain)] == plain or plain[: len(a)] == a or (a[:2] == plain[:2] and len(plain) == 2) for a in about
    )


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_an_edited_file_has_the_intended_value_and_keeps_all_unrelated_lines(
    data: st.DataObject,
) -> None:
    before, pen, text = data.draw(files())
    assert read_domain_text(text) == before
    wanted, edits, about = data.draw(edits_of(before))
    result = edit_domain(text, edits)
    assert read_domain_text(result) == wanted
    if wanted == before:
        assert result == text
    left = iter(result.split("\n"))
    lines = text.split("\n")
    for number, (owner, line) in enumerate(pen.lines):
        if not concerned(owner, line, edits, about) and (number + 1 < len(pen.lines) or text.endswith("\n")):
            assert lines[number] in left, (line, result)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_another_yaml_reader_sees_the_same_value_in_an_edited_file(data: st.DataObject) -> None:
    before, _, text = data.draw(files())
    wanted, edits, _ = data.draw(edits_of(before))
    reader = YAML(typ="safe", pure=True)
    reader.allow_duplicate_keys = True  # ruamel reads `007` and `7` as one number
    seen = reader.load(edit_domain(text, edits))
    aliases = {} if wanted.aliases is UNSET else wanted.aliases
    assert len(seen.get("aliases") or {}) == len(aliases)
    assert sorted(seen.get("domainAliases") or ()) == sorted(
        {"xn--mnchen-3ya.example": "münchen.example"}.get(n, n) if n not in text else n
        for n in (wanted.domain_aliases or ())
    )
