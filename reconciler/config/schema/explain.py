"""Explains why a schema rejects a document, with locations. Imported only after a document was rejected."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler.config.document.builder import NodePath, shown
from reconciler.config.document.loader import Document
from reconciler.config.schema.compiled import Validator
from reconciler.config.schema.faults import Fault, find_faults
from reconciler.config.schema.words import (
    NAMES,
    NEEDED,
    NULL_ITEM,
    bad_name,
    did_you_mean,
    expected,
    expected_types,
    found,
    hint_for,
    name_of,
    plain_or_shown,
    types_of,
)
from reconciler.core.diagnostics import Diagnostic, error, sort_diagnostics
from reconciler.core.product import Product
from reconciler.core.quantities import UNLIMITED, format_size, parse_size
from reconciler.core.source import Span

_SECRETS: Final = ("secret reference", "credential reference")
_PARTS: Final = ("sops reference", "vault reference", "keyring reference")
_NEVER_SHOWN: Final = frozenset(
    {*_SECRETS, *_PARTS, "environment variable", "path", "word", "command", "server address", "age recipient"}
    | {"key in a file", "vault path"}
)
_SCALARS: Final = frozenset({"string", "integer", "number", "boolean"})
_SOURCES: Final = ("env", "file", "command", "sops", "vault", "keyring", "generate")
_SOURCE_HINT: Final = "name a source of the secret: {env: NAME}, {file: path}, {vault: {path: …, field: …}} or another"
_PRIVATE_KEY: Final = "AGE-SECRET-KEY-"
_FOLDERS: Final = {"Workspace": "reconciler.yaml", "Product": "products/", "Domain": "domains/"}
_COUNTED: Final[dict[tuple[NodePath, str], tuple[str, str]]] = {
    # path and keyword -> code, word for people
    (("mailboxes",), "maxProperties"): ("LIM001", "mailboxes"),
    (("aliases",), "maxProperties"): ("LIM002", "aliases"),
    (("domainAliases",), "maxItems"): ("LIM003", "domain aliases"),
}
_ACTIVATIONS: Final = {"eas": "LIM006", "mapi": "LIM007"}


def explain(document: Document, against: Validator) -> tuple[Diagnostic, ...]:
    """All faults that jsonschema finds, in the order of the file; empty if it finds none."""
    body = document.value
    if not isinstance(body, dict):
        text = f"the file should be a mapping with apiVersion and kind, but is {found(body, echo=False)}"
        return (error("SCH001", text, document.span(())),)
    # This comes first: the schema of one kind would report every key of another kind as unknown.
    other_kind = _other_kind(document, body, against)
    if other_kind:
        return (other_kind,)
    explaining = _Explaining(document, against)
    for fault in find_faults(against.schema, body):
        explaining.add(fault)
    return sort_diagnostics(explaining.diagnostics)


def _other_kind(document: Document, body: Mapping[str, Any], against: Validator) -> Diagnostic | None:
    """SCH004 for a file of another kind. It is in the wrong folder, so all its other faults would mislead."""
    kind = body.get("kind")
    required = against.schema["properties"].get("kind", {}).get("const")
    if not isinstance(kind, str) or kind == required or kind not in _FOLDERS or required not in _FOLDERS:
        return None
    text = f"this file has kind {kind}, but a file here needs kind {required}"
    hint = f"move it: a {kind} belongs in {_FOLDERS[kind]}, a {required} in {_FOLDERS[required]}"
    return error("SCH004", text, document.span(("kind",)), hint=hint)


class _Explaining:
    """One document while its faults are explained."""

    def __init__(self, document: Document, against: Validator) -> None:
        self.document = document
        self.against = against
        self.diagnostics: list[Diagnostic] = []
        self._reported: set[tuple[NodePath, bool]] = set()

    def add(self, fault: Fault) -> None:
        """Explains one fault; only the first one of each value, because the others usually follow from it."""
        match fault.keyword:
            # These two report several keys, each with its own location, so they are not limited to one per value.
            case "additionalProperties":
                self._unknown_keys(fault)
            case "required":
                self._missing_keys(fault)
            case "anyOf":
                self._best_branch(fault)
            case _:
                if (fault.path, fault.is_key) not in self._reported:
                    self._reported.add((fault.path, fault.is_key))
                    self._value(fault)

    def _value(self, fault: Fault) -> None:
        path, value = fault.path, fault.value
        # A limit of the product has its own codes, because the fix may be another product.
        limit = explain_limit(fault, self.document, self.against.product)
        if limit:
            self.diagnostics.append(limit)
        elif fault.keyword == "oneOf":
            self._sources(path, value)
        # A text in place of a reference is treated as a secret in plain text, and is not shown.
        elif fault.title in _SECRETS and isinstance(value, str | int | float):
            self._clear_secret(path)
        elif fault.title == "age recipient" and str(value).upper().startswith(_PRIVATE_KEY):
            text = f"{name_of(path)} is a private key: anyone who reads this file can decrypt the passwords"
            hint = "create a new key pair, because git keeps this key, and write its public key: age1…"
            self._report("SEC001", text, self.document.span(path), hint=hint)
        # SCH004 instead of SCH001: the file may need another version of the program.
        elif path in (("apiVersion",), ("kind",)):
            text = f"`{path[0]}` should be {expected(fault.schema)}, but is {found(value, echo=True)}"
            self._report("SCH004", text, self._place(path, value))
        # The rules of names explain the fault better than the pattern of the schema does.
        elif fault.title in NAMES and isinstance(value, str):
            place = self.document.span(path, key=fault.is_key)
            self._report("NAM001", f"{shown(value)}: {bad_name(fault.title, value)}", place)
        else:
            self._misfit(fault)

    def _misfit(self, fault: Fault) -> None:
        path, value, schema = fault.path, fault.value, fault.schema
        place = self.document.span(path, key=True) if fault.is_key else self._place(path, value)
        name, last = "the key" if fault.is_key else name_of(path), str(path[-1]) if path else ""
        # `key:` without a value is the most frequent mistake; null is not the user's intention.
        if value is None:
            item = bool(path) and isinstance(path[-1], int)
            hint = NULL_ITEM if item else hint_for(value, types_of(schema), last)
            hint = _SOURCE_HINT if fault.title in _SECRETS else hint
            self._report("SCH001", f"{name} has no value, it should be {expected(schema)}", place, hint=hint)
            return
        may_show = _may_show(path, schema)
        text = f"{name} should be {expected(schema)}, but is {found(value, echo=may_show)}"
        hint = ""
        match fault.keyword:
            case "type":
                hint = hint_for(value, types_of(schema), last)
            case "enum" if isinstance(value, str) and may_show:
                hint = did_you_mean(value, [str(v) for v in fault.argument])
            case "minItems" | "minProperties":
                text = f"{name} is empty, it needs at least {fault.argument}"
                hint = NEEDED.get(last, "remove it")
            case "maxItems" | "maxProperties":
                text = f"{name} has {len(value)} entries, the maximum is {fault.argument}"
                hint = "write one name per item" if fault.title == "removed mailbox" else ""
            case "maxLength":
                text = f"{name} has {len(value)} characters, the maximum is {fault.argument}"
            case "minimum" if fault.title == "size":
                hint = "write unlimited for no limit"
        self._report("SCH001", text, place, hint=hint)

    def _unknown_keys(self, fault: Fault) -> None:
        known: Mapping[str, Any] = fault.schema.get("properties", {})
        for key in fault.value:
            # jsonschema reports the complete mapping; only its unknown keys are faults.
            if key in known:
                continue
            path = (*fault.path, key)
            self._reported.add((fault.path, False))
            place = self.document.span(path, key=True)
            limit = not_offered(path, place, self.against.product)
            if limit:
                self.diagnostics.append(limit)
                continue
            # For example, `keepCopy` directly under a mailbox instead of under `forwarding`.
            inside = next((p for p, part in known.items() if key in part.get("properties", {})), "")
            hint = did_you_mean(key, known) or (f"move `{key}` into `{inside}`" if inside else "")
            # The key may itself be a secret: YAML reads `password: {hunter2}` as a mapping with one key.
            word = "a key" if fault.title in (*_SECRETS, *_PARTS) else f"`{plain_or_shown(key)}`"
            where = f" in {name_of(fault.path)}" if fault.path else ""
            hint = hint or f"use one of the known keys: {', '.join(known)}"
            self._report("SCH002", f"{word} is not known{where}", place, hint=hint)

    def _missing_keys(self, fault: Fault) -> None:
        where = name_of(fault.path) if fault.path else "the file"
        for key in fault.argument:
            if key not in fault.value:
                part = fault.schema.get("properties", {}).get(key, {})
                hint = f"add `{key}: {part['const']}`" if "const" in part else f"add `{key}: …`"
                self._report("SCH003", f"{where} lacks `{key}`", self._place(fault.path, fault.value), hint=hint)

    def _best_branch(self, fault: Fault) -> None:
        """Explains the faults of one branch: of those that accept the value's type, the one with the fewest faults."""
        # A branch for another type, such as a list instead of a mapping, would hide the real fault.
        misfits = [[e for e in row if e.keyword == "type" and e.path == fault.path] for row in fault.branches]
        candidates = [row for row, wrong in zip(fault.branches, misfits, strict=True) if not wrong]
        if candidates:
            best: tuple[Fault, ...] = min(candidates, key=len)
            for inner in best:
                self.add(inner)
            return
        wrong = [e for row in misfits for e in row]
        types = [name for e in wrong for name in types_of(e.schema)]
        value = found(fault.value, echo=all(_may_show(fault.path, e.schema) for e in wrong))
        text = f"{name_of(fault.path)} should be {expected_types(types)}, but is {value}"
        hint = hint_for(fault.value, types, str(fault.path[-1]) if fault.path else "")
        self._report("SCH001", text, self._place(fault.path, fault.value), hint=hint)

    def _sources(self, path: NodePath, value: object) -> None:
        """Reports a reference that names no source of a secret, or several."""
        assert isinstance(value, dict)
        named = [key for key in _SOURCES if key in value]
        if named:
            text = f"{name_of(path)} names {len(named)} sources: {', '.join(named)}"
            self._report("SCH001", text, self._place(path, value), hint="keep one of them")
        else:
            text = f"{name_of(path)} names no source of the secret"
            self._report("SCH003", text, self._place(path, value), hint=_SOURCE_HINT)

    def _clear_secret(self, path: NodePath) -> None:
        text = f"{name_of(path)} is written in plain text: git keeps it forever"
        self._report("SEC001", text, self.document.span(path), hint=f"{_SOURCE_HINT}; then change the password")

    def _place(self, path: NodePath, value: object) -> Span:
        """A short location: the key if the value is empty or long, and the first key for the entire file."""
        if not path:
            first: Iterable[str] = value if isinstance(value, dict) else ()
            return self.document.span(tuple(first)[:1], key=True)
        return self.document.span(path, key=value is None or isinstance(value, dict | list))

    def _report(self, code: str, message: str, place: Span, *, hint: str = "") -> None:
        self.diagnostics.append(error(code, message, place, hint=hint))


