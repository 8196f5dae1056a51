"""The faults that jsonschema finds, as our own values. Imported only after a document was rejected.

The messages of jsonschema are not used: they repeat values, which may be secrets.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from reconciler.config.document.builder import NodePath

_ORDER: Final = ("type", "additionalProperties", "required", "const", "enum")
"""Keywords in order of how much they explain: one fault is reported for each value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One keyword of a schema that rejects one value.

    Attributes:
        path: of the value. If `is_key`, the key at this path is itself invalid, and `value` is that key.
        keyword: the keyword, `argument` its value in the schema, `schema` the schema object that contains it.
        branches: for `anyOf` and `oneOf`, the faults of each branch.
    """

    path: NodePath
    keyword: str
    argument: Any = field(repr=False)
    value: Any = field(repr=False)
    schema: Mapping[str, Any] = field(repr=False)
    is_key: bool = False
    branches: tuple[tuple["Fault", ...], ...] = ()

    @property
    def title(self) -> str:
        """The schema's title. It identifies the meaning of the value, such as `size`."""
        return str(self.schema.get("title", ""))


def find_faults(schema: Mapping[str, Any], value: object) -> list[Fault]:
    """All faults of a value; of several faults of one value the most informative is first."""
    return sorted((_fault(e) for e in _ENGINE(schema).iter_errors(value)), key=rank)


def rank(fault: Fault) -> int:
    """Sort key: 0 is reported first."""
    return _ORDER.index(fault.keyword) if fault.keyword in _ORDER else len(_ORDER)


def _fault(e: ValidationError) -> Fault:
    path = cast(NodePath, tuple(e.absolute_path))
    # jsonschema gives no path to an invalid key, so the key itself becomes the last step.
    is_key = "propertyNames" in e.absolute_schema_path
    # `context` lists the faults of all branches together; the first step of their schema path is the branch.
    rows: dict[Any, list[Fault]] = {}
    for inner in e.context or ():
        rows.setdefault(inner.relative_schema_path[0], []).append(_fault(inner))
    return Fault(
        path=(*path, str(e.instance)) if is_key else path,
        keyword=str(e.validator),
        argument=e.validator_value,
        value=e.instance,
        schema=e.schema if isinstance(e.schema, dict) else {},
        is_key=is_key,
        branches=tuple(tuple(sorted(row, key=rank)) for row in rows.values()),
    )


def _pattern(_: object, pattern: str, instance: object, __: object) -> Iterator[ValidationError]:
    """Matches as ECMA-262, jsonschema-rs and editors do: in Python `$` also matches before a final line break."""
    if isinstance(instance, str) and not re.search(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), instance):
        yield ValidationError("it does not match")


# Only `pattern` is replaced, so that both validators reach the same verdict.
_ENGINE: Final = cast(
    Callable[[Mapping[str, Any]], Draft202012Validator],
    extend(Draft202012Validator, {"pattern": _pattern}),  # type: ignore[no-untyped-call]
)
