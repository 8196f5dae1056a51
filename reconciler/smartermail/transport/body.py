"""An answer's body, unpacked no further than is allowed: a few kilobytes of gzip can hold gigabytes.

httpx would unpack each piece whole, and as many encodings one inside the other as the server names.
"""

import zlib

import httpx

_ASKED_FOR = frozenset({"gzip", "x-gzip", "deflate"})
_EITHER = 47
"""Window bits with which zlib knows by itself whether it has gzip or zlib before it."""
_RAW = -15


class TooLarge(Exception):
    """The body is larger than was allowed; the rest of it was not read."""


async def whole_body(response: httpx.Response, limit: int) -> bytes:
    """The body of an answer whose stream is open.

    Args:
        limit: bytes, both as they come and unpacked.

    Raises:
        TooLarge: see there.
        httpx.DecodingError: it is packed in a way that was not asked for, or what is in it is broken.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", *_ASKED_FOR):
        raise httpx.DecodingError("it is packed in a way that was not asked for")
    unpacking = _Unpacking() if encoding in _ASKED_FOR else None
    parts: list[bytes] = []
    came = size = 0
    async for part in response.aiter_raw():
        came += len(part)
        whole = part if unpacking is None else unpacking.next(part, limit - size + 1)
        size += len(whole)
        if max(came, size) > limit:
            raise TooLarge
        parts.append(whole)
    if unpacking is not None and came and not unpacking.is_over:
        raise httpx.DecodingError("it ends too soon")
    return b"".join(parts)


class _Unpacking:
    """One body; `deflate` is zlib by the standard (RFC 9110 section 8.4.1.2), and raw by many servers."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_EITHER)
        self._is_first = True

    @property
    def is_over(self) -> bool:
        return self._zlib.eof

    def next(self, part: bytes, most: int) -> bytes:
        """What the next piece gives, at most so many bytes."""
        try:
            return self._zlib.decompress(part, most)
        except zlib.error as e:
            if not self._is_first:
                raise httpx.DecodingError(str(e)) from e
        finally:
            self._is_first = False
        self._zlib = zlib.decompressobj(_RAW)
        try:
            return self._zlib.decompress(part, most)
        except zlib.error as e:
            raise httpx.DecodingError(str(e)) from e