def _may_show(path: NodePath, schema: Mapping[str, Any]) -> bool:
    """Whether a value here cannot be a secret. `alice: hunter2`, a text in place of a mapping, may be one."""
    if schema.get("title") in _NEVER_SHOWN or "password" in path:
        return False
    return bool(_SCALARS.intersection(types_of(schema))) or "enum" in schema or "const" in schema


def explain_limit(fault: Fault, document: Document, product: Product | None) -> Diagnostic | None:
    """The LIM diagnostic for a fault that a product's limit causes; None for any other fault."""
    path = fault.path
    if product is None:
        return None
    if (path, fault.keyword) in _COUNTED:
        return _too_many(fault, document, product)
    if len(path) != 3 or path[0] != "mailboxes":
        return None
    if path[2] == "quota":
        return _quota(fault.value, path, document, product)
    if path[2] in _ACTIVATIONS and fault.keyword == "const" and fault.value is True:
        activation = str(path[2])
        name = plain_or_shown(str(path[1]))
        text = f"{activation.upper()} is on for {name}, but product {product.name} does not offer it to customers"
        hint = f"remove `{activation}` here, and ask the host to turn it on"
        return error(_ACTIVATIONS[activation], text, document.span(path), hint=hint)
    return None


def not_offered(path: NodePath, place: Span, product: Product | None) -> Diagnostic | None:
    """LIM003 for the section `domainAliases` of a product without them: its compiled schema has no such key."""
    if product is None or path != ("domainAliases",) or product.limits.domain_aliases != 0:
        return None
    text = f"product {product.name} offers no domain aliases"
    return error("LIM003", text, place, hint=f"remove the section, or raise {_limit('domainAliases', product)}")


