"""The lenient request binder: any letter case in names, "True" for true, "5" for 5 (API reference section 1.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

_LARGEST = 2**63  # numbers of the API are 64 bits wide


class BindError(Exception):
    """A request body that cannot be understood; answered with 400 "Invalid input parameters"."""


class Fields:
    """A JSON object whose fields are read by their camelCase names, whatever case the client wrote.

    With `strict`, names and types must be exact: a misnamed field is simply not there, a mistyped one is an error.
    """

    __slots__ = ("_raw", "strict")

    def __init__(self, raw: Mapping[str, Any], *, strict: bool = False) -> None:
        self.strict = strict
        self._raw: dict[str, Any] = dict(raw) if strict else {key.lower(): value for key, value in raw.items()}

    def __contains__(self, name: str) -> bool:
        return self._key(name) in self._raw

    def __bool__(self) -> bool:
        return bool(self._raw)

    def _key(self, name: str) -> str:
        return name if self.strict else name.lower()

    def value(self, name: str) -> Any:
        """The raw value, None when absent."""
        return self._raw.get(self._key(name))

    def text(self, name: str) -> str | None:
        """A text, None when absent or null."""
        value = self.value(name)
        if value is None or isinstance(value, str):
            return value
        if self.strict or isinstance(value, dict | list):
            raise BindError(name)
        return str(value)

    def number(self, name: str) -> int | None:
        """A whole number of 64 bits, also from its digits as text; None when absent, null or an empty text."""
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
        """A boolean, also from "True", "false", 1, 0, "1", "0"; None when absent or null."""
        value = self.value(name)
        if value is None or isinstance(value, bool):
            return value
        if not self.strict:
            known = {"true": True, "1": True, "false": False, "0": False, "": False}.get(str(value).strip().lower())
            if known is not None:
                return known
        raise BindError(name)

    def fields(self, name: str) -> Fields | None:
        """A nested object; None when absent or null."""
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise BindError(name)
        return Fields(value, strict=self.strict)

    def texts(self, name: str) -> list[str] | None:
        """A list of texts, also from one text with separators or with numbers in it; None when absent or null."""
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
        """The texts under the first of `names` that is there, or those of a bare array."""
        if self.rows is not None:
            return Fields({"rows": self.rows}).texts("rows") or []
        for name in names:
            found = self.fields.texts(name)
            if found is not None:
                return found
        raise BindError(names[0])


def read_body(raw: bytes, content_type: str, *, strict: bool = False) -> Body:
    """Bind a request's body; an empty one is an empty object. Form-encoded bodies count as objects of texts.

    curl and PHP call any body form-encoded unless told otherwise, so one that begins like JSON is taken for JSON.
    Raises BindError when it is neither JSON nor a form.
    """
    start = raw.lstrip()[:1]
    if not start:
        return Body(Fields({}, strict=strict))
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
        return parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise BindError("body") from None


def parse_json(raw: bytes) -> Any:
    """The JSON value in `raw`.

    Raises BindError when it is none, nests too deeply to be read, or holds half of a surrogate pair, which could not
    be sent back.
    """
    try:
        text = raw.decode(json.detect_encoding(raw))
        value = json.loads(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise BindError("body") from None
    return value
