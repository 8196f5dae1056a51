"""The body of an answer, decompressed up to a limit: a few kilobytes of gzip can contain gigabytes.

httpx has no such limit: it decompresses each chunk completely, and as many nested encodings as the server names.
"""

import zlib

import httpx

_REQUESTED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = 47
"""Window bits with which zlib detects the gzip or zlib format itself."""
_RAW = -15
"""Window bits for deflate data without a header."""


class TooLarge(Exception):
    """The body is larger than the limit; the rest of it was not read."""


async def read_body(response: httpx.Response, limit: int) -> bytes:
    """Read and decompress the body of a response whose stream is open.

    Args:
        limit: maximum bytes, compressed and decompressed.

    Raises:
        TooLarge: the body exceeds the limit.
        httpx.DecodingError: the encoding was not requested, or the compressed data is invalid.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    # A list such as `gzip, gzip` is rejected too: each nested encoding multiplies the possible size.
    if encoding not in ("", "identity", *_REQUESTED):
        raise httpx.DecodingError(f"the encoding {encoding!r} was not requested")
    decompressor = _Decompressor() if encoding in _REQUESTED else None
    parts: list[bytes] = []
    received = size = 0
    async for part in response.aiter_raw():
        received += len(part)
        # One byte more than the limit shows that the body is too large, without decompressing the rest.
        plain = part if decompressor is None else decompressor.next(part, limit - size + 1)
        size += len(plain)
        if max(received, size) > limit:
            raise TooLarge
        parts.append(plain)
    if decompressor is not None and received and not decompressor.is_complete:
        raise httpx.DecodingError("the compressed data is truncated")
    return b"".join(parts)


class _Decompressor:
    """Decompresses one body.

    `deflate` means the zlib format by the standard (RFC 9110 section 8.4.1.2), but many servers send it without header.
    """

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._is_first = True

    @property
    def is_complete(self) -> bool:
        return self._zlib.eof

    def next(self, part: bytes, most: int) -> bytes:
        """Decompress the next part, up to `most` bytes."""
        try:
            return self._zlib.decompress(part, most)
        except zlib.error as e:
            if not self._is_first:
                raise httpx.DecodingError(str(e)) from e
        finally:
            self._is_first = False
        # Only the first part can show that the header is missing.
        self._zlib = zlib.decompressobj(_RAW)
        try:
            return self._zlib.decompress(part, most)
        except zlib.error as e:
            raise httpx.DecodingError(str(e)) from e