def _too_many(fault: Fault, document: Document, product: Product) -> Diagnostic:
    """Reported at the first resource over the limit, in the order of the file."""
    code, word = _COUNTED[fault.path, fault.keyword]
    most, count = int(fault.argument), len(fault.value)
    first = most if isinstance(fault.value, list) else list(fault.value)[most]
    text = f"{count} {word}, but product {product.name} allows {most}; this is the first one over the limit"
    hint = f"remove {count - most}, or raise {_limit(str(fault.path[0]), product)}"
    return error(code, text, document.span((*fault.path, first), key=True), hint=hint)


def _quota(value: object, path: NodePath, document: Document, product: Product) -> Diagnostic | None:
    # Only a valid size over the limit is LIM004. Any other value gets the usual explanation of its schema.
    limit = product.limits.mailbox_quota
    if not limit or isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        size = parse_size(value)
    except ValueError:
        return None
    if size != UNLIMITED and size <= limit:
        return None
    name, most = plain_or_shown(str(path[1])), format_size(limit)
    text = f"the quota of {name} is {format_size(size)}, but product {product.name} allows {most}"
    return error("LIM004", text, document.span(path), hint=f"lower it, or raise {_limit('mailboxQuota', product)}")


def _limit(key: str, product: Product) -> str:
    return f"`limits.{key}` ({product.origin.file})"
