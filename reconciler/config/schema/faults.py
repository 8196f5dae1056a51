"""What jsonschema finds wrong with a value, as values of ours. Only imported for a document that was refused.

The messages of jsonschema are not used: they repeat values, which may be secrets.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

Path = tuple[str | int, ...]

_ORDER: Final = ("type", "additionalProperties", "required", "const", "enum")
"""What comes first where several keywords refuse one value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One refusal.

    Attributes:
        path: of the value; where `is_key`, of the key that is refused itself, which then is `value`.
        keyword: of the schema that refused; `argument` is what stands behind it, `schema` what stands around it.
        branches: of `anyOf` and `oneOf`: the faults of each branch.
    """

    path: Path
    keyword: str
    argument: Any = field(repr=False)
    value: Any = field(repr=False)
    schema: Mapping[str, Any] = field(repr=False)
    is_key: bool = False
    branches: tuple[tuple["Fault", ...], ...] = ()

    @property
    def title(self) -> str:
        """The schema's title, which says what a value is for."""
        return str(self.schema.get("title", ""))


def find_faults(schema: Mapping[str, Any], value: object) -> list[Fault]:
    """Everything wrong with a value; of one value's faults the most telling first."""
    return sorted((_fault(e) for e in _ENGINE(schema).iter_errors(value)), key=rank)


def rank(fault: Fault) -> int:
    """How early it should be told."""
    return _ORDER.index(fault.keyword) if fault.keyword in _ORDER else len(_ORDER)


def _fault(e: ValidationError) -> Fault:
    path = cast(Path, tuple(e.absolute_path))
    is_key = "propertyNames" in e.absolute_schema_path
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
    """As ECMA-262 reads it: `$` is the end of the text, not a place before a last line break."""
    if isinstance(instance, str) and not re.search(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), instance):
        yield ValidationError("it does not match")


_ENGINE: Final = cast(
    Callable[[Mapping[str, Any]], Draft202012Validator],
    extend(Draft202012Validator, {"pattern": _pattern}),  # type: ignore[no-untyped-call]
)
