"""The lenient binder of request bodies: names in any case, "True" for true, "5" for 5 (API reference section 1.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

_LARGEST = 2**63  # the API's numbers have 64 bits


class BindError(Exception):
    """The request body is invalid; the answer is 400 "Invalid input parameters"."""


class Fields:
    """A JSON object whose fields are read by their camelCase names, in any case that the client uses.

    With `strict`, names and types must match exactly: a misnamed field is absent, a mistyped field is an error.
    """

    __slots__ = ("_raw", "strict")

    def __init__(self, raw: Mapping[str, Any], *, strict: bool = False) -> None:
        self.strict = strict
        # The real binder accepts PascalCase names too (API reference section 1.2), so that the case of a
        # name must not matter.
        self._raw: dict[str, Any] = dict(raw) if strict else {key.lower(): value for key, value in raw.items()}

    def __contains__(self, name: str) -> bool:
        return self._key(name) in self._raw

    def __bool__(self) -> bool:
        return bool(self._raw)

    def _key(self, name: str) -> str:
        return name if self.strict else name.lower()

    def value(self, name: str) -> Any:
        """The raw value; None if absent."""
        return self._raw.get(self._key(name))

    def text(self, name: str) -> str | None:
        """A string; None if absent or null."""
        value = self.value(name)
        if value is None or isinstance(value, str):
            return value
        if self.strict or isinstance(value, dict | list):
            raise BindError(name)
        return str(value)

    def number(self, name: str) -> int | None:
        """A 64-bit integer, also from a string of digits; None if absent, null or an empty string."""
        value = self.value(name)
        if isinstance(value, str) and not self.strict:
            try:
                value = int(value) if value.strip() else None
            except ValueError:
                raise BindError(name) from None
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not -_LARGEST <= value < _LARGEST:
            raise BindError(name)
        return value

    def flag(self, name: str) -> bool | None:
        """A boolean, also from "True", "false", 1, 0, "1", "0"; None if absent or null."""
        value = self.value(name)
        if value is None or isinstance(value, bool):
            return value
        if not self.strict:
            known = {"true": True, "1": True, "false": False, "0": False, "": False}.get(str(value).strip().lower())
            if known is not None:
                return known
        raise BindError(name)

    def fields(self, name: str) -> Fields | None:
        """A nested object; None if absent or null."""
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise BindError(name)
        return Fields(value, strict=self.strict)

    def texts(self, name: str) -> list[str] | None:
        """A list of strings, also from one string with separators, or with numbers; None if absent or null."""
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, str) and not self.strict:
            value = value.replace(";", ",").replace("\n", ",").split(",")
        kinds = str if self.strict else str | int
        if not isinstance(value, list) or any(isinstance(one, bool) or not isinstance(one, kinds) for one in value):
            raise BindError(name)
        return [text for one in value if (text := str(one).strip())]


class Body:
    """A request's body: an object (`fields`), or a bare array (`rows`)."""

    __slots__ = ("fields", "rows")

    def __init__(self, fields: Fields, rows: list[Any] | None = None) -> None:
        self.fields = fields
        self.rows = rows

    def inputs(self, *names: str) -> list[str]:
        """The strings under the first existing name, or those of a bare array."""
        if self.rows is not None:
            return Fields({"rows": self.rows}).texts("rows") or []
        for name in names:
            found = self.fields.texts(name)
            if found is not None:
                return found
        raise BindError(names[0])


def read_body(raw: bytes, content_type: str, *, strict: bool = False) -> Body:
    """Bind a request body. An empty body is an empty object; a form-encoded body is an object of strings.

    curl and PHP label every body as form-encoded by default. Therefore a body that starts like JSON is read as JSON.
    Raises BindError if it is neither JSON nor a form.
    """
    start = raw.lstrip()[:1]
    if not start:
        return Body(Fields({}, strict=strict))
    # Never strict: all values of a form are strings.
    if "x-www-form-urlencoded" in content_type.lower() and start not in {b"{", b"["}:
        return Body(Fields(dict(_form(raw))))
    value = parse_json(raw)
    if isinstance(value, dict):
        return Body(Fields(value, strict=strict))
    if isinstance(value, list):
        return Body(Fields({}, strict=strict), value)
    if value is None:
        return Body(Fields({}, strict=strict))
    raise BindError("body")


def _form(raw: bytes) -> list[tuple[str, str]]:
    try:
        # The limit keeps a form with millions of fields from blocking the event loop.
        return parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise BindError("body") from None


def parse_json(raw: bytes) -> Any:
    """The JSON value of `raw`.

    Raises BindError for invalid JSON, for too deep nesting, and for lone surrogates, which no answer could contain.
    """
    try:
        text = raw.decode(json.detect_encoding(raw))
        value = json.loads(text)
        # Only an escape can produce a lone surrogate, so that other texts skip this expensive check.
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise BindError("body") from None
    return value
